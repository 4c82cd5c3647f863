//! What an operator may count: never called by a function, so it may be slow, but it never holds up a writer.
//!
//! A backend reads page by page and promises no snapshot over two calls. Whoever compares two listings asks twice
//! where something may have changed in between.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Page, StoreError};
use crate::{Counters, LedgerEntry, Order, TicketId};

/// One order, and what the other records of its store say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditedOrder {
    /// The order, read first.
    pub order: Order,
    /// The record of its ticket and order number in the ledger.
    pub entry: Option<LedgerEntry>,
    /// Whether a sale is on record for it.
    pub has_sale: bool,
}

/// One ticket with durable stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditedTicket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Its counters.
    pub counters: Counters,
}

/// The messages of orders that are marked as to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MarkCount {
    /// How many there are.
    pub count: u64,
    /// When the oldest was made; `None` when there is none.
    pub oldest: Option<Timestamp>,
}

/// How many sales there are, counted in both ways. The figures are equal unless a sale was counted twice or never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SalesCount {
    /// Records of sales, one for each order.
    pub records: u64,
    /// Orders in the totals of all tickets together.
    pub in_totals: u64,
}

/// An effect of which it is, or was, unknown whether it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncertainEffect {
    /// Its idempotency key, as [`IdempotencyKey::as_str`](super::IdempotencyKey::as_str) gives it.
    pub key: String,
    /// Whether it was begun and neither done nor given back: its owner is at work, or died.
    pub unfinished: bool,
    /// How often another worker took over from an owner whose lease had run out.
    pub taken_over: u32,
}

/// What a store can count for an operator. Dead letters are counted by
/// [`DeadLetterStore`](super::DeadLetterStore), reservations by [`StockCache`](super::StockCache).
///
/// Listings come in an order of the backend's choice. Every record that is there during the whole listing comes once;
/// `limit` is at least 1, and a page may hold fewer records than that, or none, while more follow.
#[async_trait]
pub trait StoreAudit: Send + Sync {
    /// Every order with its ledger record and whether its sale is counted. Reads every order of the store once, and
    /// makes two point reads for each (on DynamoDB two batch reads for each 100).
    async fn orders(&self, limit: u32, cursor: Option<&str>) -> Result<Page<AuditedOrder>, StoreError>;

    /// Every ticket with durable stock: a record for each tier that was ever on sale.
    async fn tickets(&self, limit: u32, cursor: Option<&str>) -> Result<Page<AuditedTicket>, StoreError>;

    /// The messages that are still marked as to be sent. Reads as many records as there are marks.
    async fn marks(&self) -> Result<MarkCount, StoreError>;

    /// The sales. Reads, or at least counts, all of them.
    async fn sales(&self) -> Result<SalesCount, StoreError>;

    /// The uncertain effects of one function, which is the scope of its idempotency keys. There are few, but a backend
    /// without an index of them reads every idempotency record.
    async fn uncertain_effects(
        &self,
        function: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<UncertainEffect>, StoreError>;
}

/// A consumer group to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedGroup {
    /// Its name.
    pub name: String,
    /// The topics it reads: a broker counts by topic.
    pub topics: Vec<String>,
}

/// What a bus knows of the messages of one consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupAccount {
    /// The group.
    pub group: String,
    /// Messages that are due and not handled. Where the bus cannot distinguish those that a consumer has right now,
    /// they are counted here.
    pub waiting: u64,
    /// Messages that are due later; `None` where the bus cannot count them.
    pub delayed: Option<u64>,
    /// Messages that a consumer has right now; `None` where the bus cannot count them.
    pub in_flight: Option<u64>,
    /// When the oldest message became due that is not handled; `None` when there is none, or the bus does not know.
    pub oldest: Option<Timestamp>,
    /// Messages ever put in the queue of the group. It only grows, so two equal answers mean that none came in between.
    /// A bus that keeps only positions in queues also counts messages that the group does not take, and retries.
    /// `None` where the bus does not count.
    pub sent: Option<u64>,
    /// Messages of the group that were handled; `None` where the bus keeps no count of them.
    pub done: Option<u64>,
    /// Messages of the group that were given up and became dead letters; `None` where the bus keeps no count of them.
    pub dead: Option<u64>,
}

impl GroupAccount {
    /// Messages that a consumer must see now: due ones, handled right now or not.
    pub fn due(&self) -> u64 {
        self.waiting.saturating_add(self.in_flight.unwrap_or(0))
    }

    /// Messages that are not handled yet, as far as the bus knows.
    pub fn unhandled(&self) -> u64 {
        self.due().saturating_add(self.delayed.unwrap_or(0))
    }

    /// By how many messages the account does not add up: sent, but neither handled nor given up nor waiting, or the
    /// other way round. `None` where the bus does not know each of these figures.
    pub fn unaccounted(&self) -> Option<u64> {
        let settled = self.done?.saturating_add(self.dead?);
        let waiting = self.waiting.saturating_add(self.delayed?).saturating_add(self.in_flight?);
        Some(self.sent?.abs_diff(settled.saturating_add(waiting)))
    }
}

/// The bus could not be asked: try again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bus is unavailable: {0}")]
pub struct BusUnavailable(pub String);

/// What a bus can count for an operator.
#[async_trait]
pub trait BusAudit: Send + Sync {
    /// The account of each group, in the order asked for, then those of other groups that the bus has heard of, by
    /// name. Each account is of one instant; two of them need not be of the same. A group that the bus has not heard of
    /// has nothing waiting. Costs a broker a few requests for each group and topic; a bus in a file counts its rows.
    async fn accounts(&self, groups: &[AuditedGroup]) -> Result<Vec<GroupAccount>, BusUnavailable>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> GroupAccount {
        GroupAccount {
            group: "g".to_owned(),
            waiting: 3,
            delayed: Some(2),
            in_flight: Some(1),
            oldest: None,
            sent: Some(16),
            done: Some(9),
            dead: Some(1),
        }
    }

    #[test]
    fn an_account_adds_up_when_each_message_is_settled_or_waits() {
        assert_eq!((account().due(), account().unhandled(), account().unaccounted()), (4, 6, Some(0)));
        assert_eq!(GroupAccount { sent: Some(18), ..account() }.unaccounted(), Some(2), "two are lost");
        assert_eq!(
            GroupAccount { sent: Some(15), ..account() }.unaccounted(),
            Some(1),
            "one is counted twice"
        );
    }

    #[test]
    fn what_a_bus_does_not_know_is_not_made_up() {
        for partial in [
            GroupAccount { sent: None, ..account() },
            GroupAccount { done: None, ..account() },
            GroupAccount { dead: None, ..account() },
            GroupAccount { delayed: None, ..account() },
            GroupAccount { in_flight: None, ..account() },
        ] {
            assert_eq!(partial.unaccounted(), None, "{partial:?}");
        }
    }
}
