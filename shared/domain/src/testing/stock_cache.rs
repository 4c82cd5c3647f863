use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use async_trait::async_trait;

use super::paging::page;
use super::{Crash, Faults, fault_switches, locked};
use crate::ports::{
    CacheStock, HeldReservation, Page, ReleaseAnswer, RepairPage, Repaired, ReservationRequest,
    ReserveAnswer, StockCache, StoreError,
};
use crate::{OrderNo, TicketId, UserId};

#[derive(Debug, Clone)]
enum Slot {
    Held(HeldReservation),
    Tombstone,
}

#[derive(Debug, Clone, Default)]
struct Ticket {
    available: u32,
    slots: BTreeMap<OrderNo, Slot>,
}

impl Ticket {
    fn held(&self) -> impl Iterator<Item = &HeldReservation> {
        self.slots.values().filter_map(|slot| match slot {
            Slot::Held(reservation) => Some(reservation),
            Slot::Tombstone => None,
        })
    }

    fn stock(&self) -> CacheStock {
        let start = CacheStock { available: self.available, held: 0, reservations: 0 };
        self.held().fold(start, |sum, reservation| CacheStock {
            held: sum.held + reservation.quantity,
            reservations: sum.reservations + 1,
            ..sum
        })
    }

    fn reserve(&mut self, request: &ReservationRequest) -> ReserveAnswer {
        match self.slots.get(&request.order_no) {
            Some(Slot::Held(_)) => return ReserveAnswer::AlreadyReserved,
            Some(Slot::Tombstone) => return ReserveAnswer::RolledBack,
            None => {}
        }
        let of_user = self.held().filter(|reservation| reservation.user_id == request.user_id);
        let held = of_user.map(|reservation| reservation.quantity).sum::<u32>();
        if request.per_user_limit.is_some_and(|limit| held.saturating_add(request.quantity) > limit) {
            return ReserveAnswer::OverLimit { held };
        }
        if self.available < request.quantity {
            return ReserveAnswer::SoldOut { available: self.available };
        }
        self.available -= request.quantity;
        self.hold(&request.order_no, request.user_id, request.quantity);
        ReserveAnswer::Reserved
    }

    fn hold(&mut self, order_no: &OrderNo, user_id: UserId, quantity: u32) {
        let reservation = HeldReservation { order_no: order_no.clone(), user_id, quantity };
        self.slots.insert(order_no.clone(), Slot::Held(reservation));
    }

    fn release(&mut self, order_no: &OrderNo) -> ReleaseAnswer {
        match self.slots.insert(order_no.clone(), Slot::Tombstone) {
            Some(Slot::Held(reservation)) => {
                self.available += reservation.quantity;
                ReleaseAnswer::Released
            }
            Some(Slot::Tombstone) => ReleaseAnswer::AlreadyReleased,
            None => ReleaseAnswer::Tombstoned,
        }
    }

    /// How many reservations were added and how many given back.
    fn repair(&mut self, page: &RepairPage) -> (u32, u32) {
        let (mut added, mut given_back) = (0, 0);
        for orphan in page.orphans() {
            let before = self.slots.insert(orphan.clone(), Slot::Tombstone);
            given_back += u32::from(matches!(before, Some(Slot::Held(_))));
        }
        for missing in page.missing() {
            if let Entry::Vacant(slot) = self.slots.entry(missing.order_no.clone()) {
                slot.insert(Slot::Held(missing.clone()));
                added += 1;
            }
        }
        self.available = page.available(self.stock().held);
        (added, given_back)
    }
}

/// The stock cache in memory.
#[derive(Debug)]
pub struct FakeStockCache {
    faults: Faults<StoreError>,
    tickets: Mutex<HashMap<TicketId, Ticket>>,
}

impl Default for FakeStockCache {
    fn default() -> Self {
        Self::new(&Crash::default())
    }
}

