use async_trait::async_trait;

use super::{Page, StoreError};
use crate::{Counters, LedgerChange, LedgerEntry, LedgerOutcome, OrderNo, TicketId};

/// The durable stock: the authority.
#[async_trait]
pub trait StockLedger: Send + Sync {
    /// Sets the number of seats of a ticket. [`StoreError::Invalid`] when more are locked or sold already.
    async fn load(&self, ticket_id: TicketId, total: u32) -> Result<Counters, StoreError>;

    /// Applies a batch of changes of one ticket, in their order, see [`crate::ledger::fold`]; the answers come in the
    /// order of the changes.
    ///
    /// A store applies at once as many changes as its transactions hold (DynamoDB: 100 items, one of them the
    /// counters), with one change of the counters for all of them. Each such part is atomic: after it the counters are
    /// the sums of the records and `locked + sold <= total`. Between two parts anybody may see the first without the
    /// second, and an error may come after some parts were applied. Whoever gets one applies the whole batch again:
    /// what was applied before answers [`LedgerOutcome::AlreadyApplied`], and records and counters end as if nothing
    /// had happened.
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
