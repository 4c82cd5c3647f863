//! Keeps the durable stock: deductions, confirmations and rollbacks in the ledger, and the stock cache in line with it.
//!
//! A batch costs one ledger write for each ticket in it, not one for each message; a message that is refused falls
//! out and leaves its neighbours alone.

mod changes;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_domain::ports::{Alerts, Bus, Clock, OrderStore, Ports, StockCache, StockLedger};
use boxoffice_domain::{BusinessRules, FunctionSettings, LedgerChange, LedgerOperation, TicketId};
use boxoffice_flow::reading;
use boxoffice_messages::{StockEventMessage, StockOperation, group, tag, topic};
use boxoffice_runtime::{BatchEngine, BatchHandler, Context, Outcome, Subscription};
use futures_util::future::join_all;

/// The name of the function.
pub const NAME: &str = "stock-management";

/// The function, ready to be fed by a transport.
pub fn function(ports: &Ports, settings: &FunctionSettings) -> BatchEngine<StockManagement> {
    BatchEngine::new(NAME, StockManagement::new(ports, settings))
}

/// Handles STOCK_DEDUCT, STOCK_ROLLBACK and STOCK_SYNC.
pub struct StockManagement {
    /// The durable stock: the authority.
    pub ledger: Arc<dyn StockLedger>,
    /// The stock cache that buyers race for.
    pub stock_cache: Arc<dyn StockCache>,
    /// Orders: a refused deduction cancels one.
    pub orders: Arc<dyn OrderStore>,
    /// Sends what the order store does not send itself.
    pub bus: Arc<dyn Bus>,
    /// Alerts operators to refunds and drift.
    pub alerts: Arc<dyn Alerts>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The zone of date-times in messages.
    pub rules: BusinessRules,
}

#[async_trait]
impl BatchHandler for StockManagement {
    type Message = StockEventMessage;

    fn subscription(&self) -> Subscription {
        let tags = &[tag::STOCK_DEDUCT, tag::STOCK_ROLLBACK, tag::STOCK_SYNC];
        Subscription::new(group::STOCK_MANAGEMENT, topic::STOCK, tags)
    }

    async fn handle_batch(&self, batch: &[(StockEventMessage, Context)]) -> Vec<Outcome> {
        let mut answers: Vec<Option<Outcome>> = vec![None; batch.len()];
        let mut tickets: BTreeMap<TicketId, TicketWork<'_>> = BTreeMap::new();
        for (index, (message, context)) in batch.iter().enumerate() {
            match Asked::read(message) {
                Ok((ticket_id, Asked::Change(change))) => {
                    tickets.entry(ticket_id).or_default().changes.push((index, change, context));
                }
                Ok((ticket_id, Asked::Sync)) => tickets.entry(ticket_id).or_default().syncs.push(index),
                Err(poison) => answers[index] = Some(poison),
            }
        }
        let tickets = tickets.into_iter().map(|(ticket_id, work)| self.ticket(ticket_id, work));
        for (index, outcome) in join_all(tickets).await.into_iter().flatten() {
            answers[index] = Some(outcome);
        }
        let unanswered = || Outcome::retry("the ledger gave no answer for this message");
        answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered)).collect()
    }
}

impl StockManagement {
    /// Takes what it needs of the ports and settings.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self {
            ledger: ports.ledger.clone(),
            stock_cache: ports.stock_cache.clone(),
            orders: ports.orders.clone(),
            bus: ports.bus.clone(),
            alerts: ports.alerts.clone(),
            clock: ports.clock.clone(),
            rules: settings.rules.clone(),
        }
    }

    /// Everything that a batch asks of one ticket; the answers carry the position of each message.
    async fn ticket(&self, ticket_id: TicketId, work: TicketWork<'_>) -> Vec<(usize, Outcome)> {
        let mut answers = self.change(ticket_id, &work.changes).await;
        if !work.syncs.is_empty() {
            // One comparison answers all who asked for it.
            let outcome = Outcome::from(self.sync(ticket_id).await);
            answers.extend(work.syncs.into_iter().map(|index| (index, outcome.clone())));
        }
        answers
    }
}

/// What a batch asks of one ticket, with the position of each message.
#[derive(Default)]
struct TicketWork<'a> {
    changes: Vec<(usize, LedgerChange, &'a Context)>,
    syncs: Vec<usize>,
}

enum Asked {
    Change(LedgerChange),
    Sync,
}

impl Asked {
    fn read(message: &StockEventMessage) -> Result<(TicketId, Self), Outcome> {
        let ticket_id = TicketId(message.require_ticket_id()?);
        let operation = match message.require_operation()? {
            StockOperation::Sync => return Ok((ticket_id, Self::Sync)),
            StockOperation::Deduct => LedgerOperation::Deduct,
            StockOperation::Rollback => LedgerOperation::Rollback,
            StockOperation::Confirm => LedgerOperation::Confirm,
        };
        let order_no = reading::order_no(message.require_order_no())?;
        let quantity = reading::quantity(message.require_quantity())?;
        Ok((ticket_id, Self::Change(LedgerChange { order_no, quantity, operation })))
    }
}
