//! Asks, from time to time, for a comparison of the stock cache of every ticket with the ledger.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, Catalogue, Clock, Ports};
use boxoffice_domain::{BusinessRules, FunctionSettings};
use boxoffice_flow::MessageWriter;
use boxoffice_runtime::{SweepError, SweepReport, Sweeper};

/// The name of the function.
pub const NAME: &str = "stock-reconcile";

/// The sweeper of this function.
pub fn sweeper(ports: &Ports, settings: &FunctionSettings, interval: Duration) -> StockReconcile {
    StockReconcile {
        catalogue: ports.catalogue.clone(),
        bus: ports.bus.clone(),
        clock: ports.clock.clone(),
        rules: settings.rules.clone(),
        interval,
    }
}

/// Sends STOCK_SYNC for every ticket tier of the catalogue; stock-management does the work.
pub struct StockReconcile {
    /// Knows the ticket tiers.
    pub catalogue: Arc<dyn Catalogue>,
    /// Takes the messages.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The zone of date-times in messages.
    pub rules: BusinessRules,
    /// How long to wait between two sweeps.
    pub interval: Duration,
}

#[async_trait]
impl Sweeper for StockReconcile {
    fn name(&self) -> &'static str {
        NAME
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn sweep(&self) -> Result<SweepReport, SweepError> {
        let writer = MessageWriter::new(self.clock.now(), &self.rules.zone);
        let tiers = self.catalogue.tiers().await?;
        let messages: Vec<_> = tiers.iter().map(|tier| writer.stock_sync(tier.ticket_id)).collect();
        let examined = messages.len() as u64;
        for answer in self.bus.send_all(messages).await {
            answer?;
        }
        Ok(SweepReport { examined, repaired: 0, left: 0 })
    }
}
