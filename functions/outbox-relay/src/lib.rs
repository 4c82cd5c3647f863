//! Sends what was left unsent, and times out orders whose delayed message never came.

mod overdue;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, Clock, OrderStore, Page, Ports, SendError};
use boxoffice_domain::{BusinessRules, FunctionSettings};
use boxoffice_flow::deliver_unsent;
use boxoffice_runtime::{SweepError, SweepReport, Sweeper};
use jiff::Timestamp;

use overdue::Round;

/// The name of the function.
pub const NAME: &str = "outbox-relay";

/// When a message counts as left behind, and how much one sweep does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelaySettings {
    /// How long to wait between two sweeps.
    pub interval: Duration,
    /// A mark younger than this is left to the process that made it.
    pub unsent_grace: Duration,
    /// An order that expired more recently than this is left to its delayed message.
    pub overdue_grace: Duration,
    /// The least time between two timeouts of an order, so that a queue without a reader does not fill up.
    pub overdue_pause: Duration,
    /// Marks, or overdue orders, taken at once.
    pub page: u32,
    /// The most pages of marks in one sweep.
    pub pages: u32,
}

impl Default for RelaySettings {
    /// Every 5 s; 5 s and 30 s of grace; a minute between two timeouts of an order; at most 20 pages of 500.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            unsent_grace: Duration::from_secs(5),
            overdue_grace: Duration::from_secs(30),
            overdue_pause: Duration::from_secs(60),
            page: 500,
            pages: 20,
        }
    }
}

/// The sweeper of this function.
pub fn sweeper(ports: &Ports, settings: &FunctionSettings, interval: Duration) -> OutboxRelay {
    OutboxRelay::new(ports, settings, RelaySettings { interval, ..RelaySettings::default() })
}

/// Sends messages that are still marked in the order store, and ORDER_TIMEOUT for overdue orders.
pub struct OutboxRelay {
    /// Orders and their marks.
    pub orders: Arc<dyn OrderStore>,
    /// Takes the messages.
    pub bus: Arc<dyn Bus>,
    /// Decides what is late.
    pub clock: Arc<dyn Clock>,
    /// The zone of date-times in messages.
    pub rules: BusinessRules,
    /// When and how much.
    pub settings: RelaySettings,
    round: Round,
    /// Where the next sweep goes on through the marks; absent at the start of a round.
    next_marks: Mutex<Option<String>>,
}

#[async_trait]
impl Sweeper for OutboxRelay {
    fn name(&self) -> &'static str {
        NAME
    }

    fn interval(&self) -> Duration {
        self.settings.interval
    }

    /// Does both parts even when the first fails, and answers with the first error.
    async fn sweep(&self) -> Result<SweepReport, SweepError> {
        let sent = self.send_what_was_left().await;
        let timed_out = self.send_overdue_timeouts().await;
        let (sent, timed_out) = (sent?, timed_out?);
        Ok(SweepReport { examined: sent + timed_out, repaired: sent + timed_out, left: 0 })
    }
}

impl OutboxRelay {
    /// Takes what it needs of the ports; `functions` is what all functions share.
    pub fn new(ports: &Ports, functions: &FunctionSettings, settings: RelaySettings) -> Self {
        Self {
            orders: ports.orders.clone(),
            bus: ports.bus.clone(),
            clock: ports.clock.clone(),
            rules: functions.rules.clone(),
            settings,
            round: Round::default(),
            next_marks: Mutex::default(),
        }
    }

    /// Page by page, to the end or for as many pages as one sweep does; the number of messages sent. What the bus
    /// refuses stays marked and holds up nothing behind it. While the bus is away the page is tried again.
    async fn send_what_was_left(&self) -> Result<u64, SweepError> {
        let before = earlier(self.clock.now(), self.settings.unsent_grace);
        let mut sent = 0;
        let mut refused = None;
        for _ in 0..self.settings.pages {
            let cursor = self.next_marks.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Page { items, next } =
                self.orders.unsent(before, self.settings.page, cursor.as_deref()).await?;
            let count = items.len();
            match deliver_unsent(&*self.bus, &*self.orders, items).await {
                Ok(()) => sent += count as u64,
                Err(error @ SendError::Rejected(_)) => refused = refused.or(Some(error)),
                Err(error) => return Err(error.into()),
            }
            let end_of_round = next.is_none();
            *self.next_marks.lock().unwrap_or_else(PoisonError::into_inner) = next;
            if end_of_round {
                break;
            }
        }
        refused.map_or(Ok(sent), |error| Err(error.into()))
    }
}

fn earlier(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_sub(by).unwrap_or(Timestamp::MIN)
}
