use std::collections::{HashMap, HashSet};
use std::path::Path;

use boxoffice_domain::ports::Ports;
use boxoffice_domain::ports::StoreError;
use boxoffice_domain::{LedgerState, Order, OrderNo, OrderState, TicketId};
use boxoffice_embedded::Embedded;
use jiff::Timestamp;

use crate::operator::bus_view::BusView;

/// Records read at a time.
const PAGE: u32 = 2_000;

/// The functions that deliver.
const NOTIFIERS: [&str; 3] = [sms_notification::NAME, email_notification::NAME, push_notification::NAME];

/// What the log provider's file says.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    pub(super) count: u64,
    /// Deliveries beyond the first of one (order, event, channel).
    pub(super) repeated: u64,
    /// Effects whose first owner died between the provider's answer and our record of it.
    pub(super) taken_over: u64,
}

/// What became of all messages that were ever put in a queue.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) queued: u64,
    pub(super) handled: u64,
    pub(super) dead_lettered: u64,
    pub(super) waiting: u64,
    /// Messages that should be in one of the three and are not.
    pub(super) unaccounted: u64,
}

/// Everything counted once.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) orders: u64,
    pub(super) paid: u64,
    pub(super) cancelled: u64,
    pub(super) awaiting_payment: u64,
    pub(super) stuck_orders: u64,
    pub(super) impossible_orders: u64,
    pub(super) refunds_due: u64,
    /// Paid orders whose seats were gone, so that the money goes back.
    pub(super) paid_for_nothing: u64,
    pub(super) paid_without_seats: u64,
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
    pub(super) due_messages: u64,
    /// Only where the file has the messages.
    pub(super) accounts: Option<Accounts>,
    pub(super) dead_letters: u64,
    pub(super) sales_recorded: u64,
    pub(super) sales_expected: u64,
    /// Notifications that were begun and that nobody recorded the end of.
    pub(super) unfinished_notifications: u64,
    pub(super) deliveries: Option<Deliveries>,
}

struct Known {
    state: OrderState,
    refund_recorded: bool,
    ticket_id: TicketId,
}

impl Census {
    /// Nothing due, nothing in flight, no mark: what only holds at rest can be judged. A broker does not show what it
    /// delivers again later, but what a killed worker had begun is on record.
    pub(super) fn is_quiet(&self) -> bool {
        let all_seen = self.accounts.is_some() || self.unfinished_notifications <= self.dead_letters;
        self.due_messages == 0 && self.marks == 0 && all_seen
    }

    /// Sales that a paid order should have and that are not on record: their message may be a dead letter.
    pub(super) fn sales_missing(&self) -> u64 {
        self.sales_expected.saturating_sub(self.sales_recorded)
    }

    pub(super) async fn take(
        ports: &Ports,
        bus: &BusView,
        store: &Embedded,
        deliveries: Option<&Path>,
    ) -> Result<Self, StoreError> {
        let now = ports.clock.now();
        let mut census = Self::default();
        census.count_messages(bus).await?;
        census.marks = ports.orders.unsent(Timestamp::MAX, PAGE, None).await?.items.len() as u64;
        census.dead_letters = ports.dead_letters.counts().await?.into_values().sum();
        let orders = census.count_orders(store, now)?;
        census.count_stock(ports, store, &orders).await?;
        for function in NOTIFIERS {
            census.unfinished_notifications += store.unfinished_effects(function).await?;
        }
        census.deliveries = match deliveries {
            Some(path) => Some(read_deliveries(path, store).await?),
            None => None,
        };
        Ok(census)
    }

    async fn count_messages(&mut self, bus: &BusView) -> Result<(), StoreError> {
        let BusView::File(store) = bus else {
            self.due_messages =
                bus.lags().await?.iter().map(|lag| lag.waiting + lag.in_flight.unwrap_or(0)).sum();
            return Ok(());
        };
        let mut accounts = Accounts::default();
        for group in store.queues().await? {
            self.due_messages += group.waiting + group.in_flight;
            let waiting = group.waiting + group.delayed + group.in_flight;
            accounts.waiting += waiting;
            accounts.queued += group.queued;
            accounts.handled += group.handled;
            accounts.dead_lettered += group.dead_lettered;
            accounts.unaccounted += group.queued.abs_diff(group.handled + group.dead_lettered + waiting);
        }
        self.accounts = Some(accounts);
        Ok(())
    }

