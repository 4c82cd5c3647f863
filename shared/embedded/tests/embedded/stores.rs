use boxoffice_domain::ports::{
    Claim, ClaimAnswer, Created, Fence, HeldReservation, IdempotencyKey, IdempotencyStore, OrderStore,
    Outbox, ReleaseAnswer, RepairPage, ReservationRequest, ReserveAnswer, Stepped, StockCache, StockLedger,
    StoreAudit, StoreError,
};
use boxoffice_domain::{
    Decimal, LedgerChange, LedgerOperation, LedgerOutcome, LedgerState, OrderState, OrderStep, PayType,
    RefundDue, StepOutcome, TicketId, UserId,
};
use boxoffice_embedded::{Embedded, Options, OutboxMode};
use boxoffice_messages::group;

use crate::support::{Place, at, message, no, order, queue_of};

const TICKET: TicketId = TicketId(3);

fn await_payment() -> OrderStep {
    OrderStep::AwaitPayment { total_amount: Decimal::new(76_000, 2) }
}

fn pay() -> OrderStep {
    OrderStep::Pay { pay_type: Some(PayType::Alipay), at: at(5) }
}

fn cancel() -> OrderStep {
    OrderStep::Cancel { remark: "changed my mind".to_owned(), at: at(5) }
}

fn taken(outcome: StepOutcome) -> Stepped {
    Stepped::Taken { outcome, unsent: Vec::new() }
}

