//! What an operator counts in a store.

use std::sync::Arc;

use boxoffice_domain::ports::{
    AuditedOrder, AuditedTicket, Claim, Fence, IdempotencyKey, IdempotencyStore, MarkCount, MarkId,
    OrderStore, Outbox, Sale, SalesCount, Statistics, Stepped, StockLedger, StoreAudit, UncertainEffect,
};
use boxoffice_domain::testing::VirtualClock;
use boxoffice_domain::{
    Counters, LedgerChange, LedgerEntry, LedgerOperation, LedgerState, OrderStep, TicketId,
};
use boxoffice_messages::{tag, topic};

use super::{TICKET, at, await_payment, cancel, number, order, pay};
use crate::support::{at_once, every_page, message};

/// The stores of one backend, whose bus is elsewhere, and what counts their records.
#[derive(Clone)]
pub struct Audited {
    /// Counts.
    pub audit: Arc<dyn StoreAudit>,
    /// Orders and marks; it dates marks by the clock.
    pub orders: Arc<dyn OrderStore>,
    /// The durable stock.
    pub ledger: Arc<dyn StockLedger>,
    /// Which effects were done.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// Sales.
    pub statistics: Arc<dyn Statistics>,
    /// Moved by the suite.
    pub clock: Arc<VirtualClock>,
}

impl Audited {
    /// Saves an order and takes it along these steps.
    async fn order(&self, name: &str, steps: Vec<OrderStep>) {
        self.orders.create(&order(name, 1, 0), Outbox::none()).await.unwrap();
        for step in steps {
            let stepped = self.orders.step(&number(name), step, Outbox::none()).await.unwrap();
            assert!(matches!(stepped, Stepped::Taken { .. }), "{stepped:?}");
        }
    }

    async fn sell(&self, name: &str, ticket_id: TicketId) {
        let sale = Sale {
            order_no: number(name),
            show_id: None,
            ticket_id,
            quantity: 2,
            amount: Some("760.00".parse().unwrap()),
            at: at(0),
        };
        self.statistics.record(&sale).await.unwrap();
    }

    async fn begin(&self, key: &IdempotencyKey, owner: &str, second: i64) {
        let claim = Claim {
            owner: owner.to_owned(),
            payload_hash: "hash".to_owned(),
            data: None,
            now: at(second),
            lease_until: at(second + 10),
            expires_at: at(second + 1_000),
        };
        self.idempotency.begin(key, &claim).await.unwrap();
    }
}

fn change(name: &str, operation: LedgerOperation) -> LedgerChange {
    LedgerChange { order_no: number(name), quantity: 2, operation }
}

/// Every order comes once, on pages of any size, with its own ledger record and whether its sale is counted. Records
/// without an order, and records of another ticket, are nobody's.
pub async fn every_order_is_listed_once_with_its_records(store: Audited) {
    use LedgerOperation::{Confirm, Deduct, Rollback};
    let names = ["T0", "T1", "T2", "T3", "T4", "T5", "T6"];
    for name in names {
        let steps = match name {
            "T0" => vec![],
            "T2" | "T4" => vec![await_payment(), pay(1)],
            "T3" => vec![await_payment(), cancel(2), pay(3)],
            _ => vec![await_payment()],
        };
        store.order(name, steps).await;
    }
    for ticket_id in [TICKET, TicketId(8)] {
        store.ledger.load(ticket_id, 100).await.unwrap();
    }
    let changes =
        [change("T1", Deduct), change("T2", Confirm), change("T3", Rollback), change("nobody", Deduct)];
    store.ledger.apply(TICKET, &changes).await.unwrap();
    store.ledger.apply(TicketId(8), &[change("T5", Deduct)]).await.unwrap();
    for name in ["T2", "T4", "stranger"] {
        store.sell(name, TICKET).await;
    }

    let mut wanted = Vec::new();
    for name in names {
        let order = store.orders.get(&number(name)).await.unwrap().expect("it was saved");
        let state = match name {
            "T1" => Some(LedgerState::Deducted),
            "T2" => Some(LedgerState::Confirmed),
            "T3" => Some(LedgerState::RolledBack),
            _ => None,
        };
        let entry = state.map(|state| LedgerEntry { order_no: number(name), quantity: 2, state });
        wanted.push(AuditedOrder { order, entry, has_sale: ["T2", "T4"].contains(&name) });
    }
    for limit in [1, 3, 7, 100] {
        let listed = every_page(limit, async |cursor| store.audit.orders(limit, cursor).await);
        let mut listed = listed.await;
        listed.sort_by(|one, other| one.order.order_no.cmp(&other.order.order_no));
        assert_eq!(listed, wanted, "pages of {limit}");
    }
}

/// Orders that are listed are those there are: one that comes while the pages are read may come or not, the others come
/// once.
pub async fn orders_that_come_while_others_are_listed_disturb_nothing(store: Audited) {
    for index in 0..20 {
        store.order(&format!("M{index:02}"), vec![]).await;
    }
    let mut late = 0;
    let listed = every_page(3, async |cursor| {
        let page = store.audit.orders(3, cursor).await;
        for name in [format!("A{late}"), format!("Z{late}")] {
            store.order(&name, vec![]).await;
        }
        late += 1;
        // The suite must come to an end, however the backend orders its listing.
        page.map(|page| if late > 60 { boxoffice_domain::ports::Page { next: None, ..page } } else { page })
    });
    let listed = listed.await;
    for index in 0..20 {
        let name = number(&format!("M{index:02}"));
        let times = listed.iter().filter(|audited| audited.order.order_no == name).count();
        assert_eq!(times, 1, "{name}");
    }
}

