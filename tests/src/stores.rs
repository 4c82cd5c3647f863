//! What every store must do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::ports::{
    Begin, Claim, Created, DeadLetter, DeadLetterFilter, DeadLetterStore, Fence, IdempotencyKey,
    IdempotencyStore, OrderStore, Outbox, Release, Repair, ReservationRequest, Reserve, Sale, Statistics,
    Stepped, StockCache, StockLedger,
};
use boxoffice_domain::{
    Contact, Counters, Decimal, LedgerChange, LedgerOperation, LedgerOutcome, Order, OrderNo, OrderState,
    OrderStep, PayType, SessionId, ShowId, StepOutcome, TicketId, UserId, ledger,
};
use jiff::Timestamp;
use tokio::task::JoinSet;

const TICKET: TicketId = TicketId(7);

fn number(text: &str) -> OrderNo {
    OrderNo::new(text).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn order(name: &str, user: i64, second: i64) -> Order {
    Order {
        order_no: number(name),
        user_id: UserId(user),
        show_id: ShowId(1),
        session_id: SessionId(2),
        ticket_id: TICKET,
        quantity: 2,
        total_amount: None,
        state: OrderState::Created,
        contact: Contact { phone: Some("+8613800138000".to_owned()), ..Contact::default() },
        pay_type: None,
        remark: None,
        created_at: at(second),
        paid_at: None,
        expires_at: at(second + 900),
        refund_due: None,
    }
}

fn await_payment() -> OrderStep {
    OrderStep::AwaitPayment { total_amount: "760.00".parse().unwrap() }
}

/// Orders are saved once, move along the arrows only, and exactly one of many writers moves one.
pub async fn orders_move_along_the_arrows_once(store: Arc<dyn OrderStore>) {
    let first = order("T1", 1, 0);
    assert!(matches!(store.create(&first, Outbox::none()).await.unwrap(), Created::New { .. }));
    let again = store.create(&order("T1", 2, 5), Outbox::none()).await.unwrap();
    assert_eq!(again, Created::Existing(Box::new(first.clone())));
    let pay = OrderStep::Pay { pay_type: Some(PayType::Alipay), at: at(10) };
    let refused = store.step(&number("T1"), pay.clone(), Outbox::none()).await.unwrap();
    assert_eq!(refused, Stepped::Refused { state: OrderState::Created });
    assert_eq!(store.step(&number("T0"), pay.clone(), Outbox::none()).await.unwrap(), Stepped::Unknown);

    let mut writers = JoinSet::new();
    for _ in 0..32 {
        let store = Arc::clone(&store);
        writers
            .spawn(async move { store.step(&number("T1"), await_payment(), Outbox::none()).await.unwrap() });
    }
    let mut moved = 0;
    while let Some(stepped) = writers.join_next().await {
        let Stepped::Taken { outcome, .. } = stepped.unwrap() else { panic!("an arrow was refused") };
        moved += u32::from(outcome == StepOutcome::Moved);
    }
    assert_eq!(moved, 1, "exactly one writer moves an order");
    store.step(&number("T1"), pay, Outbox::none()).await.unwrap();
    let paid = store.get(&number("T1")).await.unwrap().unwrap();
    assert_eq!(
        (paid.state, paid.paid_at, paid.pay_type),
        (OrderState::Paid, Some(at(10)), Some(PayType::Alipay))
    );
    assert_eq!(paid.total_amount.unwrap().to_string(), "760.00", "money keeps its scale");
    let cancel = OrderStep::Cancel { remark: "late".to_owned(), at: at(11) };
    let refused = store.step(&number("T1"), cancel, Outbox::none()).await.unwrap();
    assert_eq!(refused, Stepped::Refused { state: OrderState::Paid });
}

/// A payment of a cancelled order is kept as a refund until it is settled.
pub async fn a_late_payment_is_kept_as_a_refund(store: Arc<dyn OrderStore>) {
    store.create(&order("T1", 1, 0), Outbox::none()).await.unwrap();
    let cancel = OrderStep::Cancel { remark: "late".to_owned(), at: at(1) };
    store.step(&number("T1"), cancel, Outbox::none()).await.unwrap();
    for newly in [true, false] {
        let pay = OrderStep::Pay { pay_type: None, at: at(2) };
        let stepped = store.step(&number("T1"), pay, Outbox::none()).await.unwrap();
        let recorded = StepOutcome::RefundRecorded { newly };
        assert_eq!(stepped, Stepped::Taken { outcome: recorded, unsent: Vec::new() });
    }
    assert_eq!(store.refunds_due(10, None).await.unwrap().items.len(), 1);
    assert!(store.settle_refund(&number("T1"), at(3)).await.unwrap());
    assert!(!store.settle_refund(&number("T1"), at(4)).await.unwrap());
    assert_eq!(store.refunds_due(10, None).await.unwrap().items, []);
}

/// Pages have no gaps and no repeats, newest first; overdue orders are those that are neither paid nor cancelled.
pub async fn listings_are_paged_without_gaps(store: Arc<dyn OrderStore>) {
    for index in 0..25 {
        // Several orders of one instant.
        store.create(&order(&format!("T{index:02}"), 1, index / 3), Outbox::none()).await.unwrap();
    }
    store.create(&order("other", 2, 3), Outbox::none()).await.unwrap();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.list_by_user(UserId(1), 4, cursor.as_deref()).await.unwrap();
        seen.extend(page.items.into_iter().map(|order| (order.created_at, order.order_no)));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "newest first, without repeats");
    let cancel = OrderStep::Cancel { remark: "x".to_owned(), at: at(9) };
    store.step(&number("T00"), cancel, Outbox::none()).await.unwrap();
    let overdue = store.overdue(at(901), 100, None).await.unwrap().items;
    let names: Vec<&str> = overdue.iter().map(|order| order.order_no.as_str()).collect();
    assert_eq!(names, ["T01", "T02"]);
}

