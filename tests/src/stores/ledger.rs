//! The durable stock.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use boxoffice_domain::ports::{StockLedger, StoreError};
use boxoffice_domain::{
    Counters, LedgerChange, LedgerEntry, LedgerOperation, LedgerOutcome, LedgerState, OrderNo, TicketId,
    ledger,
};
use proptest::prelude::{Just, Strategy};
use proptest::prop_oneof;

use super::{TICKET, number};
use crate::support::{at_once, every_page, holds_for};

use LedgerOperation::{Confirm, Deduct, Rollback};

fn change(name: &str, quantity: u32, operation: LedgerOperation) -> LedgerChange {
    LedgerChange { order_no: number(name), quantity, operation }
}

async fn counters(store: &dyn StockLedger, ticket_id: TicketId) -> Counters {
    store.counters(ticket_id).await.unwrap().expect("stock is loaded")
}

/// Every record of a ticket; checks I1 on the way, and that the counters are the sums of the records.
async fn audited(store: &dyn StockLedger, ticket_id: TicketId) -> (Counters, Vec<LedgerEntry>) {
    let entries = every_page(7, async |cursor| store.entries(ticket_id, 7, cursor).await).await;
    let counters = counters(store, ticket_id).await;
    assert!(counters.locked + counters.sold <= counters.total, "more seats than there are: {counters:?}");
    let sum =
        |state| entries.iter().filter(|entry| entry.state == state).map(|entry| entry.quantity).sum::<u32>();
    let sums = (sum(LedgerState::Deducted), sum(LedgerState::Confirmed));
    assert_eq!((counters.locked, counters.sold), sums, "the counters are not the sums of the records");
    (counters, entries)
}

/// A ticket whose stock was never loaded refuses every change and keeps no record.
pub async fn a_ticket_without_stock_refuses_every_change(store: Arc<dyn StockLedger>) {
    assert_eq!(store.counters(TICKET).await.unwrap(), None);
    let outcomes = store.apply(TICKET, &[change("T1", 1, Deduct), change("T2", 1, Rollback)]).await.unwrap();
    assert_eq!(outcomes, [LedgerOutcome::UnknownTicket(TICKET); 2]);
    assert_eq!(store.counters(TICKET).await.unwrap(), None);
    assert_eq!(store.entry(TICKET, &number("T2")).await.unwrap(), None);
    assert_eq!(every_page(10, async |cursor| store.entries(TICKET, 10, cursor).await).await, []);
}

/// The number of seats may be set again, but not below what is locked and sold.
pub async fn seats_are_never_fewer_than_those_taken(store: Arc<dyn StockLedger>) {
    let loaded = store.load(TICKET, 10).await.unwrap();
    assert_eq!(loaded, Counters { total: 10, locked: 0, sold: 0 });
    store.apply(TICKET, &[change("T1", 3, Deduct), change("T2", 2, Confirm)]).await.unwrap();
    let fewer = store.load(TICKET, 4).await;
    assert!(matches!(fewer, Err(StoreError::Invalid(_))), "{fewer:?}");
    assert_eq!(counters(&*store, TICKET).await, Counters { total: 10, locked: 3, sold: 2 });
    let least = Counters { total: 5, locked: 3, sold: 2 };
    assert_eq!(store.load(TICKET, 5).await.unwrap(), least);
    assert_eq!(counters(&*store, TICKET).await, least);
    let full = store.apply(TICKET, &[change("T3", 1, Deduct)]).await.unwrap();
    assert_eq!(full, [LedgerOutcome::Insufficient { available: 0 }]);
    store.load(TICKET, 6).await.unwrap();
    assert_eq!(store.apply(TICKET, &[change("T3", 1, Deduct)]).await.unwrap(), [LedgerOutcome::Applied]);
}

/// Each change of a batch is answered in its place; one that is refused leaves its neighbours alone.
pub async fn each_change_of_a_batch_is_answered_by_itself(store: Arc<dyn StockLedger>) {
    store.load(TICKET, 5).await.unwrap();
    store.load(TicketId(8), 5).await.unwrap();
    let batch = [
        (change("T1", 2, Deduct), LedgerOutcome::Applied),
        (change("T1", 2, Deduct), LedgerOutcome::AlreadyApplied),
        (change("T1", 3, Deduct), LedgerOutcome::QuantityDiffers { recorded: 2 }),
        (change("late", 1, Rollback), LedgerOutcome::Tombstoned),
        (change("T2", 2, Confirm), LedgerOutcome::Applied),
        (change("T3", 2, Deduct), LedgerOutcome::Insufficient { available: 1 }),
        (change("late", 1, Deduct), LedgerOutcome::AlreadyApplied),
        (change("late", 1, Confirm), LedgerOutcome::RolledBackBefore),
        (change("T2", 2, Rollback), LedgerOutcome::SoldBefore),
        (change("T1", 2, Rollback), LedgerOutcome::Applied),
        (change("T3", 2, Deduct), LedgerOutcome::Applied),
    ];
    let (changes, wanted): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    assert_eq!(store.apply(TICKET, &changes).await.unwrap(), wanted);
    let (counted, entries) = audited(&*store, TICKET).await;
    assert_eq!(counted, Counters { total: 5, locked: 2, sold: 2 });
    let entry = |name: &str, quantity, state| LedgerEntry { order_no: number(name), quantity, state };
    let wanted = [
        entry("T1", 2, LedgerState::RolledBack),
        entry("T2", 2, LedgerState::Confirmed),
        entry("T3", 2, LedgerState::Deducted),
        entry("late", 1, LedgerState::RolledBack),
    ];
    assert_eq!(entries, wanted, "in the order of their order numbers");
    for record in wanted {
        assert_eq!(store.entry(TICKET, &record.order_no).await.unwrap(), Some(record));
    }
    assert_eq!(store.entry(TicketId(8), &number("T1")).await.unwrap(), None, "another ticket's record");
    assert_eq!(store.apply(TICKET, &[]).await.unwrap(), []);
}

