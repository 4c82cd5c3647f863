//! The ports: the traits through which functions reach the outside.
//!
//! A port's error says only what a caller can act on, see [`StoreError`] and [`SendError`].

mod audit;
mod bundle;
mod bus;
mod catalogue;
mod dead_letters;
mod idempotency;
mod notification;
mod order_store;
mod statistics;
mod stock_cache;
mod stock_ledger;
mod time;

pub use audit::{
    AuditedGroup, AuditedOrder, AuditedTicket, BusAudit, BusUnavailable, GroupAccount, MarkCount, SalesCount,
    StoreAudit, UncertainEffect,
};
pub use bundle::Ports;
pub use bus::{Bus, MessageId, Outgoing, SendError};
pub use catalogue::{Catalogue, Tier};
pub use dead_letters::{DeadLetter, DeadLetterFilter, DeadLetterStore, Redeliver};
pub use idempotency::{Claim, ClaimAnswer, Fence, IdempotencyKey, IdempotencyStore};
pub use notification::{Alert, Alerts, Notice, NotificationProvider, ProviderError, UserDirectory};
pub use order_store::{Created, MarkId, MarkedMessage, OrderStore, Outbox, Stepped};
pub use statistics::{Sale, SalesTotal, Statistics};
pub use stock_cache::{
    CacheStock, HeldReservation, ReleaseAnswer, RepairPage, Repaired, ReservationRequest, ReserveAnswer,
    StockCache,
};
pub use stock_ledger::StockLedger;
pub use time::{Clock, Ids};

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing is known to have changed, or the outcome is unknown: try again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Another writer changed the record meanwhile: read again, then decide.
    #[error("another writer was first: {0}")]
    Conflict(String),
    /// The request can never succeed as it is.
    #[error("the store rejected the request: {0}")]
    Invalid(String),
}

/// One page of a listing.
///
/// A page may hold fewer items than were asked for, even none, and still not be the last: a store that filters what
/// it read, or reads parts one after another, answers with what it found so far. Only `next` tells where the end is.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Pass it back to get the next page; `None` at the end. Opaque to callers.
    pub next: Option<String>,
}