#[tokio::test]
async fn an_order_and_its_message_are_one_commit() {
    let place = Place::new();
    let store = place.open();
    let before = store.figures().commits;
    let outbox = Outbox::remembered(vec![message("T1")]);
    let created = store.create(&order("T1"), outbox.clone()).await.unwrap();
    assert_eq!(created, Created::New { unsent: Vec::new() });
    assert_eq!(store.figures().commits - before, 1);
    assert_eq!(queue_of(&store, group::ORDER_PROCESS).await.waiting, 1);

    let again = store.create(&order("T1"), outbox).await.unwrap();
    assert_eq!(again, Created::Existing(Box::new(order("T1"))));
    assert_eq!(queue_of(&store, group::ORDER_PROCESS).await.waiting, 1);
    assert!(store.unsent(at(100_000_000), 10, None).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn an_order_walks_only_along_the_arrows() {
    let place = Place::new();
    let store = place.open();
    store.create(&order("T1"), Outbox::none()).await.unwrap();
    let step = async |step| store.step(&no("T1"), step, Outbox::none()).await.unwrap();
    assert_eq!(step(pay()).await, Stepped::Refused { state: OrderState::Created });
    assert_eq!(step(await_payment()).await, taken(StepOutcome::Moved));
    assert_eq!(step(await_payment()).await, taken(StepOutcome::AlreadyThere));
    assert_eq!(step(pay()).await, taken(StepOutcome::Moved));
    assert_eq!(step(pay()).await, taken(StepOutcome::AlreadyThere));
    assert_eq!(step(cancel()).await, Stepped::Refused { state: OrderState::Paid });
    let unknown = store.step(&no("T2"), pay(), Outbox::none()).await.unwrap();
    assert_eq!(unknown, Stepped::Unknown);
    let stored = OrderStore::get(&store, &no("T1")).await.unwrap().unwrap();
    assert_eq!(stored.total_amount.unwrap().to_string(), "760.00");
    assert_eq!(
        (stored.state, stored.pay_type, stored.paid_at),
        (OrderState::Paid, Some(PayType::Alipay), Some(at(5)))
    );
}

#[tokio::test]
async fn a_payment_of_a_cancelled_order_is_a_refund_until_it_is_settled() {
    let place = Place::new();
    let store = place.open();
    store.create(&order("T1"), Outbox::none()).await.unwrap();
    store.step(&no("T1"), cancel(), Outbox::none()).await.unwrap();
    let late = async || store.step(&no("T1"), pay(), Outbox::remembered(vec![message("T1")])).await;
    assert_eq!(late().await.unwrap(), taken(StepOutcome::RefundRecorded { newly: true }));
    assert_eq!(late().await.unwrap(), taken(StepOutcome::RefundRecorded { newly: false }));
    assert_eq!(queue_of(&store, group::ORDER_PROCESS).await.total(), 0, "a refund sends nothing");
    let due = store.refunds_due(10, None).await.unwrap().items;
    assert_eq!((due.len(), due[0].state), (1, OrderState::Cancelled));
    assert!(store.settle_refund(&no("T1"), at(9)).await.unwrap());
    assert!(!store.settle_refund(&no("T1"), at(9)).await.unwrap());
    assert!(store.refunds_due(10, None).await.unwrap().items.is_empty());
    let refund = OrderStore::get(&store, &no("T1")).await.unwrap().unwrap().refund_due.unwrap();
    assert!(matches!(refund, RefundDue { settled_at: Some(settled), .. } if settled == at(9)));
}

#[tokio::test]
async fn a_refund_of_a_paid_order_is_recorded_once() {
    let place = Place::new();
    let store = place.open();
    store.create(&order("T1"), Outbox::none()).await.unwrap();
    assert!(store.record_refund(&no("T1"), "no seats", at(5)).await.unwrap());
    assert!(!store.record_refund(&no("T1"), "no seats", at(6)).await.unwrap());
    let unknown = store.record_refund(&no("T2"), "no seats", at(5)).await.unwrap_err();
    assert!(matches!(unknown, StoreError::Invalid(_)));
}

#[tokio::test]
async fn a_repeated_step_sends_repeatable_messages_again_and_remembered_ones_not() {
    let place = Place::new();
    let store = place.open();
    store.create(&order("T1"), Outbox::none()).await.unwrap();
    let waiting = async || queue_of(&store, group::ORDER_PROCESS).await.waiting;
    for expected in [1, 2] {
        let outbox = Outbox::repeatable(vec![message("T1")]);
        store.step(&no("T1"), await_payment(), outbox).await.unwrap();
        assert_eq!(waiting().await, expected);
    }
    for expected in [3, 3] {
        let outbox = Outbox::remembered(vec![message("T1")]);
        store.step(&no("T1"), pay(), outbox).await.unwrap();
        assert_eq!(waiting().await, expected);
    }
}

#[tokio::test]
async fn with_the_bus_elsewhere_messages_are_marked_until_they_are_cleared() {
    let place = Place::new();
    let options = Options { outbox: OutboxMode::MarkForRelay, ..Options::default() };
    let store = Embedded::open(place.file(), options).unwrap();
    let mut sent = message("T1").deliver_at(at(900));
    sent.properties = vec![("a".to_owned(), "b".to_owned())];
    let outbox = Outbox::remembered(vec![sent.clone()]);
    let Created::New { unsent } = store.create(&order("T1"), outbox).await.unwrap() else {
        panic!("the order is new")
    };
    assert_eq!(unsent[0].message, sent);
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60);
    assert_eq!(store.unsent(soon, 10, None).await.unwrap().items, unsent);
    assert!(store.unsent(at(-1_000_000_000), 10, None).await.unwrap().items.is_empty());

    let outbox = Outbox::repeatable(vec![message("T1")]);
    let Stepped::Taken { unsent: repeatable, .. } =
        store.step(&no("T1"), await_payment(), outbox).await.unwrap()
    else {
        panic!("the step is taken")
    };
    assert_eq!((repeatable.len(), repeatable[0].mark.clone()), (1, None));
    assert_eq!(store.marks().await.unwrap().count, 1);
    let marks: Vec<_> = unsent.into_iter().filter_map(|marked| marked.mark).collect();
    store.clear_marks(&marks).await.unwrap();
    store.clear_marks(&marks).await.unwrap();
    assert_eq!(store.marks().await.unwrap().count, 0);
    assert_eq!(queue_of(&store, group::ORDER_PROCESS).await.total(), 0);
}

#[tokio::test]
async fn listings_are_paged_and_ordered() {
    let place = Place::new();
    let store = place.open();
    for number in 0..5 {
        let mut order = order(&format!("T{number}"));
        order.created_at = at(number);
        order.expires_at = at(100 - number);
        store.create(&order, Outbox::none()).await.unwrap();
    }
    store.step(&no("T4"), cancel(), Outbox::none()).await.unwrap();
    let (mut newest, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.list_by_user(UserId(1001), 2, cursor.as_deref()).await.unwrap();
        newest.extend(page.items.into_iter().map(|order| order.order_no.to_string()));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(newest, ["T4", "T3", "T2", "T1", "T0"]);
    let late = store.overdue(at(99), 10, None).await.unwrap();
    let names: Vec<_> = late.items.iter().map(|order| order.order_no.to_string()).collect();
    assert_eq!(names, ["T3", "T2"], "oldest expiry first, no final order, none that is not yet due");
    assert!(matches!(store.list_by_user(UserId(1), 2, Some("x")).await, Err(StoreError::Invalid(_))));
    let first = store.orders(3, None).await.unwrap();
    let rest = store.orders(10, first.next.as_deref()).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (3, 2, None));
}

fn wish(order_no: &str, quantity: u32) -> ReservationRequest {
    ReservationRequest {
        ticket_id: TICKET,
        order_no: no(order_no),
        user_id: UserId(1),
        quantity,
        per_user_limit: Some(4),
    }
}

#[tokio::test]
async fn seats_are_reserved_once_within_limit_and_stock() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.reserve(&wish("T1", 2)).await.unwrap(), ReserveAnswer::NotLoaded);
    assert!(StockCache::load(&store, TICKET, 5).await.unwrap());
    assert!(!StockCache::load(&store, TICKET, 9).await.unwrap());
    assert_eq!(store.reserve(&wish("T1", 2)).await.unwrap(), ReserveAnswer::Reserved);
    assert_eq!(store.reserve(&wish("T1", 2)).await.unwrap(), ReserveAnswer::AlreadyReserved);
    assert_eq!(store.reserve(&wish("T2", 3)).await.unwrap(), ReserveAnswer::OverLimit { held: 2 });
    let other = ReservationRequest { user_id: UserId(2), ..wish("T3", 4) };
    assert_eq!(store.reserve(&other).await.unwrap(), ReserveAnswer::SoldOut { available: 3 });
    assert_eq!(store.release(TICKET, &no("T1")).await.unwrap(), ReleaseAnswer::Released);
    assert_eq!(store.release(TICKET, &no("T1")).await.unwrap(), ReleaseAnswer::AlreadyReleased);
    assert_eq!(store.reserve(&wish("T1", 2)).await.unwrap(), ReserveAnswer::RolledBack);
    assert_eq!(store.release(TICKET, &no("T9")).await.unwrap(), ReleaseAnswer::Tombstoned);
    assert_eq!(store.reserve(&wish("T9", 2)).await.unwrap(), ReserveAnswer::RolledBack);
    assert_eq!(store.stock(TICKET).await.unwrap().unwrap().available, 5);
    assert_eq!(store.release(TicketId(99), &no("T1")).await.unwrap(), ReleaseAnswer::NotLoaded);
}

