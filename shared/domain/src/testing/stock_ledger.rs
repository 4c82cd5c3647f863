use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::paging::page;
use super::{Crash, Faults, fault_switches, locked};
use crate::ledger::fold;
use crate::ports::{Page, StockLedger, StoreError};
use crate::{Counters, LedgerChange, LedgerEntry, LedgerOutcome, OrderNo, TicketId};

/// The most changes that are applied in one step.
const MOST_AT_ONCE: usize = 100;

#[derive(Debug, Default)]
struct Ticket {
    counters: Counters,
    entries: HashMap<OrderNo, LedgerEntry>,
}

/// The durable stock in memory. A batch of more than 100 changes is applied in parts, each a call that may fail.
#[derive(Debug)]
pub struct FakeStockLedger {
    faults: Faults<StoreError>,
    tickets: Mutex<HashMap<TicketId, Ticket>>,
    batches: Mutex<Vec<(TicketId, usize)>>,
}

impl Default for FakeStockLedger {
    fn default() -> Self {
        Self::new(&Crash::default())
    }
}

impl FakeStockLedger {
    /// No stock loaded; dies with `crash`.
    pub fn new(crash: &Crash) -> Self {
        let dead = || StoreError::Unavailable("the process died".to_owned());
        Self {
            faults: Faults::new(crash.clone(), dead),
            tickets: Mutex::default(),
            batches: Mutex::default(),
        }
    }

    /// Loads stock without faults.
    pub fn put(&self, ticket_id: TicketId, total: u32) {
        locked(&self.tickets).entry(ticket_id).or_default().counters.total = total;
    }

    /// The counters of a ticket, without faults; zeros when no stock was loaded.
    pub fn snapshot(&self, ticket_id: TicketId) -> Counters {
        locked(&self.tickets).get(&ticket_id).map(|ticket| ticket.counters).unwrap_or_default()
    }

    /// Every ticket with its counters, in no order, without faults.
    pub fn all(&self) -> Vec<(TicketId, Counters)> {
        locked(&self.tickets).iter().map(|(ticket_id, ticket)| (*ticket_id, ticket.counters)).collect()
    }

    /// The record of one order and ticket, without faults.
    pub fn recorded(&self, ticket_id: TicketId, order_no: &OrderNo) -> Option<LedgerEntry> {
        locked(&self.tickets).get(&ticket_id).and_then(|ticket| ticket.entries.get(order_no)).cloned()
    }

    /// The changes of counters so far: the ticket, and the number of changes of the batch or the part of a batch.
    pub fn batches(&self) -> Vec<(TicketId, usize)> {
        locked(&self.batches).clone()
    }

    fn apply_at_once(&self, ticket_id: TicketId, changes: &[LedgerChange]) -> Vec<LedgerOutcome> {
        locked(&self.batches).push((ticket_id, changes.len()));
        let mut tickets = locked(&self.tickets);
        let Some(ticket) = tickets.get_mut(&ticket_id) else {
            return vec![LedgerOutcome::UnknownTicket(ticket_id); changes.len()];
        };
        let folded = fold(ticket.counters, &ticket.entries, changes);
        ticket.counters = folded.counters;
        ticket.entries.extend(folded.changed.into_iter().map(|entry| (entry.order_no.clone(), entry)));
        folded.outcomes
    }
}

#[async_trait]
impl StockLedger for FakeStockLedger {
    async fn load(&self, ticket_id: TicketId, total: u32) -> Result<Counters, StoreError> {
        self.faults
            .call(|| {
                let mut tickets = locked(&self.tickets);
                let ticket = tickets.entry(ticket_id).or_default();
                let taken = ticket.counters.locked + ticket.counters.sold;
                if taken > total {
                    let problem =
                        format!("ticket {ticket_id}: {taken} seats are locked or sold, more than {total}");
                    return Err(StoreError::Invalid(problem));
                }
                ticket.counters.total = total;
                Ok(ticket.counters)
            })
            .await
    }

    async fn apply(
        &self,
        ticket_id: TicketId,
        changes: &[LedgerChange],
    ) -> Result<Vec<LedgerOutcome>, StoreError> {
        let mut outcomes = Vec::with_capacity(changes.len());
        for part in changes.chunks(MOST_AT_ONCE) {
            outcomes.extend(self.faults.call(|| Ok(self.apply_at_once(ticket_id, part))).await?);
        }
        Ok(outcomes)
    }

    async fn counters(&self, ticket_id: TicketId) -> Result<Option<Counters>, StoreError> {
        self.faults.call(|| Ok(locked(&self.tickets).get(&ticket_id).map(|ticket| ticket.counters))).await
    }

    async fn entry(
        &self,
        ticket_id: TicketId,
        order_no: &OrderNo,
    ) -> Result<Option<LedgerEntry>, StoreError> {
        self.faults
            .call(|| {
                let tickets = locked(&self.tickets);
                Ok(tickets.get(&ticket_id).and_then(|ticket| ticket.entries.get(order_no)).cloned())
            })
            .await
    }

    async fn entries(
        &self,
        ticket_id: TicketId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<LedgerEntry>, StoreError> {
        self.faults
            .call(|| {
                let tickets = locked(&self.tickets);
                let ticket = tickets.get(&ticket_id);
                let mut entries: Vec<_> =
                    ticket.into_iter().flat_map(|ticket| ticket.entries.values()).cloned().collect();
                entries.sort_by(|one, other| one.order_no.cmp(&other.order_no));
                Ok(page(entries.into_iter().map(|entry| (entry.order_no.to_string(), entry)), limit, cursor))
            })
            .await
    }
}

fault_switches!(FakeStockLedger, StoreError);