/// 250 deductions of one seat, for more than any backend applies at once, and the records of the first 200.
fn large_batch() -> (Vec<LedgerChange>, Vec<LedgerEntry>) {
    let batch: Vec<_> = (0..250).map(|index| change(&format!("T{index:03}"), 1, Deduct)).collect();
    let record = |change: &LedgerChange| LedgerEntry {
        order_no: change.order_no.clone(),
        quantity: 1,
        state: LedgerState::Deducted,
    };
    let records = batch[..200].iter().map(record).collect();
    (batch, records)
}

/// A batch may be larger than any backend's transaction. It is answered when all of it is applied; meanwhile others see
/// some of it or nothing, but never more seats taken than there are. It is paged back whole.
pub async fn a_large_batch_is_applied_whole(store: Arc<dyn StockLedger>) {
    store.load(TICKET, 200).await.unwrap();
    let (batch, records) = large_batch();
    let applying = tokio::spawn({
        let (store, batch) = (store.clone(), batch.clone());
        async move { store.apply(TICKET, &batch).await.unwrap() }
    });
    let mut before = 0;
    while !applying.is_finished() {
        let now = counters(&*store, TICKET).await;
        assert!(before <= now.locked && now.locked <= now.total && now.sold == 0, "{now:?}");
        before = now.locked;
        tokio::task::yield_now().await;
    }
    let outcomes = applying.await.unwrap();
    assert!(outcomes[..200].iter().all(|outcome| *outcome == LedgerOutcome::Applied));
    assert_eq!(outcomes[200..], [LedgerOutcome::Insufficient { available: 0 }; 50]);
    let taken = Counters { total: 200, locked: 200, sold: 0 };
    assert_eq!(audited(&*store, TICKET).await, (taken, records));
}

/// A batch of which a part was applied before, as when a process dies between two parts, is applied again and ends the
/// same; so does one of which all was.
pub async fn a_large_batch_that_was_applied_in_part_ends_the_same(store: Arc<dyn StockLedger>) {
    let (batch, records) = large_batch();
    let taken = Counters { total: 200, locked: 200, sold: 0 };
    for (ticket_id, applied) in (1_000..).map(TicketId).zip([1, 99, 100, 150, 250]) {
        store.load(ticket_id, 200).await.unwrap();
        store.apply(ticket_id, &batch[..applied]).await.unwrap();
        let (_, part) = audited(&*store, ticket_id).await;
        assert_eq!(part, records[..applied.min(200)]);
        let outcomes = store.apply(ticket_id, &batch).await.unwrap();
        for (index, outcome) in outcomes.into_iter().enumerate() {
            let expected = match index {
                200.. => LedgerOutcome::Insufficient { available: 0 },
                _ if index < applied => LedgerOutcome::AlreadyApplied,
                _ => LedgerOutcome::Applied,
            };
            assert_eq!(outcome, expected, "change {index}, of which {applied} were applied before");
        }
        assert_eq!(audited(&*store, ticket_id).await, (taken, records.clone()));
    }
}

fn any_change() -> impl Strategy<Value = LedgerChange> {
    let operation = prop_oneof![Just(Deduct), Just(Confirm), Just(Rollback)];
    (0..8_u32, operation)
        .prop_map(|(order, operation)| change(&format!("T{order}"), 1 + order % 3, operation))
}