fn request(name: &str, user: i64, quantity: u32, limit: Option<u32>) -> ReservationRequest {
    ReservationRequest {
        ticket_id: TICKET,
        order_no: number(name),
        user_id: UserId(user),
        quantity,
        per_user_limit: limit,
    }
}

/// However many race, no seat is held twice; every answer is the same when asked again.
pub async fn the_fast_stock_never_oversells(store: Arc<dyn StockCache>) {
    assert_eq!(store.reserve(&request("T", 1, 1, None)).await.unwrap(), Reserve::NotLoaded);
    assert!(store.load(TICKET, 50).await.unwrap());
    assert!(!store.load(TICKET, 99).await.unwrap(), "stock is loaded once");
    let mut buyers = JoinSet::new();
    for user in 0..64 {
        let store = Arc::clone(&store);
        buyers.spawn(async move {
            let wish = request(&format!("T{user}"), user, 1 + u32::try_from(user % 2).unwrap(), None);
            let first = store.reserve(&wish).await.unwrap();
            let again = store.reserve(&wish).await.unwrap();
            match first {
                Reserve::Reserved => {
                    assert_eq!(again, Reserve::AlreadyReserved);
                    wish.quantity
                }
                _ => 0,
            }
        });
    }
    let mut held = 0;
    while let Some(quantity) = buyers.join_next().await {
        held += quantity.unwrap();
    }
    let stock = store.stock(TICKET).await.unwrap().unwrap();
    assert_eq!((stock.held, stock.available), (held, 50 - held));
    assert!(held >= 49, "seats were left although buyers wanted them");
}

