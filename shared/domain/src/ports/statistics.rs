use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::StoreError;
use crate::{OrderNo, ShowId, TicketId};

/// One paid order, for the statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct Sale {
    /// The order; a second sale of the same order counts nothing.
    pub order_no: OrderNo,
    /// The show.
    pub show_id: Option<ShowId>,
    /// The ticket tier.
    pub ticket_id: TicketId,
    /// Number of tickets.
    pub quantity: u32,
    /// Money taken; `None` when the message did not say.
    pub amount: Option<Decimal>,
    /// When it was paid.
    pub at: Timestamp,
}

/// What a ticket tier sold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SalesTotal {
    /// Paid orders.
    pub orders: u64,
    /// Tickets in them.
    pub tickets: u64,
    /// Money taken.
    pub amount: Decimal,
}

/// Sales statistics.
#[async_trait]
pub trait Statistics: Send + Sync {
    /// Counts a sale. False when the order was counted before.
    async fn record(&self, sale: &Sale) -> Result<bool, StoreError>;

    /// What a tier sold so far.
    async fn total(&self, ticket_id: TicketId) -> Result<SalesTotal, StoreError>;
}
