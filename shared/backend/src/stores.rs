use std::sync::Arc;

use boxoffice_domain::ports::{
    DeadLetterStore, IdempotencyStore, OrderStore, Statistics, StockCache, StockLedger, StoreAudit,
};

use crate::Resource;

/// What `STORE` opens into.
#[derive(Clone)]
pub struct StoreParts {
    /// Orders.
    pub orders: Arc<dyn OrderStore>,
    /// The durable stock.
    pub ledger: Arc<dyn StockLedger>,
    /// Which effects were done.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// Dead letters.
    pub dead_letters: Arc<dyn DeadLetterStore>,
    /// Sales statistics.
    pub statistics: Arc<dyn Statistics>,
    /// Counts records for operators.
    pub audit: Arc<dyn StoreAudit>,
    /// What must be closed at the end.
    pub resource: Arc<dyn Resource>,
}

/// What `STOCK` opens into.
#[derive(Clone)]
pub struct StockParts {
    /// The stock that buyers race for.
    pub stock_cache: Arc<dyn StockCache>,
    /// What must be closed at the end.
    pub resource: Arc<dyn Resource>,
}
