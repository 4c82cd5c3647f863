//! Compares the stock cache with the ledger, which is the truth, and repairs the cache.

use std::collections::BTreeMap;

use boxoffice_domain::ports::{Alert, HeldReservation, RepairPage, Repaired, StoreError};
use boxoffice_domain::{
    LedgerChange, LedgerEntry, LedgerOperation, LedgerOutcome, LedgerState, OrderNo, OrderState, TicketId,
    UserId,
};
use boxoffice_runtime::Outcome;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::StockManagement;

/// Reservations or ledger records read at once.
const PAGE: u32 = 500;
/// Orders looked up at the same time.
const LOOKUPS: usize = 16;

/// How the stock cache of a ticket differs from the ledger.
#[derive(Debug, Default)]
struct Differences {
    /// Seats the ledger counts but the stock cache does not hold.
    missing: Vec<LedgerEntry>,
    /// Reservations whose seats the ledger has taken back.
    returned: Vec<OrderNo>,
    /// Reservations of cancelled orders that the ledger has not heard of yet: their rollback is on its way.
    cancelled: Vec<LedgerChange>,
    /// Reservations that neither ledger nor order store knows. They are kept, since the order may be on its way.
    unexplained: u32,
}

impl StockManagement {
    /// Puts the stock cache of one ticket right, page by page. Whatever happens meanwhile is not undone: a reservation
    /// that comes in during the comparison is kept, one that goes does not come back.
    pub(crate) async fn sync(&self, ticket_id: TicketId) -> Result<Outcome, Outcome> {
        let Some(counters) = self.ledger.counters(ticket_id).await? else {
            tracing::info!(%ticket_id, "nothing to compare: no stock was loaded for this ticket");
            return Ok(Outcome::Done);
        };
        let found = self.compare(ticket_id).await?;
        let mut orphans = self.roll_back(ticket_id, &found.cancelled).await?;
        orphans.extend(found.returned.iter().cloned());
        let missing = self.with_buyers(&found.missing).await?;
        let mut done: Option<Repaired> = None;
        for page in RepairPage::pages(counters.total, orphans, missing, RepairPage::MOST_ENTRIES) {
            let repaired = self.stock_cache.repair(ticket_id, &page).await?;
            done = Some(done.map_or(repaired, |earlier| Repaired {
                before: earlier.before,
                after: repaired.after,
                added: earlier.added + repaired.added,
                given_back: earlier.given_back + repaired.given_back,
            }));
        }
        if let Some(repaired) = done {
            self.report(ticket_id, counters.total, &found, repaired).await;
        }
        Ok(Outcome::Done)
    }

    /// Rolls these back in the ledger now: the stock cache may only give away what a deduction still under way can no
    /// longer count. Those of which the ledger says that their seats are free.
    async fn roll_back(
        &self,
        ticket_id: TicketId,
        cancelled: &[LedgerChange],
    ) -> Result<Vec<OrderNo>, StoreError> {
        use LedgerOutcome::{AlreadyApplied, Applied, Tombstoned};
        let mut free = Vec::with_capacity(cancelled.len());
        for page in cancelled.chunks(PAGE as usize) {
            let outcomes = self.ledger.apply(ticket_id, page).await?;
            let answered = page.iter().zip(outcomes);
            let freed =
                answered.filter(|(_, outcome)| matches!(outcome, Applied | AlreadyApplied | Tombstoned));
            free.extend(freed.map(|(change, _)| change.order_no.clone()));
        }
        Ok(free)
    }

    /// Reads the reservations first: what is reserved later only looks missing, which the repair finds out.
    async fn compare(&self, ticket_id: TicketId) -> Result<Differences, StoreError> {
        let mut held = self.held(ticket_id).await?;
        let mut found = Differences::default();
        let mut cursor = None;
        loop {
            let page = self.ledger.entries(ticket_id, PAGE, cursor.as_deref()).await?;
            for entry in page.items {
                match (entry.state, held.remove(&entry.order_no)) {
                    (LedgerState::RolledBack, Some(_)) => found.returned.push(entry.order_no),
                    (LedgerState::RolledBack, None) => {}
                    (LedgerState::Deducted | LedgerState::Confirmed, None) => found.missing.push(entry),
                    (LedgerState::Deducted | LedgerState::Confirmed, Some(quantity)) => {
                        found.unexplained += u32::from(quantity != entry.quantity);
                    }
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let mut rest = stream::iter(held)
            .map(async |(order_no, quantity)| {
                let order = self.orders.get(&order_no).await?;
                let operation = LedgerOperation::Rollback;
                Ok::<_, StoreError>((order, LedgerChange { order_no, quantity, operation }))
            })
            .buffered(LOOKUPS);
        while let Some((order, rollback)) = rest.try_next().await? {
            match order.map(|order| order.state) {
                Some(OrderState::Cancelled) => found.cancelled.push(rollback),
                // Its deduction is on its way.
                Some(OrderState::Created | OrderState::AwaitingPayment | OrderState::Paid) => {}
                None => found.unexplained += 1,
            }
        }
        Ok(found)
    }

    /// Every reservation of a ticket with its number of seats; there are at most as many as seats.
    async fn held(&self, ticket_id: TicketId) -> Result<BTreeMap<OrderNo, u32>, StoreError> {
        let mut held = BTreeMap::new();
        let mut cursor = None;
        loop {
            let page = self.stock_cache.reservations(ticket_id, PAGE, cursor.as_deref()).await?;
            let reservations = page.items.into_iter();
            held.extend(reservations.map(|reservation| (reservation.order_no, reservation.quantity)));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(held);
            }
        }
    }

    /// The ledger knows no buyers; the per-user limit needs them.
    async fn with_buyers(&self, missing: &[LedgerEntry]) -> Result<Vec<HeldReservation>, StoreError> {
        // Owned items: a closure over references would not be general enough for a future that is sent.
        stream::iter(missing.to_vec())
            .map(async |entry| {
                let order = self.orders.get(&entry.order_no).await?;
                Ok(HeldReservation {
                    order_no: entry.order_no,
                    user_id: order.map_or(UserId(0), |order| order.user_id),
                    quantity: entry.quantity,
                })
            })
            .buffered(LOOKUPS)
            .try_collect()
            .await
    }

    /// Raises an alert if the stock cache was wrong. Seats of a cancelled order that are released a moment before
    /// its rollback arrives are not a drift.
    async fn report(&self, ticket_id: TicketId, total: u32, found: &Differences, repaired: Repaired) {
        if found.unexplained > 0 {
            tracing::warn!(%ticket_id, count = found.unexplained, "reservations without a matching order or ledger entry");
        }
        let Repaired { before, after, added, .. } = repaired;
        let adds_up = before.is_some_and(|before| before.available.checked_add(before.held) == Some(total));
        // What only looked missing because it was reserved meanwhile was not added.
        let wrong = added > 0 || !found.returned.is_empty() || !adds_up;
        if before == Some(after) || !wrong {
            return;
        }
        metrics::counter!("stock.drift").increment(1);
        let was = before.map_or_else(
            || "no stock was loaded".to_owned(),
            |before| format!("{} available and {} held", before.available, before.held),
        );
        let text = format!(
            "ticket {ticket_id}: {was}, now {} available and {} held of {total}; {} reservation(s) were missing, \
             {} had been given back, {} unexplained",
            after.available,
            after.held,
            added,
            found.returned.len(),
            found.unexplained,
        );
        self.alerts.raise(Alert::StockDrift { text }).await;
    }
}
