use std::sync::Arc;

use async_trait::async_trait;

use super::paging::page;
use super::{FakeIdempotencyStore, FakeOrderStore, FakeStatistics, FakeStockLedger, World};
use crate::ports::{
    AuditedOrder, AuditedTicket, MarkCount, Page, SalesCount, StoreAudit, StoreError, UncertainEffect,
};

/// Counts what the other fakes keep. Never fails.
#[derive(Clone)]
pub struct FakeStoreAudit {
    orders: Arc<FakeOrderStore>,
    ledger: Arc<FakeStockLedger>,
    idempotency: Arc<FakeIdempotencyStore>,
    statistics: Arc<FakeStatistics>,
}

impl FakeStoreAudit {
    /// Counts what the stores of this world keep.
    pub fn new(world: &World) -> Self {
        Self {
            orders: world.orders.clone(),
            ledger: world.ledger.clone(),
            idempotency: world.idempotency.clone(),
            statistics: world.statistics.clone(),
        }
    }
}

#[async_trait]
impl StoreAudit for FakeStoreAudit {
    async fn orders(&self, limit: u32, cursor: Option<&str>) -> Result<Page<AuditedOrder>, StoreError> {
        let mut orders = self.orders.all();
        orders.sort_by(|one, other| one.order_no.cmp(&other.order_no));
        let audited = orders.into_iter().map(|order| {
            let entry = self.ledger.recorded(order.ticket_id, &order.order_no);
            let has_sale = self.statistics.sale(&order.order_no).is_some();
            (order.order_no.to_string(), AuditedOrder { order, entry, has_sale })
        });
        Ok(page(audited, limit, cursor))
    }

    async fn tickets(&self, limit: u32, cursor: Option<&str>) -> Result<Page<AuditedTicket>, StoreError> {
        let mut tickets = self.ledger.all();
        tickets.sort_by_key(|(ticket_id, _)| ticket_id.0);
        let audited = tickets.into_iter().map(|(ticket_id, counters)| {
            (format!("{:020}", ticket_id.0), AuditedTicket { ticket_id, counters })
        });
        Ok(page(audited, limit, cursor))
    }

    async fn marks(&self) -> Result<MarkCount, StoreError> {
        let made = self.orders.marks_made_at();
        Ok(MarkCount { count: made.len() as u64, oldest: made.into_iter().min() })
    }

    async fn sales(&self) -> Result<SalesCount, StoreError> {
        let records = self.statistics.len() as u64;
        Ok(SalesCount { records, in_totals: records })
    }

    async fn uncertain_effects(
        &self,
        function: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<UncertainEffect>, StoreError> {
        let scope = format!("{function}/");
        let mut effects = self.idempotency.uncertain();
        effects.retain(|effect| effect.key.starts_with(&scope));
        effects.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(page(effects.into_iter().map(|effect| (effect.key.clone(), effect)), limit, cursor))
    }
}
