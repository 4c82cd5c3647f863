use async_trait::async_trait;

use super::{Page, StoreError};
use crate::{OrderNo, TicketId, UserId};

/// What a buyer wants to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationRequest {
    /// The tier.
    pub ticket_id: TicketId,
    /// The order: a repeated request of the same order changes nothing.
    pub order_no: OrderNo,
    /// The buyer, for the limit.
    pub user_id: UserId,
    /// Number of seats, at least 1.
    pub quantity: u32,
    /// The most seats of this tier the buyer may hold over all orders.
    pub per_user_limit: Option<u32>,
}

/// The answer to a [`ReservationRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReserveAnswer {
    /// The seats are held for the order. Wire answer 1.
    Reserved,
    /// They were held for it before. Wire answer 1.
    AlreadyReserved,
    /// Too few seats. Wire answer 0.
    SoldOut {
        /// Seats left.
        available: u32,
    },
    /// The buyer would hold too many.
    OverLimit {
        /// Seats the buyer holds now.
        held: u32,
    },
    /// The reservation of this order was given back before: it does not come again.
    RolledBack,
    /// No stock is loaded for this ticket. Wire answer -1.
    NotLoaded,
}

/// The answer to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseAnswer {
    /// The seats are free again.
    Released,
    /// They were given back before.
    AlreadyReleased,
    /// There was no reservation: a tombstone now keeps a late one out.
    Tombstoned,
    /// No stock is loaded for this ticket; nothing changed.
    NotLoaded,
}

/// One reservation that holds seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldReservation {
    /// The order.
    pub order_no: OrderNo,
    /// The buyer; 0 where a repair could not know.
    pub user_id: UserId,
    /// Seats held.
    pub quantity: u32,
}

/// What the stock cache holds for one ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheStock {
    /// Seats that buyers may still race for.
    pub available: u32,
    /// Seats held by reservations.
    pub held: u32,
    /// Number of reservations that hold seats.
    pub reservations: u32,
}

/// One page of a repair, which puts the stock cache of one ticket right; see [`StockCache::repair`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairPage {
    total: u32,
    withheld: u32,
    orphans: Vec<OrderNo>,
    missing: Vec<HeldReservation>,
}

impl RepairPage {
    /// The most reservations on one page: a Redis script that puts so many right holds up other callers for less than
    /// a millisecond.
    pub const MOST_ENTRIES: usize = 100;

    /// The pages of a whole repair, at least one, with at most `size` reservations on each and never more than
    /// [`RepairPage::MOST_ENTRIES`].
    ///
    /// `total` are the durable seats of the ticket, `orphans` the reservations that belong to no live order, and
    /// `missing` the seats that the ledger counts but the cache has no reservation for.
    pub fn pages(total: u32, orphans: Vec<OrderNo>, missing: Vec<HeldReservation>, size: usize) -> Vec<Self> {
        let size = size.clamp(1, Self::MOST_ENTRIES);
        let mut withheld = seats(&missing);
        let (mut orphans, mut missing) = (orphans.into_iter(), missing.into_iter());
        let mut pages = Vec::new();
        while pages.is_empty() || orphans.len() + missing.len() > 0 {
            let orphans: Vec<_> = orphans.by_ref().take(size).collect();
            let missing: Vec<_> = missing.by_ref().take(size - orphans.len()).collect();
            withheld = withheld.saturating_sub(seats(&missing));
            pages.push(Self { total, withheld, orphans, missing });
        }
        pages
    }

    /// Reservations to give back.
    pub fn orphans(&self) -> &[OrderNo] {
        &self.orphans
    }

    /// Reservations to add, unless the order has one or a tombstone forbids it.
    pub fn missing(&self) -> &[HeldReservation] {
        &self.missing
    }

    /// The seats that buyers may race for once this page is done and reservations hold `held`: not those that later
    /// pages bring.
    pub fn available(&self, held: u32) -> u32 {
        self.total.saturating_sub(held).saturating_sub(self.withheld)
    }
}

fn seats(reservations: &[HeldReservation]) -> u32 {
    reservations.iter().fold(0, |sum, reservation| sum.saturating_add(reservation.quantity))
}