/// Every ticket that was ever loaded is listed with its counters, also one that nobody bought.
pub async fn every_ticket_is_listed_with_its_counters(store: Audited) {
    assert_eq!(store.audit.tickets(10, None).await.unwrap().items, []);
    for ticket in [300_111, 7, 8, 42] {
        store.ledger.load(TicketId(ticket), 10).await.unwrap();
    }
    let changes = [change("T1", LedgerOperation::Deduct), change("T2", LedgerOperation::Confirm)];
    store.ledger.apply(TicketId(8), &changes).await.unwrap();
    let wanted = [7, 8, 42, 300_111].map(|ticket| {
        let taken = if ticket == 8 { 2 } else { 0 };
        let counters = Counters { total: 10, locked: taken, sold: taken };
        AuditedTicket { ticket_id: TicketId(ticket), counters }
    });
    for limit in [1, 3, 100] {
        let listed = every_page(limit, async |cursor| store.audit.tickets(limit, cursor).await);
        let mut listed = listed.await;
        listed.sort_by_key(|ticket| ticket.ticket_id.0);
        assert_eq!(listed, wanted, "pages of {limit}");
    }
}

/// All marks are counted, also when they are more than any page has, and the oldest shows how long messages wait.
pub async fn marks_are_counted_however_many_there_are(store: Audited) {
    const MARKS: u32 = 1_203;
    assert_eq!(store.audit.marks().await.unwrap(), MarkCount::default());
    store.clock.set(at(10));
    let event = |name: &str| Outbox::remembered(vec![message(topic::ORDER, tag::ORDER_CREATED, name)]);
    store.orders.create(&order("first", 1, 0), event("first")).await.unwrap();
    store.clock.set(at(20));
    at_once(MARKS - 1, |index| {
        let store = store.clone();
        async move {
            let name = format!("T{index}");
            store.orders.create(&order(&name, 1, 0), event(&name)).await.unwrap();
        }
    })
    .await;
    let marks = store.audit.marks().await.unwrap();
    assert_eq!(marks.count, u64::from(MARKS));
    let oldest = marks.oldest.expect("the time of the oldest");
    assert!(at(10) <= oldest && oldest < at(11), "{oldest}");

    let unsent = every_page(500, async |cursor| store.orders.unsent(at(1_000), 500, cursor).await).await;
    let marks: Vec<MarkId> = unsent.into_iter().filter_map(|unsent| unsent.mark).collect();
    store.orders.clear_marks(&marks[..1]).await.unwrap();
    let left = store.audit.marks().await.unwrap();
    assert_eq!(left.count, u64::from(MARKS) - 1);
    assert!(left.oldest.is_some_and(|oldest| oldest >= at(20)), "{left:?}");
    store.orders.clear_marks(&marks).await.unwrap();
    assert_eq!(store.audit.marks().await.unwrap(), MarkCount::default());
}

/// Sales are counted over all tickets, each order once, in records and totals alike.
pub async fn sales_are_counted_over_all_tickets(store: Audited) {
    assert_eq!(store.audit.sales().await.unwrap(), SalesCount::default());
    for (name, ticket) in [("T1", 7), ("T2", 7), ("T1", 7), ("T3", 8)] {
        store.sell(name, TicketId(ticket)).await;
    }
    assert_eq!(store.audit.sales().await.unwrap(), SalesCount { records: 3, in_totals: 3 });
}

/// Of the effects of a function only those come that are unfinished, or that were taken over; those of another function
/// do not, also when its name begins alike.
pub async fn uncertain_effects_are_those_of_one_function(store: Audited) {
    let key = |name: &str| IdempotencyKey::new("sms", &format!("{name}/ORDER_PAID"), 0);
    for name in ["done", "given-back", "unfinished", "taken-over", "twice"] {
        store.begin(&key(name), "one", 0).await;
    }
    for other in ["sms-voice", "sm", "email"] {
        store.begin(&IdempotencyKey::new(other, "T1/ORDER_PAID", 0), "one", 0).await;
    }
    store.begin(&key("taken-over"), "two", 11).await;
    store.begin(&key("twice"), "two", 11).await;
    store.begin(&key("twice"), "three", 30).await;
    for (name, owner) in [("done", "one"), ("taken-over", "two")] {
        let fence = store.idempotency.complete(&key(name), owner, None, at(900)).await.unwrap();
        assert_eq!(fence, Fence::Held);
    }
    assert_eq!(store.idempotency.abandon(&key("given-back"), "one", at(5)).await.unwrap(), Fence::Held);
    let effect = |name: &str, unfinished, taken_over| UncertainEffect {
        key: key(name).to_string(),
        unfinished,
        taken_over,
    };
    let wanted = [effect("taken-over", false, 1), effect("twice", true, 2), effect("unfinished", true, 0)];
    for limit in [1, 2, 100] {
        let listed =
            every_page(limit, async |cursor| store.audit.uncertain_effects("sms", limit, cursor).await);
        let mut listed = listed.await;
        listed.sort_by(|one, other| one.key.cmp(&other.key));
        assert_eq!(listed, wanted, "pages of {limit}");
    }
    assert_eq!(store.audit.uncertain_effects("push", 10, None).await.unwrap().items, []);
}
