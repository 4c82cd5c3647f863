use std::path::Path;

use boxoffice_domain::ports::{AuditedOrder, AuditedTicket, MarkCount, Ports, StoreAudit, StoreError};
use boxoffice_domain::{Counters, LedgerState, Order, OrderState, TicketId};
use boxoffice_messages::group;
use jiff::Timestamp;

use super::deliveries::{Deliveries, Doubts};
use super::letters::Letters;
use super::messages::Messages;
use crate::operator::bus_view::BusView;

/// Records read at a time.
const PAGE: u32 = 1_000;
/// How often the records of a ticket are read again because its counters changed meanwhile.
const LOOKS: u32 = 3;

/// The groups whose message confirms the seats of a paid order.
const CONFIRM_SEATS: [&str; 2] = [group::ORDER_PAID, group::STOCK_MANAGEMENT];
/// The group whose message puts a sale on record.
const RECORD_SALE: [&str; 1] = [group::ORDER_PAID];

/// Everything counted once.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Nothing was due, in flight or marked, before and after everything else was counted, and no message came in
    /// between: what only holds at rest can be judged.
    pub(super) quiet: bool,
    pub(super) orders: u64,
    pub(super) paid: u64,
    pub(super) cancelled: u64,
    pub(super) awaiting_payment: u64,
    pub(super) stuck_orders: u64,
    pub(super) impossible_orders: u64,
    pub(super) refunds_due: u64,
    /// Paid orders whose seats were gone, so that the money goes back.
    pub(super) paid_for_nothing: u64,
    /// Paid orders without seats and without a refund.
    pub(super) paid_without_seats: u64,
    /// Those of them that no dead letter explains.
    pub(super) payments_lost: u64,
    pub(super) tickets: u64,
    pub(super) total: u64,
    pub(super) locked: u64,
    pub(super) sold: u64,
    pub(super) oversold_tickets: u64,
    pub(super) miscounted_tickets: u64,
    pub(super) drifted_tickets: u64,
    pub(super) reservations: u64,
    pub(super) orphaned_reservations: u64,
    pub(super) marks: u64,
    pub(super) messages: Messages,
    pub(super) dead_letters: u64,
    /// Sales on record.
    pub(super) sales: u64,
    /// Sales that the totals of the tickets count.
    pub(super) sales_in_totals: u64,
    /// Paid orders whose sale is not on record.
    pub(super) sales_missing: u64,
    /// Those of them that no dead letter explains.
    pub(super) sales_lost: u64,
    /// Orders that are not Paid and have a sale on record.
    pub(super) sales_unpaid: u64,
    /// Notifications that were begun, and neither ended nor given up.
    pub(super) unfinished_notifications: u64,
    pub(super) deliveries: Option<Deliveries>,
}

impl Census {
    pub(super) async fn take(
        ports: &Ports,
        bus: &BusView,
        audit: &dyn StoreAudit,
        deliveries: Option<&Path>,
    ) -> Result<Self, StoreError> {
        let mut census = Self { messages: Messages::look(bus).await?, ..Self::default() };
        let letters = Letters::read(&*ports.dead_letters).await?;
        let doubts = Doubts::read(audit, &letters).await?;
        census.dead_letters = ports.dead_letters.counts().await?.into_values().sum();
        census.unfinished_notifications = doubts.unfinished;
        census.count_orders(audit, &letters, ports.clock.now()).await?;
        census.count_tickets(ports, audit).await?;
        let sales = audit.sales().await?;
        (census.sales, census.sales_in_totals) = (sales.records, sales.in_totals);
        if let Some(path) = deliveries {
            census.deliveries = Some(Deliveries::read(path, &doubts).await?);
        }
        let MarkCount { count: marks, .. } = audit.marks().await?;
        census.marks = marks;
        let after = Messages::look(bus).await?;
        census.quiet = census.is_at_rest() && after.due == 0 && after.sent == census.messages.sent;
        Ok(census)
    }

    /// A broker does not show what it delivers again later, but what a killed worker had begun is on record.
    fn is_at_rest(&self) -> bool {
        let all_seen = self.messages.fates.is_some() || self.unfinished_notifications == 0;
        self.messages.due == 0 && self.marks == 0 && all_seen
    }

