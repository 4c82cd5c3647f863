use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{Crash, Faults, fault_switches, locked};
use crate::TicketId;
use crate::ports::{Catalogue, StoreError, Tier};

/// A catalogue that a test fills.
#[derive(Debug)]
pub struct FakeCatalogue {
    faults: Faults<StoreError>,
    tiers: Mutex<BTreeMap<TicketId, Tier>>,
}

impl Default for FakeCatalogue {
    fn default() -> Self {
        Self::new(&Crash::default())
    }
}

impl FakeCatalogue {
    /// Empty; dies with `crash`.
    pub fn new(crash: &Crash) -> Self {
        let dead = || StoreError::Unavailable("the process died".to_owned());
        Self { faults: Faults::new(crash.clone(), dead), tiers: Mutex::default() }
    }

    /// Adds a tier, or replaces the one of the same ticket.
    pub fn put(&self, tier: Tier) {
        locked(&self.tiers).insert(tier.ticket_id, tier);
    }
}

#[async_trait]
impl Catalogue for FakeCatalogue {
    async fn tier(&self, ticket_id: TicketId) -> Result<Option<Tier>, StoreError> {
        self.faults.call(|| Ok(locked(&self.tiers).get(&ticket_id).cloned())).await
    }

    async fn tiers(&self) -> Result<Vec<Tier>, StoreError> {
        self.faults.call(|| Ok(locked(&self.tiers).values().cloned().collect())).await
    }
}

fault_switches!(FakeCatalogue, StoreError);