#[tokio::test]
async fn a_repair_adds_what_is_missing_gives_orphans_back_and_keeps_tombstones() {
    let place = Place::new();
    let store = place.open();
    StockCache::load(&store, TICKET, 3).await.unwrap();
    store.reserve(&wish("orphan", 2)).await.unwrap();
    store.release(TICKET, &no("tombstone")).await.unwrap();
    let held = |name: &str| HeldReservation { order_no: no(name), user_id: UserId(0), quantity: 4 };
    let missing = vec![held("missing"), held("tombstone")];
    let pages = RepairPage::pages(10, vec![no("orphan")], missing, RepairPage::MOST_ENTRIES);
    let repaired = store.repair(TICKET, &pages[0]).await.unwrap();
    assert_eq!(repaired.before.unwrap().held, 2);
    assert_eq!((pages.len(), repaired.added, repaired.given_back), (1, 1, 1));
    let after = repaired.after;
    assert_eq!((after.available, after.held, after.reservations), (6, 4, 1));
    let reservations = store.reservations(TICKET, 10, None).await.unwrap().items;
    assert_eq!(reservations, [held("missing")]);
    assert_eq!(store.stock(TICKET).await.unwrap(), Some(after), "the counters agree with the reservations");
}

#[tokio::test]
async fn a_refused_change_falls_out_of_its_batch() {
    let place = Place::new();
    let store = place.open();
    let change = |name: &str, operation| LedgerChange { order_no: no(name), quantity: 2, operation };
    let deduct = |name: &str| change(name, LedgerOperation::Deduct);
    let unknown = store.apply(TICKET, &[deduct("T1")]).await.unwrap();
    assert_eq!(unknown, [LedgerOutcome::UnknownTicket(TICKET)]);
    StockLedger::load(&store, TICKET, 5).await.unwrap();
    let outcomes = store
        .apply(
            TICKET,
            &[
                deduct("T1"),
                deduct("T1"),
                change("late", LedgerOperation::Rollback),
                deduct("T2"),
                deduct("T3"),
                change("T2", LedgerOperation::Confirm),
                deduct("late"),
            ],
        )
        .await
        .unwrap();
    assert_eq!(
        outcomes,
        [
            LedgerOutcome::Applied,
            LedgerOutcome::AlreadyApplied,
            LedgerOutcome::Tombstoned,
            LedgerOutcome::Applied,
            LedgerOutcome::Insufficient { available: 1 },
            LedgerOutcome::Applied,
            LedgerOutcome::AlreadyApplied,
        ]
    );
    let counters = store.counters(TICKET).await.unwrap().unwrap();
    assert_eq!((counters.total, counters.locked, counters.sold), (5, 2, 2));
    let entry = async |name: &str| {
        store.entry(TICKET, &no(name)).await.unwrap().map(|entry| (entry.quantity, entry.state))
    };
    assert_eq!(entry("T1").await, Some((2, LedgerState::Deducted)));
    assert_eq!(entry("T2").await, Some((2, LedgerState::Confirmed)));
    assert_eq!(entry("T3").await, None);
    assert_eq!(entry("late").await, Some((2, LedgerState::RolledBack)));
    assert_eq!(store.entries(TICKET, 2, None).await.unwrap().items.len(), 2);
    let fewer = StockLedger::load(&store, TICKET, 3).await.unwrap_err();
    assert!(matches!(fewer, StoreError::Invalid(_)), "{fewer}");
}