    fn count_orders(
        &mut self,
        store: &Embedded,
        now: Timestamp,
    ) -> Result<HashMap<OrderNo, Known>, StoreError> {
        let mut known = HashMap::new();
        let mut last: Option<OrderNo> = None;
        loop {
            let page = store.orders(last.as_ref(), PAGE)?;
            last = page.items.last().map(|order| order.order_no.clone());
            for order in page.items {
                self.count_order(&order, now);
                let refund_recorded = order.refund_due.is_some();
                let (state, ticket_id) = (order.state, order.ticket_id);
                known.insert(order.order_no, Known { state, refund_recorded, ticket_id });
            }
            if page.next.is_none() {
                return Ok(known);
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

    async fn count_stock(
        &mut self,
        ports: &Ports,
        store: &Embedded,
        orders: &HashMap<OrderNo, Known>,
    ) -> Result<(), StoreError> {
        let mut with_seats: HashSet<OrderNo> = HashSet::new();
        for (ticket_id, counters) in store.tickets()? {
            let (locked, sold) = count_entries(ports, ticket_id, &mut with_seats).await?;
            self.tickets += 1;
            self.total += u64::from(counters.total);
            self.locked += u64::from(counters.locked);
            self.sold += u64::from(counters.sold);
            let taken = u64::from(counters.locked) + u64::from(counters.sold);
            self.oversold_tickets += u64::from(taken > u64::from(counters.total));
            let agrees = locked == u64::from(counters.locked) && sold == u64::from(counters.sold);
            self.miscounted_tickets += u64::from(!agrees);
            if let Some(cache) = ports.stock_cache.stock(ticket_id).await? {
                let drifted = cache.available != counters.available() || u64::from(cache.held) != taken;
                self.drifted_tickets += u64::from(drifted);
            }
            self.count_reservations(ports, ticket_id, orders).await?;
            self.sales_recorded += ports.statistics.total(ticket_id).await?.orders;
        }
        let paid = orders.iter().filter(|(_, known)| known.state == OrderState::Paid);
        for (order_no, known) in paid {
            let settled = with_seats.contains(order_no) || known.refund_recorded;
            self.paid_without_seats += u64::from(!settled);
            self.sales_expected += 1;
        }
        // A sale that a Java service made is recorded without an order of ours.
        self.sales_expected += store.sales_without_order().await?;
        Ok(())
    }

    async fn count_reservations(
        &mut self,
        ports: &Ports,
        ticket_id: TicketId,
        orders: &HashMap<OrderNo, Known>,
    ) -> Result<(), StoreError> {
        let mut cursor = None;
        loop {
            let page = ports.stock_cache.reservations(ticket_id, PAGE, cursor.as_deref()).await?;
            for reservation in page.items {
                self.reservations += 1;
                let dead = orders.get(&reservation.order_no).is_some_and(|known| {
                    known.state == OrderState::Cancelled || known.ticket_id != ticket_id
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

/// The seats that the records of a ticket lock and sell; orders whose seats are sold go into `with_seats`.
async fn count_entries(
    ports: &Ports,
    ticket_id: TicketId,
    with_seats: &mut HashSet<OrderNo>,
) -> Result<(u64, u64), StoreError> {
    let (mut locked, mut sold) = (0, 0);
    let mut cursor = None;
    loop {
        let page = ports.ledger.entries(ticket_id, PAGE, cursor.as_deref()).await?;
        for entry in page.items {
            match entry.state {
                LedgerState::Deducted => locked += u64::from(entry.quantity),
                LedgerState::Confirmed => {
                    sold += u64::from(entry.quantity);
                    with_seats.insert(entry.order_no);
                }
                LedgerState::RolledBack => {}
            }
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok((locked, sold)),
        }
    }
}

async fn read_deliveries(path: &Path, store: &Embedded) -> Result<Deliveries, StoreError> {
    let path = path.to_owned();
    let mut times: HashMap<String, u64> = HashMap::new();
    let read = tokio::task::spawn_blocking(move || {
        boxoffice_notify::read_deliveries(&path).and_then(|deliveries| {
            for delivery in deliveries {
                let delivery = delivery?;
                *times.entry(format!("{}/{}", delivery.channel, delivery.idempotency_key)).or_default() += 1;
            }
            Ok(times)
        })
    });
    let times = read.await.map_err(|error| StoreError::Unavailable(error.to_string()))?.map_err(|error| {
        StoreError::Unavailable(format!("the file of deliveries cannot be read: {error}"))
    })?;
    Ok(Deliveries {
        count: times.values().sum(),
        repeated: times.values().map(|times| times - 1).sum(),
        taken_over: store.leases_taken_over().await?,
    })
}
