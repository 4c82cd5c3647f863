use async_trait::async_trait;

use super::{Page, StoreError};
use crate::{Counters, LedgerChange, LedgerEntry, LedgerOutcome, OrderNo, TicketId, UserId};

/// What a buyer wants to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationRequest {
    /// The tier.
    pub ticket_id: TicketId,
    /// The order: a repeated request of the same order changes nothing.
    pub order_no: OrderNo,
    /// The buyer, for the limit.
    pub user_id: UserId,
    /// Number of seats, at least 1.
    pub quantity: u32,
    /// The most seats of this tier the buyer may hold over all orders.
    pub per_user_limit: Option<u32>,
}

/// The answer to a [`ReservationRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// The seats are held for the order. Wire answer 1.
    Reserved,
    /// They were held for it before. Wire answer 1.
    AlreadyReserved,
    /// Too few seats. Wire answer 0.
    SoldOut {
        /// Seats left.
        available: u32,
    },
    /// The buyer would hold too many.
    OverLimit {
        /// Seats the buyer holds now.
        held: u32,
    },
    /// The reservation of this order was given back before: it does not come again.
    RolledBack,
    /// No stock is loaded for this ticket. Wire answer -1.
    NotLoaded,
}

/// The answer to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// The seats are free again.
    Released,
    /// They were given back before.
    AlreadyReleased,
    /// There was no reservation: a tombstone now keeps a late one out.
    Tombstoned,
    /// No stock is loaded for this ticket; nothing changed.
    NotLoaded,
}

/// One reservation that holds seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldReservation {
    /// The order.
    pub order_no: OrderNo,
    /// The buyer; 0 where a repair could not know.
    pub user_id: UserId,
    /// Seats held.
    pub quantity: u32,
}

/// What the stock cache holds for one ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheStock {
    /// Seats that buyers may still race for.
    pub available: u32,
    /// Seats held by reservations.
    pub held: u32,
    /// Number of reservations that hold seats.
    pub reservations: u32,
}

/// How the stock cache of one ticket is to be put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The durable total.
    pub total: u32,
    /// Seats that the ledger counts but the cache has no reservation for; added unless a tombstone forbids it.
    pub missing: Vec<HeldReservation>,
    /// Reservations that belong to no live order; given back.
    pub orphans: Vec<OrderNo>,
}

/// What a repair changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repaired {
    /// Before; `None` when no stock was loaded.
    pub before: Option<CacheStock>,
    /// After: `available = total - held`.
    pub after: CacheStock,
}

/// The stock cache that buyers race for.
#[async_trait]
pub trait StockCache: Send + Sync {
    /// Holds seats for an order, idempotent per order number, in one atomic step.
    async fn reserve(&self, request: &ReservationRequest) -> Result<Reserve, StoreError>;

    /// Gives the seats of an order back, idempotent per order number, and leaves a tombstone.
    async fn release(&self, ticket_id: TicketId, order_no: &OrderNo) -> Result<Release, StoreError>;

    /// Loads the stock of a ticket that has none; true if it did, false when stock was loaded before.
    async fn load(&self, ticket_id: TicketId, available: u32) -> Result<bool, StoreError>;

    /// What is held for a ticket; `None` when no stock is loaded.
    async fn stock(&self, ticket_id: TicketId) -> Result<Option<CacheStock>, StoreError>;

    /// The reservations of a ticket that hold seats, in the order of their order numbers.
    async fn reservations(
        &self,
        ticket_id: TicketId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<HeldReservation>, StoreError>;

    /// Puts one ticket right, in one atomic step: adds what is missing, gives orphans back, then sets
    /// `available = total - held`.
    async fn repair(&self, ticket_id: TicketId, repair: &Repair) -> Result<Repaired, StoreError>;
}

/// The durable stock: the authority.
#[async_trait]
pub trait StockLedger: Send + Sync {
    /// Sets the number of seats of a ticket. [`StoreError::Invalid`] when more are locked or sold already.
    async fn load(&self, ticket_id: TicketId, total: u32) -> Result<Counters, StoreError>;

    /// Applies a batch of changes of one ticket with one counter change, see [`crate::ledger::fold`]; the answers
    /// come in the order of the changes.
    async fn apply(
        &self,
        ticket_id: TicketId,
        changes: &[LedgerChange],
    ) -> Result<Vec<LedgerOutcome>, StoreError>;

    /// The counters of a ticket; `None` when no stock was ever loaded.
    async fn counters(&self, ticket_id: TicketId) -> Result<Option<Counters>, StoreError>;

    /// The record of one order and ticket.
    async fn entry(&self, ticket_id: TicketId, order_no: &OrderNo)
    -> Result<Option<LedgerEntry>, StoreError>;

    /// The records of a ticket in the order of their order numbers.
    async fn entries(
        &self,
        ticket_id: TicketId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<LedgerEntry>, StoreError>;
}