/// Whatever is asked in whatever batches, with too few seats for all, every answer and the end are those of
/// [`ledger::fold`], and I1 holds after every batch.
pub async fn any_batches_are_answered_as_by_the_model(store: Arc<dyn StockLedger>) {
    let tickets = AtomicI64::new(1_000);
    let batches = proptest::collection::vec(proptest::collection::vec(any_change(), 1..6), 1..6);
    holds_for(96, (0..10_u32, batches), move |(total, batches)| {
        let (ticket_id, store) = (TicketId(tickets.fetch_add(1, Ordering::SeqCst)), store.clone());
        async move {
            let mut model = store.load(ticket_id, total).await.unwrap();
            let mut on_file: HashMap<OrderNo, LedgerEntry> = HashMap::new();
            for batch in batches {
                let folded = ledger::fold(model, &on_file, &batch);
                assert_eq!(store.apply(ticket_id, &batch).await.unwrap(), folded.outcomes, "{batch:?}");
                model = folded.counters;
                on_file.extend(folded.changed.into_iter().map(|entry| (entry.order_no.clone(), entry)));
                let (counted, entries) = audited(&*store, ticket_id).await;
                let mut wanted: Vec<_> = on_file.values().cloned().collect();
                wanted.sort_by(|one, other| one.order_no.cmp(&other.order_no));
                assert_eq!((counted, entries), (model, wanted));
            }
        }
    })
    .await;
}

/// The messages of six orders, each twice: deducted, deducted and confirmed, or deducted and rolled back; in any order
/// and any batches.
fn shuffled_lives() -> impl Strategy<Value = (Vec<Option<LedgerOperation>>, Vec<LedgerChange>, usize)> {
    let life = prop_oneof![Just(None), Just(Some(Confirm)), Just(Some(Rollback))];
    let messages = |lives: &[Option<LedgerOperation>]| {
        let mut messages = Vec::new();
        for (order, end) in lives.iter().enumerate() {
            for operation in [Some(Deduct), *end, Some(Deduct), *end].into_iter().flatten() {
                messages.push(change(&format!("T{order}"), 2, operation));
            }
        }
        messages
    };
    proptest::collection::vec(life, 6).prop_flat_map(move |lives| {
        let shuffled = Just(messages(&lives)).prop_shuffle();
        (Just(lives), shuffled, 1..8_usize)
    })
}

/// In whatever order, however often and in whatever batches its messages arrive, an order ends in the same place,
/// and I1 holds at every step.
pub async fn the_order_of_messages_does_not_matter(store: Arc<dyn StockLedger>) {
    let tickets = AtomicI64::new(10_000);
    holds_for(64, shuffled_lives(), move |(lives, messages, size)| {
        let (ticket_id, store) = (TicketId(tickets.fetch_add(1, Ordering::SeqCst)), store.clone());
        async move {
            store.load(ticket_id, 12).await.unwrap();
            for batch in messages.chunks(size) {
                store.apply(ticket_id, batch).await.unwrap();
                audited(&*store, ticket_id).await;
            }
            let (_, entries) = audited(&*store, ticket_id).await;
            let wanted = lives.iter().map(|end| match end {
                Some(Confirm) => LedgerState::Confirmed,
                Some(Rollback) => LedgerState::RolledBack,
                _ => LedgerState::Deducted,
            });
            assert_eq!(
                entries.iter().map(|entry| entry.state).collect::<Vec<_>>(),
                wanted.collect::<Vec<_>>()
            );
        }
    })
    .await;
}

/// Batches of many workers for one ticket lose no change and never take more seats than there are, at any instant.
pub async fn racing_batches_lose_no_change(store: Arc<dyn StockLedger>) {
    store.load(TICKET, 100).await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn({
        let (store, over) = (store.clone(), over.clone());
        async move {
            let mut looks = 0_u32;
            while !over.load(Ordering::SeqCst) {
                let now = counters(&*store, TICKET).await;
                assert!(now.locked + now.sold <= now.total, "{now:?}");
                looks += 1;
                tokio::task::yield_now().await;
            }
            looks
        }
    });
    let applied = at_once(16, |worker| {
        let store = store.clone();
        async move {
            let mut applied = 0;
            for round in 0..10 {
                let (one, other) = (format!("T{worker}-{round}"), format!("U{worker}-{round}"));
                let batch = [change(&one, 1, Deduct), change(&other, 1, Confirm), change(&one, 1, Confirm)];
                let outcomes = loop {
                    match store.apply(TICKET, &batch).await {
                        Ok(outcomes) => break outcomes,
                        // Somebody else was first; nothing of so small a batch was applied.
                        Err(StoreError::Conflict(_)) => tokio::task::yield_now().await,
                        Err(error) => panic!("{error}"),
                    }
                };
                let first = [outcomes[0], outcomes[1]];
                applied += first.iter().filter(|outcome| **outcome == LedgerOutcome::Applied).count();
            }
            applied
        }
    });
    let applied: usize = applied.await.into_iter().sum();
    over.store(true, Ordering::SeqCst);
    assert!(watcher.await.unwrap() > 0);
    let (counted, entries) = audited(&*store, TICKET).await;
    assert_eq!(counted, Counters { total: 100, locked: 0, sold: 100 });
    assert_eq!((applied, entries.len()), (100, 100), "320 asked for 100 seats");
}
