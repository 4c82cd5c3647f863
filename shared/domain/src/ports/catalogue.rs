use async_trait::async_trait;
use rust_decimal::Decimal;

use super::StoreError;
use crate::{SessionId, ShowId, TicketId};

/// A ticket tier as the catalogue describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tier {
    /// The tier.
    pub ticket_id: TicketId,
    /// The performance it belongs to.
    pub session_id: SessionId,
    /// The show it belongs to.
    pub show_id: ShowId,
    /// What a buyer reads: show, place, tier.
    pub title: String,
    /// Price of one ticket.
    pub price: Decimal,
    /// Seats that go on sale.
    pub total: u32,
    /// The most seats one buyer may hold; `None` means no limit.
    pub per_user_limit: Option<u32>,
}

/// Shows, sessions and prices.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// The tier of a ticket; `None` when there is no such ticket.
    async fn tier(&self, ticket_id: TicketId) -> Result<Option<Tier>, StoreError>;

    /// Every tier on sale.
    async fn tiers(&self) -> Result<Vec<Tier>, StoreError>;
}