/// One buyer never holds more than the limit, however the requests race; a tombstone keeps a late request out.
pub async fn limits_and_tombstones_hold(store: Arc<dyn StockCache>) {
    store.load(TICKET, 100).await.unwrap();
    let mut requests = JoinSet::new();
    for index in 0..16 {
        let store = Arc::clone(&store);
        requests.spawn(
            async move { store.reserve(&request(&format!("T{index}"), 1, 1, Some(4))).await.unwrap() },
        );
    }
    let mut reserved = 0;
    while let Some(answer) = requests.join_next().await {
        reserved += u32::from(answer.unwrap() == Reserve::Reserved);
    }
    assert_eq!(reserved, 4);
    assert_eq!(store.release(TICKET, &number("early")).await.unwrap(), Release::Tombstoned);
    assert_eq!(store.reserve(&request("early", 2, 1, None)).await.unwrap(), Reserve::RolledBack);
    let held = store.reservations(TICKET, 10, None).await.unwrap().items;
    assert_eq!(store.release(TICKET, &held[0].order_no).await.unwrap(), Release::Released);
    assert_eq!(store.release(TICKET, &held[0].order_no).await.unwrap(), Release::AlreadyReleased);
    let repair = Repair { total: 10, missing: vec![], orphans: vec![held[1].order_no.clone()] };
    let repaired = store.repair(TICKET, &repair).await.unwrap();
    assert_eq!((repaired.after.held, repaired.after.available), (2, 8));
}

/// A small generator, so that every run shuffles alike.
fn shuffle<T>(items: &mut [T], seed: &mut u64) {
    for last in (1..items.len()).rev() {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        items.swap(last, usize::try_from(*seed >> 33).unwrap() % (last + 1));
    }
}

/// In whatever order and however often the changes arrive, in whatever batches, the ledger ends as the model does,
/// and never counts more seats than there are.
pub async fn the_ledger_is_the_same_in_any_order(store: Arc<dyn StockLedger>) {
    let mut seed = 42;
    for round in 0..20 {
        let ticket = TicketId(100 + round);
        let mut counters = store.load(ticket, 9).await.unwrap();
        let mut on_file = HashMap::new();
        let mut changes = Vec::new();
        for name in ["A", "B", "C", "D", "E", "F"] {
            let ends = if seed % 2 == 0 { LedgerOperation::Confirm } else { LedgerOperation::Rollback };
            for operation in [LedgerOperation::Deduct, ends, LedgerOperation::Deduct, ends] {
                changes.push(LedgerChange { order_no: number(name), quantity: 2, operation });
            }
            shuffle(&mut changes, &mut seed);
        }
        for batch in changes.chunks(5) {
            let model = ledger::fold(counters, &on_file, batch);
            let outcomes = store.apply(ticket, batch).await.unwrap();
            assert_eq!(outcomes, model.outcomes);
            counters = model.counters;
            on_file.extend(model.changed.into_iter().map(|entry| (entry.order_no.clone(), entry)));
            assert_eq!(store.counters(ticket).await.unwrap(), Some(counters));
            assert!(counters.locked + counters.sold <= counters.total);
        }
        let mut entries = store.entries(ticket, 100, None).await.unwrap().items;
        entries.sort_by(|one, other| one.order_no.cmp(&other.order_no));
        let mut model: Vec<_> = on_file.into_values().collect();
        model.sort_by(|one, other| one.order_no.cmp(&other.order_no));
        assert_eq!(entries, model);
    }
    let change = LedgerChange { order_no: number("A"), quantity: 1, operation: LedgerOperation::Deduct };
    let unknown = store.apply(TicketId(999), &[change]).await.unwrap();
    assert_eq!(unknown, [LedgerOutcome::UnknownTicket(TicketId(999))]);
    assert!(store.load(TicketId(100), 0).await.is_err() || counters_are_free(&*store).await);
}

async fn counters_are_free(store: &dyn StockLedger) -> bool {
    let Counters { locked, sold, .. } = store.counters(TicketId(100)).await.unwrap().unwrap();
    locked + sold == 0
}

fn claim(owner: &str, hash: &str, now: i64) -> Claim {
    Claim {
        owner: owner.to_owned(),
        payload_hash: hash.to_owned(),
        data: Some(format!("data of {owner}")),
        now: at(now),
        lease_until: at(now + 10),
        expires_at: at(now + 1_000),
    }
}

