//! The stock: the durable counters, their records, and the stock cache.

use std::sync::Arc;

use boxoffice_domain::ports::{OrderStore, Ports, StoreAudit, StoreError};
use boxoffice_domain::{Counters, LedgerState, OrderNo, OrderState, TicketId};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::PAGE;

/// Orders looked up at the same time.
const LOOKUPS: usize = 16;
/// How often counters and records are read until they agree: both change while a sale goes on.
const READS: u32 = 3;

/// The stock of all tickets.
#[derive(Debug, Default)]
pub(super) struct Stock {
    pub(super) tickets: u64,
    pub(super) total: u64,
    pub(super) locked: u64,
    pub(super) sold: u64,
    /// Tickets with more seats locked and sold than there are.
    pub(super) oversold: u64,
    /// Tickets whose counters are not the sum of their records.
    pub(super) miscounted: u64,
    /// Tickets that changed whenever they were read, so that their records could not be compared.
    pub(super) changing: u64,
    /// Tickets whose cache differs from the ledger, or is not loaded.
    pub(super) drifted: u64,
    pub(super) reservations: u64,
    /// Reservations of orders that are cancelled or want another ticket.
    pub(super) orphaned: u64,
}

/// Whether the counters of a ticket are the sum of its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Records {
    Agree,
    Differ,
    Changing,
}

impl Stock {
    /// Reads every ticket with its ledger records and its reservations, page by page.
    pub(super) async fn count(ports: &Ports, store: &dyn StoreAudit) -> Result<Self, StoreError> {
        let mut stock = Self::default();
        let mut cursor = None;
        loop {
            let page = store.tickets(PAGE, cursor.as_deref()).await?;
            for ticket in page.items {
                stock.add(ports, ticket.ticket_id, ticket.counters).await?;
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(stock);
            }
        }
    }

    async fn add(
        &mut self,
        ports: &Ports,
        ticket_id: TicketId,
        counters: Counters,
    ) -> Result<(), StoreError> {
        let (records, counters) = compare(ports, ticket_id, counters).await?;
        let taken = u64::from(counters.locked) + u64::from(counters.sold);
        self.tickets += 1;
        self.total += u64::from(counters.total);
        self.locked += u64::from(counters.locked);
        self.sold += u64::from(counters.sold);
        self.oversold += u64::from(taken > u64::from(counters.total));
        self.miscounted += u64::from(records == Records::Differ);
        self.changing += u64::from(records == Records::Changing);
        let cache = ports.stock_cache.stock(ticket_id).await?;
        let agrees = cache
            .is_some_and(|cache| cache.available == counters.available() && u64::from(cache.held) == taken);
        self.drifted += u64::from(!agrees);
        self.add_reservations(ports, ticket_id).await
    }

    async fn add_reservations(&mut self, ports: &Ports, ticket_id: TicketId) -> Result<(), StoreError> {
        let mut cursor = None;
        loop {
            let page = ports.stock_cache.reservations(ticket_id, PAGE, cursor.as_deref()).await?;
            self.reservations += page.items.len() as u64;
            let orphans: Vec<bool> = stream::iter(page.items)
                .map(|reservation| is_orphan(Arc::clone(&ports.orders), ticket_id, reservation.order_no))
                .buffer_unordered(LOOKUPS)
                .try_collect()
                .await?;
            self.orphaned += orphans.into_iter().filter(|orphan| *orphan).count() as u64;
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}

/// An order that this store does not keep may hold seats: another system takes care of it.
async fn is_orphan(
    orders: Arc<dyn OrderStore>,
    ticket_id: TicketId,
    order_no: OrderNo,
) -> Result<bool, StoreError> {
    let order = orders.get(&order_no).await?;
    Ok(order.is_some_and(|order| order.state == OrderState::Cancelled || order.ticket_id != ticket_id))
}

/// Compares the counters of a ticket with its records; the counters last seen.
async fn compare(
    ports: &Ports,
    ticket_id: TicketId,
    mut counters: Counters,
) -> Result<(Records, Counters), StoreError> {
    let mut records = Records::Changing;
    for _ in 0..READS {
        let before = counters;
        let (locked, sold) = sums(ports, ticket_id).await?;
        counters = ports.ledger.counters(ticket_id).await?.unwrap_or_default();
        if locked == u64::from(counters.locked) && sold == u64::from(counters.sold) {
            return Ok((Records::Agree, counters));
        }
        // A change that was made and unmade while the records were read looks like a difference, but not every time.
        records = if before == counters { Records::Differ } else { Records::Changing };
    }
    Ok((records, counters))
}

/// The seats that the records of a ticket lock and sell.
async fn sums(ports: &Ports, ticket_id: TicketId) -> Result<(u64, u64), StoreError> {
    let (mut locked, mut sold) = (0, 0);
    let mut cursor = None;
    loop {
        let page = ports.ledger.entries(ticket_id, PAGE, cursor.as_deref()).await?;
        for entry in page.items {
            match entry.state {
                LedgerState::Deducted => locked += u64::from(entry.quantity),
                LedgerState::Confirmed => sold += u64::from(entry.quantity),
                LedgerState::RolledBack => {}
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok((locked, sold));
        }
    }
}