    async fn count_orders(
        &mut self,
        audit: &dyn StoreAudit,
        letters: &Letters,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut cursor = None;
        loop {
            let page = audit.orders(PAGE, cursor.as_deref()).await?;
            for audited in page.items {
                self.count_order(&audited.order, now);
                self.count_payment(&audited, letters);
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn count_order(&mut self, order: &Order, now: Timestamp) {
        self.orders += 1;
        match order.state {
            OrderState::Paid => self.paid += 1,
            OrderState::Cancelled => self.cancelled += 1,
            // Created and quiet: nothing is on its way that would move it.
            OrderState::Created => self.stuck_orders += 1,
            OrderState::AwaitingPayment if order.expires_at < now => self.stuck_orders += 1,
            OrderState::AwaitingPayment => self.awaiting_payment += 1,
        }
        let open_refund = order.refund_due.as_ref().is_some_and(|refund| refund.settled_at.is_none());
        self.refunds_due += u64::from(open_refund);
        self.paid_for_nothing += u64::from(order.state == OrderState::Paid && order.refund_due.is_some());
        let possible = match order.state {
            OrderState::Created => order.total_amount.is_none() && order.paid_at.is_none(),
            OrderState::AwaitingPayment => order.total_amount.is_some() && order.paid_at.is_none(),
            OrderState::Paid => order.total_amount.is_some() && order.paid_at.is_some(),
            OrderState::Cancelled => order.remark.is_some() && order.paid_at.is_none(),
        };
        self.impossible_orders += u64::from(!possible);
    }

    fn count_payment(&mut self, audited: &AuditedOrder, letters: &Letters) {
        let AuditedOrder { order, entry, has_sale } = audited;
        if order.state != OrderState::Paid {
            self.sales_unpaid += u64::from(*has_sale);
            return;
        }
        let order_no = order.order_no.as_str();
        let has_seats = entry.as_ref().is_some_and(|entry| entry.state == LedgerState::Confirmed);
        if !has_seats && order.refund_due.is_none() {
            self.paid_without_seats += 1;
            self.payments_lost += u64::from(!letters.excuse(&CONFIRM_SEATS, order_no));
        }
        if !has_sale {
            self.sales_missing += 1;
            self.sales_lost += u64::from(!letters.excuse(&RECORD_SALE, order_no));
        }
    }

    async fn count_tickets(&mut self, ports: &Ports, audit: &dyn StoreAudit) -> Result<(), StoreError> {
        let mut cursor = None;
        loop {
            let page = audit.tickets(PAGE, cursor.as_deref()).await?;
            for AuditedTicket { ticket_id, counters } in page.items {
                self.count_ticket(ports, ticket_id, counters).await?;
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn count_ticket(
        &mut self,
        ports: &Ports,
        ticket_id: TicketId,
        counters: Counters,
    ) -> Result<(), StoreError> {
        let taken = u64::from(counters.locked) + u64::from(counters.sold);
        self.tickets += 1;
        self.total += u64::from(counters.total);
        self.locked += u64::from(counters.locked);
        self.sold += u64::from(counters.sold);
        self.oversold_tickets += u64::from(taken > u64::from(counters.total));
        self.miscounted_tickets += u64::from(!agrees_with_its_records(ports, ticket_id, counters).await?);
        if let Some(cache) = ports.stock_cache.stock(ticket_id).await? {
            let drifted = cache.available != counters.available() || u64::from(cache.held) != taken;
            self.drifted_tickets += u64::from(drifted);
        }
        self.count_reservations(ports, ticket_id).await
    }

    async fn count_reservations(&mut self, ports: &Ports, ticket_id: TicketId) -> Result<(), StoreError> {
        let mut cursor = None;
        loop {
            let page = ports.stock_cache.reservations(ticket_id, PAGE, cursor.as_deref()).await?;
            for reservation in page.items {
                self.reservations += 1;
                // An order that this store does not know may be one of a Java service.
                let order = ports.orders.get(&reservation.order_no).await?;
                let dead = order.is_some_and(|order| {
                    order.state == OrderState::Cancelled || order.ticket_id != ticket_id
                });
                self.orphaned_reservations += u64::from(dead);
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// Whether the counters of a ticket are the sum of its records. While orders come in they are read at different
/// moments: only counters that stayed as they were while the records were read can be compared.
async fn agrees_with_its_records(
    ports: &Ports,
    ticket_id: TicketId,
    counters: Counters,
) -> Result<bool, StoreError> {
    let mut before = counters;
    for _ in 0..LOOKS {
        let (locked, sold) = sum_of_records(ports, ticket_id).await?;
        if (locked, sold) == (u64::from(before.locked), u64::from(before.sold)) {
            return Ok(true);
        }
        let after = ports.ledger.counters(ticket_id).await?.unwrap_or(before);
        if after == before {
            return Ok(false);
        }
        before = after;
    }
    // It never stood still, so nothing can be said against it.
    Ok(true)
}

/// The seats that the records of a ticket lock and sell.
async fn sum_of_records(ports: &Ports, ticket_id: TicketId) -> Result<(u64, u64), StoreError> {
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
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok((locked, sold)),
        }
    }
}