impl FakeStockCache {
    /// No stock loaded; dies with `crash`.
    pub fn new(crash: &Crash) -> Self {
        let dead = || StoreError::Unavailable("the process died".to_owned());
        Self { faults: Faults::new(crash.clone(), dead), tickets: Mutex::default() }
    }

    /// Loads stock without faults.
    pub fn put(&self, ticket_id: TicketId, available: u32) {
        locked(&self.tickets).insert(ticket_id, Ticket { available, slots: BTreeMap::new() });
    }

    /// What is held for a ticket, without faults; `None` when no stock is loaded.
    pub fn snapshot(&self, ticket_id: TicketId) -> Option<CacheStock> {
        locked(&self.tickets).get(&ticket_id).map(Ticket::stock)
    }

    /// Whether an order holds seats.
    pub fn holds(&self, ticket_id: TicketId, order_no: &OrderNo) -> bool {
        let tickets = locked(&self.tickets);
        let slot = tickets.get(&ticket_id).and_then(|ticket| ticket.slots.get(order_no));
        matches!(slot, Some(Slot::Held(_)))
    }

    /// Loses everything known of a ticket's reservations, tombstones included, and leaves this many seats
    /// available: what a server does that lost its memory.
    pub fn forget(&self, ticket_id: TicketId, available: u32) {
        self.put(ticket_id, available);
    }

    /// Loses the whole ticket.
    pub fn unload(&self, ticket_id: TicketId) {
        locked(&self.tickets).remove(&ticket_id);
    }
}

#[async_trait]
impl StockCache for FakeStockCache {
    async fn reserve(&self, request: &ReservationRequest) -> Result<ReserveAnswer, StoreError> {
        self.faults
            .call(|| {
                let mut tickets = locked(&self.tickets);
                let ticket = tickets.get_mut(&request.ticket_id);
                Ok(ticket.map_or(ReserveAnswer::NotLoaded, |ticket| ticket.reserve(request)))
            })
            .await
    }

    async fn release(&self, ticket_id: TicketId, order_no: &OrderNo) -> Result<ReleaseAnswer, StoreError> {
        self.faults
            .call(|| {
                let mut tickets = locked(&self.tickets);
                let ticket = tickets.get_mut(&ticket_id);
                Ok(ticket.map_or(ReleaseAnswer::NotLoaded, |ticket| ticket.release(order_no)))
            })
            .await
    }

    async fn load(&self, ticket_id: TicketId, available: u32) -> Result<bool, StoreError> {
        self.faults
            .call(|| {
                let mut tickets = locked(&self.tickets);
                let new = !tickets.contains_key(&ticket_id);
                if new {
                    tickets.insert(ticket_id, Ticket { available, slots: BTreeMap::new() });
                }
                Ok(new)
            })
            .await
    }

    async fn stock(&self, ticket_id: TicketId) -> Result<Option<CacheStock>, StoreError> {
        self.faults.call(|| Ok(locked(&self.tickets).get(&ticket_id).map(Ticket::stock))).await
    }

    async fn reservations(
        &self,
        ticket_id: TicketId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<HeldReservation>, StoreError> {
        self.faults
            .call(|| {
                let tickets = locked(&self.tickets);
                let held = tickets.get(&ticket_id).into_iter().flat_map(Ticket::held).cloned();
                Ok(page(held.map(|held| (held.order_no.to_string(), held)), limit, cursor))
            })
            .await
    }

    async fn repair(&self, ticket_id: TicketId, page: &RepairPage) -> Result<Repaired, StoreError> {
        self.faults
            .call(|| {
                let mut tickets = locked(&self.tickets);
                let before = tickets.get(&ticket_id).map(Ticket::stock);
                let ticket = tickets.entry(ticket_id).or_default();
                let (added, given_back) = ticket.repair(page);
                Ok(Repaired { before, after: ticket.stock(), added, given_back })
            })
            .await
    }
}

fault_switches!(FakeStockCache, StoreError);
