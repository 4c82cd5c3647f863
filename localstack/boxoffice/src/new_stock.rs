//! Stock for what was never on sale before.

use boxoffice_domain::ports::{Ports, StoreError};

/// Loads the stock of every tier of the catalogue that never had any; the number of such tiers.
pub async fn load_new_stock(ports: &Ports) -> Result<usize, StoreError> {
    let mut loaded = 0;
    for tier in ports.catalogue.tiers().await? {
        let counters = if let Some(counters) = ports.ledger.counters(tier.ticket_id).await? {
            counters
        } else {
            loaded += 1;
            ports.ledger.load(tier.ticket_id, tier.total).await?
        };
        ports.stock_cache.load(tier.ticket_id, counters.available()).await?;
    }
    Ok(loaded)
}
