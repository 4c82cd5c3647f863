//! Orders whose delayed ORDER_TIMEOUT never came.

use std::sync::{Mutex, PoisonError};

use boxoffice_domain::ports::Page;
use boxoffice_flow::MessageWriter;
use boxoffice_runtime::SweepError;
use jiff::Timestamp;

use crate::{OutboxRelay, earlier};

/// The relay's position in the overdue orders: one page per sweep and a pause after the last page, so that an order does
/// not get a timeout again and again while the first one still waits.
#[derive(Debug, Default)]
pub(crate) struct Round(Mutex<Place>);

#[derive(Debug, Default, Clone)]
struct Place {
    cursor: Option<String>,
    /// When this round began, once it has.
    began: Option<Timestamp>,
    /// No page before this instant.
    pause_until: Option<Timestamp>,
}

impl Round {
    fn place(&self) -> Place {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn move_to(&self, place: Place) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

impl OutboxRelay {
    /// Sends ORDER_TIMEOUT for the next page of overdue orders; the number sent. A page that could not be sent is
    /// tried again by the next sweep.
    pub(crate) async fn send_overdue_timeouts(&self) -> Result<u64, SweepError> {
        let now = self.clock.now();
        let place = self.round.place();
        if place.pause_until.is_some_and(|until| now < until) {
            return Ok(0);
        }
        let began = place.began.unwrap_or(now);
        let before = earlier(now, self.settings.overdue_grace);
        let Page { items: orders, next } =
            self.orders.overdue(before, self.settings.page, place.cursor.as_deref()).await?;
        let sent = orders.len() as u64;
        if sent > 0 {
            tracing::warn!(orders = sent, "overdue orders had no ORDER_TIMEOUT; sending one for each");
            let writer = MessageWriter::new(now, &self.rules.zone);
            let messages = orders.iter().map(|order| writer.order_timeout(order)).collect();
            for answer in self.bus.send_all(messages).await {
                answer?;
            }
        }
        let end_of_round = next.is_none();
        // A round that found nothing needs no pause, which the next overdue order would have to wait for.
        let found_any = sent > 0 || place.cursor.is_some();
        let pause = (end_of_round && found_any)
            .then(|| began.checked_add(self.settings.overdue_pause).ok())
            .flatten();
        self.round.move_to(Place {
            cursor: next,
            began: (!end_of_round).then_some(began),
            pause_until: pause,
        });
        Ok(sent)
    }
}