/// What one page of a repair changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repaired {
    /// Before; `None` when no stock was loaded.
    pub before: Option<CacheStock>,
    /// After.
    pub after: CacheStock,
    /// Reservations of this page that were added.
    pub added: u32,
    /// Reservations of this page that held seats until now.
    pub given_back: u32,
}

/// The stock cache that buyers race for.
#[async_trait]
pub trait StockCache: Send + Sync {
    /// Holds seats for an order, idempotent per order number, in one atomic step.
    async fn reserve(&self, request: &ReservationRequest) -> Result<ReserveAnswer, StoreError>;

    /// Gives the seats of an order back, idempotent per order number, and leaves a tombstone.
    async fn release(&self, ticket_id: TicketId, order_no: &OrderNo) -> Result<ReleaseAnswer, StoreError>;

    /// Loads the stock of a ticket that has none; true if it did, false when stock was loaded before.
    async fn load(&self, ticket_id: TicketId, available: u32) -> Result<bool, StoreError>;

    /// What is held for a ticket; `None` when no stock is loaded.
    async fn stock(&self, ticket_id: TicketId) -> Result<Option<CacheStock>, StoreError>;

    /// The reservations of a ticket that hold seats, in no particular order.
    ///
    /// `limit` is about how many a page has: a store may answer with fewer or with some more. A reservation that holds
    /// seats from the first page to the last is listed at least once; while others come and go it may be listed twice.
    async fn reservations(
        &self,
        ticket_id: TicketId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<HeldReservation>, StoreError>;

    /// Does one page of a repair, in one atomic step: gives its orphans back and leaves a tombstone for each, adds what
    /// is missing unless the order has a reservation or a tombstone, then sets the available seats to
    /// [`RepairPage::available`]. Loads the ticket where it has no stock.
    ///
    /// Pages are done one after the other, while buyers go on to reserve and release. None of them is promised a seat
    /// that a later page brings, and after the last page `available = total - held`, or 0 where more is held than there
    /// is, whatever happened in between. A repair that ends half-way leaves too few seats available, never too many;
    /// the next one puts that right, be it the same again or another. Where two repairs of one ticket mix, the end of
    /// the one may promise seats that the other still withholds: the ledger refuses them.
    async fn repair(&self, ticket_id: TicketId, page: &RepairPage) -> Result<Repaired, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(name: &str, quantity: u32) -> HeldReservation {
        HeldReservation { order_no: OrderNo::from_trusted(name.to_owned()), user_id: UserId(1), quantity }
    }

    fn sizes(pages: &[RepairPage]) -> Vec<(usize, usize)> {
        pages.iter().map(|page| (page.orphans().len(), page.missing().len())).collect()
    }

    #[test]
    fn a_repair_without_reservations_is_one_page_that_sets_the_number() {
        let pages = RepairPage::pages(10, Vec::new(), Vec::new(), 5);
        assert_eq!(sizes(&pages), [(0, 0)]);
        assert_eq!((pages[0].available(0), pages[0].available(4), pages[0].available(11)), (10, 6, 0));
    }

    #[test]
    fn each_page_withholds_the_seats_of_those_that_follow() {
        let lost = vec![missing("T3", 3), missing("T4", 2), missing("T5", 1)];
        let orphans = ["T1", "T2"].map(|name| OrderNo::from_trusted(name.to_owned())).to_vec();
        let pages = RepairPage::pages(20, orphans, lost, 3);
        assert_eq!(sizes(&pages), [(2, 1), (0, 2)]);
        assert_eq!(pages.iter().map(|page| page.available(0)).collect::<Vec<_>>(), [17, 20]);
    }

    #[test]
    fn no_page_is_longer_than_the_longest() {
        let lost = (0..250).map(|number| missing(&format!("T{number}"), 1)).collect();
        let pages = RepairPage::pages(300, Vec::new(), lost, usize::MAX);
        assert_eq!(sizes(&pages), [(0, 100), (0, 100), (0, 50)]);
        assert_eq!(pages.iter().map(|page| page.available(0)).collect::<Vec<_>>(), [150, 250, 300]);
    }
}