#[tokio::test]
async fn a_late_owner_is_fenced_off_and_the_data_of_the_first_claim_stays() {
    let place = Place::new();
    let store = place.open();
    let key = IdempotencyKey::new("create", "k", 0);
    let claim = |owner: &str, second: i64| Claim {
        owner: owner.to_owned(),
        payload_hash: "h".to_owned(),
        data: Some(format!("data of {owner}")),
        now: at(second),
        lease_until: at(second + 10),
        expires_at: at(second + 100),
    };
    let started = |taken_over| ClaimAnswer::Started { data: Some("data of a".to_owned()), taken_over };
    let unfinished = async |function| {
        let effects = store.uncertain_effects(function, 10, None).await.unwrap().items;
        effects.iter().filter(|effect| effect.unfinished).count()
    };
    assert_eq!(unfinished("create").await, 0);
    assert_eq!(store.begin(&key, &claim("a", 0)).await.unwrap(), started(false));
    assert_eq!((unfinished("create").await, unfinished("creat").await, unfinished("pay").await), (1, 0, 0));
    assert_eq!(store.begin(&key, &claim("b", 5)).await.unwrap(), ClaimAnswer::InProgress { until: at(10) });
    assert_eq!(store.begin(&key, &claim("b", 11)).await.unwrap(), started(true));
    assert_eq!(store.complete(&key, "a", None, at(100)).await.unwrap(), Fence::Lost);
    assert_eq!(store.abandon(&key, "a", at(12)).await.unwrap(), Fence::Lost);
    assert_eq!(store.abandon(&key, "b", at(12)).await.unwrap(), Fence::Held);
    assert_eq!(unfinished("create").await, 0, "it was given back");
    assert_eq!(store.begin(&key, &claim("c", 13)).await.unwrap(), started(false));
    let other = Claim { payload_hash: "other".to_owned(), ..claim("d", 14) };
    assert_eq!(store.begin(&key, &other).await.unwrap(), ClaimAnswer::PayloadDiffers);
    assert_eq!(store.complete(&key, "c", Some("r"), at(100)).await.unwrap(), Fence::Held);
    let completed = ClaimAnswer::Completed { result: Some("r".to_owned()) };
    assert_eq!(store.begin(&key, &claim("d", 50)).await.unwrap(), completed);
    assert_eq!(unfinished("create").await, 0, "it is done");
    assert_eq!(store.purge(at(100), 10).await.unwrap(), 0);
    assert_eq!(store.purge(at(101), 10).await.unwrap(), 1);
    assert_eq!(store.purge(at(1_000), 10).await.unwrap(), 0, "it is gone");
}