/// The owner whose lease ran out cannot overwrite the next one, whatever it does.
pub async fn idempotency_is_fenced(store: Arc<dyn IdempotencyStore>) {
    let key = IdempotencyKey::new("sms", "T1", 0);
    let started =
        |owner: &str, taken_over| Begin::Started { data: Some(format!("data of {owner}")), taken_over };
    assert_eq!(store.begin(&key, &claim("one", "h", 0)).await.unwrap(), started("one", false));
    assert_eq!(store.begin(&key, &claim("two", "h", 5)).await.unwrap(), Begin::InProgress { until: at(10) });
    assert_eq!(store.begin(&key, &claim("two", "other", 5)).await.unwrap(), Begin::PayloadDiffers);
    assert_eq!(store.begin(&key, &claim("two", "h", 20)).await.unwrap(), started("one", true));
    assert_eq!(store.complete(&key, "one", Some("late"), at(2_000)).await.unwrap(), Fence::Lost);
    assert_eq!(store.abandon(&key, "one", at(21)).await.unwrap(), Fence::Lost);
    assert_eq!(store.complete(&key, "two", Some("sent"), at(2_000)).await.unwrap(), Fence::Held);
    let done = Begin::Completed { result: Some("sent".to_owned()) };
    assert_eq!(store.begin(&key, &claim("three", "h", 30)).await.unwrap(), done);
    let redriven = IdempotencyKey::new("sms", "T1", 1);
    assert_eq!(store.begin(&redriven, &claim("four", "h", 30)).await.unwrap(), started("four", false));
    assert_eq!(store.abandon(&redriven, "four", at(31)).await.unwrap(), Fence::Held);
    assert_eq!(store.begin(&redriven, &claim("five", "h", 32)).await.unwrap(), started("four", false));
    assert_eq!(store.begin(&key, &claim("six", "new", 5_000)).await.unwrap(), started("six", false));
}

/// Letters are kept once, found by every filter, and go when they are removed.
pub async fn dead_letters_are_kept_once(store: Arc<dyn DeadLetterStore>) {
    for index in 0..7 {
        let letter = DeadLetter {
            id: format!("L{index}"),
            topic: "ORDER_TOPIC".to_owned(),
            tag: Some(if index % 2 == 0 { "EVEN" } else { "ODD" }.to_owned()),
            group: "g".to_owned(),
            message_id: index.to_string(),
            key: Some("T1".to_owned()),
            attempts: 3,
            error: "why".to_owned(),
            body: vec![0, 255, 1].into(),
            sys_flag: 1,
            properties: vec![("a".to_owned(), "b".to_owned())],
            generation: 2,
            sent_at: Some(at(1)),
            stored_at: at(index),
        };
        assert!(store.put(&letter).await.unwrap());
        assert!(!store.put(&letter).await.unwrap());
        assert_eq!(store.get(&letter.id).await.unwrap(), Some(letter));
    }
    let even = DeadLetterFilter { tag: Some("EVEN".to_owned()), ..DeadLetterFilter::default() };
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.list(&even, 1, cursor.as_deref()).await.unwrap();
        found.extend(page.items.into_iter().map(|letter| letter.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, ["L0", "L2", "L4", "L6"]);
    assert!(store.remove("L0").await.unwrap());
    assert!(!store.remove("L0").await.unwrap());
    assert_eq!(store.count().await.unwrap(), 6);
}

/// An order counts once, however often it is recorded; money adds up digit for digit.
pub async fn a_sale_counts_once(store: Arc<dyn Statistics>) {
    for (name, amount) in [("A", "0.10"), ("B", "380.00"), ("A", "0.10")] {
        let sale = Sale {
            order_no: number(name),
            show_id: Some(ShowId(1)),
            ticket_id: TICKET,
            quantity: 2,
            amount: Some(amount.parse::<Decimal>().unwrap()),
            at: at(0) + Duration::from_millis(1),
        };
        store.record(&sale).await.unwrap();
    }
    let total = store.total(TICKET).await.unwrap();
    assert_eq!((total.orders, total.tickets, total.amount.to_string().as_str()), (2, 4, "380.10"));
}
