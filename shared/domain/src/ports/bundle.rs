use std::sync::Arc;

use super::{
    Alerts, Bus, Catalogue, Clock, DeadLetterStore, IdempotencyStore, Ids, NotificationProvider, OrderStore,
    Redeliver, Statistics, StockCache, StockLedger, UserDirectory,
};

/// Every port: a function takes from it what it needs. Clones share everything.
#[derive(Clone)]
pub struct Ports {
    /// Orders.
    pub orders: Arc<dyn OrderStore>,
    /// The stock cache that buyers race for.
    pub stock_cache: Arc<dyn StockCache>,
    /// The durable stock.
    pub ledger: Arc<dyn StockLedger>,
    /// Shows and prices.
    pub catalogue: Arc<dyn Catalogue>,
    /// Sends messages.
    pub bus: Arc<dyn Bus>,
    /// Dead letters.
    pub dead_letters: Arc<dyn DeadLetterStore>,
    /// Delivers a dead letter once more.
    pub redeliver: Arc<dyn Redeliver>,
    /// Which effects were done.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// Sales statistics.
    pub statistics: Arc<dyn Statistics>,
    /// Alerts operators.
    pub alerts: Arc<dyn Alerts>,
    /// Addresses of buyers whose orders carry none, where there is a directory.
    pub user_directory: Option<Arc<dyn UserDirectory>>,
    /// Sends text messages.
    pub sms: Arc<dyn NotificationProvider>,
    /// Sends e-mail.
    pub email: Arc<dyn NotificationProvider>,
    /// Sends push notifications.
    pub push: Arc<dyn NotificationProvider>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Generates names.
    pub ids: Arc<dyn Ids>,
}
