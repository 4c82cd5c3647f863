//! The stock cache that buyers race for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use boxoffice_domain::ports::{
    CacheStock, HeldReservation, ReleaseAnswer, RepairPage, Repaired, ReservationRequest, ReserveAnswer,
    StockCache,
};
use boxoffice_domain::testing::FakeStockCache;
use boxoffice_domain::{OrderNo, TicketId, UserId};
use proptest::prelude::Strategy;
use proptest::prop_oneof;

use super::{TICKET, number};
use crate::support::{at_once, holds_for};

fn request(name: &str, user: i64, quantity: u32, limit: Option<u32>) -> ReservationRequest {
    ReservationRequest {
        ticket_id: TICKET,
        order_no: number(name),
        user_id: UserId(user),
        quantity,
        per_user_limit: limit,
    }
}

async fn stock(store: &dyn StockCache) -> CacheStock {
    store.stock(TICKET).await.unwrap().expect("stock is loaded")
}

/// Every reservation of a ticket, in the order of their numbers, each once: a page may be of any size, in any order.
async fn held(store: &dyn StockCache, ticket_id: TicketId, limit: u32) -> Vec<HeldReservation> {
    let (mut held, mut cursor) = (BTreeMap::new(), None::<String>);
    for _ in 0..10_000 {
        let page = store.reservations(ticket_id, limit, cursor.as_deref()).await.unwrap();
        held.extend(page.items.into_iter().map(|held| (held.order_no.clone(), held)));
        cursor = page.next;
        if cursor.is_none() {
            return held.into_values().collect();
        }
    }
    panic!("the pages never end");
}

/// A repair of one page.
fn repair(total: u32, orphans: Vec<OrderNo>, missing: Vec<HeldReservation>) -> RepairPage {
    let mut pages = RepairPage::pages(total, orphans, missing, RepairPage::MOST_ENTRIES);
    assert_eq!(pages.len(), 1);
    pages.remove(0)
}

/// Seats that the ledger counts, of one order each.
fn lost(count: u32) -> Vec<HeldReservation> {
    let reservation = |index| HeldReservation {
        order_no: number(&format!("L{index:03}")),
        user_id: UserId(1_000 + i64::from(index)),
        quantity: 1,
    };
    (0..count).map(reservation).collect()
}

/// A ticket without stock says so and keeps nothing; stock is loaded once.
pub async fn a_ticket_without_stock_says_so(store: Arc<dyn StockCache>) {
    assert_eq!(store.reserve(&request("T1", 1, 1, Some(4))).await.unwrap(), ReserveAnswer::NotLoaded);
    assert_eq!(store.release(TICKET, &number("T1")).await.unwrap(), ReleaseAnswer::NotLoaded);
    assert_eq!(store.stock(TICKET).await.unwrap(), None);
    assert_eq!(held(&*store, TICKET, 10).await, []);
    assert!(store.load(TICKET, 5).await.unwrap());
    assert!(!store.load(TICKET, 99).await.unwrap(), "stock is loaded once");
    assert_eq!(stock(&*store).await, CacheStock { available: 5, held: 0, reservations: 0 });
    assert_eq!(store.reserve(&request("T1", 1, 1, Some(4))).await.unwrap(), ReserveAnswer::Reserved);
    assert_eq!(store.stock(TicketId(8)).await.unwrap(), None, "another ticket has none");
}

/// However many race, each request sent twice at the same time, no seat is held twice and none stays free that
/// somebody wants.
pub async fn the_stock_cache_never_oversells(store: Arc<dyn StockCache>) {
    store.load(TICKET, 50).await.unwrap();
    let answers = at_once(128, |number| {
        let (store, user) = (store.clone(), number / 2);
        let wish = request(&format!("T{user}"), user.into(), 1 + user % 2, None);
        async move { (wish.quantity, store.reserve(&wish).await.unwrap()) }
    });
    let answers = answers.await;
    let (mut held, mut reservations) = (0, 0);
    for pair in answers.chunks(2) {
        let count = |wanted| pair.iter().filter(|(_, answer)| *answer == wanted).count();
        let reserved = count(ReserveAnswer::Reserved);
        let refused = |answer: ReserveAnswer| matches!(answer, ReserveAnswer::SoldOut { available } if available < pair[0].0);
        if reserved > 0 {
            assert_eq!((reserved, count(ReserveAnswer::AlreadyReserved)), (1, 1), "{pair:?}");
        } else {
            assert!(pair.iter().all(|(_, answer)| refused(*answer)), "{pair:?}");
        }
        held += pair[0].0 * u32::try_from(reserved).unwrap();
        reservations += u32::try_from(reserved).unwrap();
    }
    assert_eq!(stock(&*store).await, CacheStock { available: 50 - held, held, reservations });
    assert!(held >= 49, "seats were left although buyers wanted them");
}

/// Too few seats hold nothing, and the order may try again when seats come back.
pub async fn a_sold_out_order_may_try_again(store: Arc<dyn StockCache>) {
    store.load(TICKET, 3).await.unwrap();
    assert_eq!(store.reserve(&request("T1", 1, 2, None)).await.unwrap(), ReserveAnswer::Reserved);
    assert_eq!(
        store.reserve(&request("T2", 2, 2, None)).await.unwrap(),
        ReserveAnswer::SoldOut { available: 1 }
    );
    assert_eq!(stock(&*store).await, CacheStock { available: 1, held: 2, reservations: 1 });
    assert_eq!(store.release(TICKET, &number("T1")).await.unwrap(), ReleaseAnswer::Released);
    assert_eq!(store.reserve(&request("T2", 2, 2, None)).await.unwrap(), ReserveAnswer::Reserved);
    assert_eq!(store.reserve(&request("T2", 2, 2, None)).await.unwrap(), ReserveAnswer::AlreadyReserved);
    assert_eq!(stock(&*store).await, CacheStock { available: 1, held: 2, reservations: 1 });
}

/// One buyer never holds more than the limit, however the requests race; what is given back counts no more.
pub async fn a_buyer_never_holds_more_than_the_limit(store: Arc<dyn StockCache>) {
    store.load(TICKET, 100).await.unwrap();
    let answers = at_once(32, |index| {
        let store = store.clone();
        async move { store.reserve(&request(&format!("T{index}"), 1, 2, Some(5))).await.unwrap() }
    });
    let answers = answers.await;
    assert_eq!(answers.iter().filter(|answer| **answer == ReserveAnswer::Reserved).count(), 2);
    assert_eq!(answers.iter().filter(|answer| **answer == ReserveAnswer::OverLimit { held: 4 }).count(), 30);
    assert_eq!(store.reserve(&request("one-more", 1, 1, Some(5))).await.unwrap(), ReserveAnswer::Reserved);
    assert_eq!(store.reserve(&request("other", 2, 5, Some(5))).await.unwrap(), ReserveAnswer::Reserved);
    assert_eq!(
        store.reserve(&request("greedy", 3, 6, Some(5))).await.unwrap(),
        ReserveAnswer::OverLimit { held: 0 }
    );
    assert_eq!(store.reserve(&request("no-limit", 1, 50, None)).await.unwrap(), ReserveAnswer::Reserved);
    store.release(TICKET, &number("no-limit")).await.unwrap();
    store.release(TICKET, &number("one-more")).await.unwrap();
    assert_eq!(store.reserve(&request("instead", 1, 1, Some(5))).await.unwrap(), ReserveAnswer::Reserved);
    assert_eq!(stock(&*store).await, CacheStock { available: 90, held: 10, reservations: 4 });
}

/// A reservation is given back once; a tombstone keeps a late one out, also when both race.
pub async fn a_released_order_never_reserves_again(store: Arc<dyn StockCache>) {
    store.load(TICKET, 100).await.unwrap();
    assert_eq!(store.release(TICKET, &number("early")).await.unwrap(), ReleaseAnswer::Tombstoned);
    assert_eq!(store.release(TICKET, &number("early")).await.unwrap(), ReleaseAnswer::AlreadyReleased);
    assert_eq!(store.reserve(&request("early", 1, 1, None)).await.unwrap(), ReserveAnswer::RolledBack);
    assert_eq!(store.reserve(&request("T1", 1, 3, None)).await.unwrap(), ReserveAnswer::Reserved);
    assert_eq!(store.release(TICKET, &number("T1")).await.unwrap(), ReleaseAnswer::Released);
    assert_eq!(store.release(TICKET, &number("T1")).await.unwrap(), ReleaseAnswer::AlreadyReleased);
    assert_eq!(store.reserve(&request("T1", 1, 3, None)).await.unwrap(), ReserveAnswer::RolledBack);
    let given_back = at_once(64, |index| {
        let (store, name) = (store.clone(), format!("R{}", index / 4));
        async move {
            if index % 2 == 0 {
                store.reserve(&request(&name, 1, 2, None)).await.unwrap();
                return false;
            }
            store.release(TICKET, &number(&name)).await.unwrap() == ReleaseAnswer::Released
        }
    });
    for pair in given_back.await.chunks(4) {
        assert!(pair.iter().filter(|released| **released).count() <= 1, "seats came back twice");
    }
    assert_eq!(stock(&*store).await, CacheStock { available: 100, held: 0, reservations: 0 });
}

/// Every reservation is listed, on pages of any size, without those that were given back.
pub async fn reservations_are_listed_page_by_page(store: Arc<dyn StockCache>) {
    store.load(TICKET, 100).await.unwrap();
    store.load(TicketId(8), 100).await.unwrap();
    for index in [4, 1, 9, 7, 0, 3, 8, 2, 6, 5] {
        store.reserve(&request(&format!("T{index}"), index, 2, None)).await.unwrap();
    }
    store
        .reserve(&ReservationRequest { ticket_id: TicketId(8), ..request("T99", 1, 1, None) })
        .await
        .unwrap();
    store.release(TICKET, &number("T3")).await.unwrap();
    store.release(TICKET, &number("T33")).await.unwrap();
    let reservation = |index: i64| HeldReservation {
        order_no: number(&format!("T{index}")),
        user_id: UserId(index),
        quantity: 2,
    };
    let wanted: Vec<_> = [0, 1, 2, 4, 5, 6, 7, 8, 9].map(reservation).into();
    for limit in [1, 4, 100] {
        assert_eq!(held(&*store, TICKET, limit).await, wanted, "pages of {limit}");
    }
}

/// A repair adds what is missing unless a tombstone forbids it, gives orphans back for good, and sets the number of
/// available seats.
pub async fn a_repair_puts_a_ticket_right(store: Arc<dyn StockCache>) {
    let missing =
        |name: &str, quantity| HeldReservation { order_no: number(name), user_id: UserId(0), quantity };
    let first = repair(10, Vec::new(), vec![missing("T1", 3)]);
    let after = CacheStock { available: 7, held: 3, reservations: 1 };
    let done = Repaired { before: None, after, added: 1, given_back: 0 };
    assert_eq!(store.repair(TICKET, &first).await.unwrap(), done);
    assert_eq!(store.reserve(&request("T1", 1, 3, None)).await.unwrap(), ReserveAnswer::AlreadyReserved);

    store.reserve(&request("T2", 2, 2, None)).await.unwrap();
    store.release(TICKET, &number("gone")).await.unwrap();
    let second = repair(
        20,
        vec![number("T2"), number("never-seen")],
        vec![missing("gone", 5), missing("T3", 4), missing("T1", 3)],
    );
    let before = Some(CacheStock { available: 5, held: 5, reservations: 2 });
    let after = CacheStock { available: 13, held: 7, reservations: 2 };
    let done = Repaired { before, after, added: 1, given_back: 1 };
    assert_eq!(store.repair(TICKET, &second).await.unwrap(), done);
    let again = store.repair(TICKET, &second).await.unwrap();
    let nothing = Repaired { before: Some(after), after, added: 0, given_back: 0 };
    assert_eq!(again, nothing, "a repair may be repeated");
    for name in ["T2", "never-seen", "gone"] {
        assert_eq!(
            store.reserve(&request(name, 2, 1, None)).await.unwrap(),
            ReserveAnswer::RolledBack,
            "{name}"
        );
    }
    assert_eq!(store.release(TICKET, &number("T3")).await.unwrap(), ReleaseAnswer::Released);

    let fewer = repair(2, Vec::new(), Vec::new());
    let after = CacheStock { available: 0, held: 3, reservations: 1 };
    assert_eq!(store.repair(TICKET, &fewer).await.unwrap().after, after, "more is held than there is");
}

/// A cache that lost its memory gets it back page by page. Until the last page the seats of later pages are promised to
/// nobody, and a repair that ended half-way is made up for by the next.
pub async fn a_long_repair_promises_no_seat_that_a_later_page_brings(store: Arc<dyn StockCache>) {
    let pages = |missing| RepairPage::pages(270, Vec::new(), missing, RepairPage::MOST_ENTRIES);
    let whole = pages(lost(250));
    let (first, rest) = whole.split_at(2);
    assert!(!rest.is_empty(), "a repair of {} pages is not long", whole.len());
    let still_missing = lost(250).split_off(first.iter().map(|page| page.missing().len()).sum());
    let mut reserved = 0;
    // It ends after two pages. The next one finds out what is still missing.
    for page in first.iter().chain(&pages(still_missing)) {
        store.repair(TICKET, page).await.unwrap();
        assert_eq!(stock(&*store).await.available, 20 - reserved);
        let wish = request(&format!("B{reserved}"), reserved.into(), 1, None);
        assert_eq!(store.reserve(&wish).await.unwrap(), ReserveAnswer::Reserved);
        reserved += 1;
        let greedy = request("greedy", 1, 21 - reserved, None);
        let available = 20 - reserved;
        assert_eq!(store.reserve(&greedy).await.unwrap(), ReserveAnswer::SoldOut { available });
    }
    let after = CacheStock { available: 20 - reserved, held: 250 + reserved, reservations: 250 + reserved };
    assert_eq!(stock(&*store).await, after);
    // The same whole repair again withholds what is there already, until its end.
    for page in &whole {
        let repaired = store.repair(TICKET, page).await.unwrap();
        assert!(repaired.added == 0 && repaired.after.available <= after.available, "{repaired:?}");
    }
    assert_eq!(stock(&*store).await, after);
    assert_eq!(held(&*store, TICKET, 100).await.len(), 250 + reserved as usize);
}

/// Buyers who reserve and release while a repair goes on change nothing about its end.
pub async fn a_repair_ends_right_while_buyers_race(store: Arc<dyn StockCache>) {
    const TOTAL: u32 = 330;
    store.load(TICKET, 30).await.unwrap();
    let orphans: Vec<_> = (0..10).map(|index| number(&format!("O{index}"))).collect();
    for orphan in &orphans {
        store.reserve(&request(orphan.as_str(), 1, 1, None)).await.unwrap();
    }
    let repairing = tokio::spawn({
        let (store, pages) = (store.clone(), RepairPage::pages(TOTAL, orphans.clone(), lost(300), 10));
        async move {
            for page in pages {
                store.repair(TICKET, &page).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    let kept = at_once(8, |buyer| {
        let store = store.clone();
        async move {
            let mut kept = 0_u32;
            for round in 0..24_u32 {
                let wish = request(&format!("B{buyer}-{round}"), buyer.into(), 1 + round % 2, None);
                let reserved = store.reserve(&wish).await.unwrap() == ReserveAnswer::Reserved;
                if round % 3 == 0 {
                    store.release(TICKET, &wish.order_no).await.unwrap();
                } else if reserved {
                    kept += wish.quantity;
                }
                tokio::task::yield_now().await;
            }
            kept
        }
    });
    let kept: u32 = kept.await.into_iter().sum();
    repairing.await.unwrap();
    let after = stock(&*store).await;
    assert_eq!((after.held, after.available), (300 + kept, TOTAL - 300 - kept));
    let listed = held(&*store, TICKET, 50).await;
    assert_eq!(listed.iter().map(|held| held.quantity).sum::<u32>(), after.held);
    assert_eq!(listed.len(), after.reservations as usize);
    for lost in lost(300) {
        assert!(listed.contains(&lost), "{lost:?} is missing");
    }
    for orphan in &orphans {
        let late = store.reserve(&request(orphan.as_str(), 1, 1, None)).await.unwrap();
        assert_eq!(late, ReserveAnswer::RolledBack);
    }
}

#[derive(Debug, Clone)]
enum Asked {
    Load(u32),
    Reserve { order: i64, quantity: u32, limit: Option<u32> },
    Release { order: i64 },
    Repair { total: u32, missing: Vec<i64>, orphans: Vec<i64> },
}

fn asked() -> impl Strategy<Value = Asked> {
    let (order, some) = (0..6_i64, proptest::collection::vec(0..6_i64, 0..3));
    prop_oneof![
        1 => (0..12_u32).prop_map(Asked::Load),
        6 => (order.clone(), 1..4_u32, proptest::option::of(2..6_u32))
            .prop_map(|(order, quantity, limit)| Asked::Reserve { order, quantity, limit }),
        4 => order.prop_map(|order| Asked::Release { order }),
        1 => (0..20_u32, some.clone(), some)
            .prop_map(|(total, missing, orphans)| Asked::Repair { total, missing, orphans }),
    ]
}

/// The answer in words, so that all kinds compare alike.
async fn answer(store: &dyn StockCache, ticket_id: TicketId, asked: &Asked) -> String {
    let name = |order: &i64| number(&format!("T{order}"));
    let reservation =
        |order: &i64| HeldReservation { order_no: name(order), user_id: UserId(order % 2), quantity: 2 };
    match asked {
        Asked::Load(seats) => format!("{:?}", store.load(ticket_id, *seats).await),
        Asked::Reserve { order, quantity, limit } => {
            let wish = request(&format!("T{order}"), order % 2, *quantity, *limit);
            format!("{:?}", store.reserve(&ReservationRequest { ticket_id, ..wish }).await)
        }
        Asked::Release { order } => format!("{:?}", store.release(ticket_id, &name(order)).await),
        Asked::Repair { total, missing, orphans } => {
            let (orphans, missing) = (orphans.iter().map(name), missing.iter().map(reservation));
            let page = repair(*total, orphans.collect(), missing.collect());
            format!("{:?}", store.repair(ticket_id, &page).await)
        }
    }
}

/// Whatever is asked in whatever order, the store answers and ends as a simple model in memory does.
pub async fn any_requests_are_answered_as_by_the_model(store: Arc<dyn StockCache>) {
    let tickets = AtomicI64::new(1_000);
    holds_for(96, proptest::collection::vec(asked(), 1..24), move |requests| {
        let ticket_id = TicketId(tickets.fetch_add(1, Ordering::SeqCst));
        let (store, model) = (store.clone(), FakeStockCache::default());
        async move {
            for asked in &requests {
                let given = answer(&*store, ticket_id, asked).await;
                assert_eq!(given, answer(&model, ticket_id, asked).await, "{asked:?}");
                assert_eq!(store.stock(ticket_id).await, model.stock(ticket_id).await, "after {asked:?}");
            }
            assert_eq!(held(&*store, ticket_id, 100).await, held(&model, ticket_id, 100).await);
        }
    })
    .await;
}

/// A repair of `missing` and `orphans` in pages of `size`, what buyers ask before it and after each page, and after how
/// many pages it ends half-way and begins anew.
#[derive(Debug, Clone)]
struct Racing {
    before: Vec<Asked>,
    total: u32,
    orphans: BTreeSet<i64>,
    missing: BTreeSet<i64>,
    size: usize,
    between: Vec<Vec<Asked>>,
    cut: usize,
}

fn racing() -> impl Strategy<Value = Racing> {
    let buyers = || {
        prop_oneof![
            3 => (0..16_i64, 1..4_u32)
                .prop_map(|(order, quantity)| Asked::Reserve { order, quantity, limit: None }),
            2 => (0..16_i64).prop_map(|order| Asked::Release { order }),
        ]
    };
    let before = (proptest::option::of(0..20_u32), proptest::collection::vec(buyers(), 0..10))
        .prop_map(|(loaded, asked)| loaded.map(Asked::Load).into_iter().chain(asked).collect::<Vec<_>>());
    let between = proptest::collection::vec(proptest::collection::vec(buyers(), 0..4), 1..8);
    let orders = || proptest::collection::btree_set(0..12_i64, 0..10);
    (before, 0..40_u32, orders(), orders(), 1..4_usize, between, 0..4_usize).prop_map(
        |(before, total, orphans, lost, size, between, cut)| {
            // An order that is live has its seats in the ledger; one that is not has none there.
            let missing = lost.difference(&orphans).copied().collect();
            Racing { before, total, orphans, missing, size, between, cut }
        },
    )
}

/// Whatever buyers ask between the pages of a repair, and also when it ends half-way and is repeated, every answer is
/// that of a simple model, nobody is promised a seat that a later page brings, and the end is right (I2).
pub async fn a_repair_ends_right_whatever_is_asked_between_its_pages(store: Arc<dyn StockCache>) {
    let tickets = AtomicI64::new(5_000);
    holds_for(96, racing(), move |racing| {
        let ticket_id = TicketId(tickets.fetch_add(1, Ordering::SeqCst));
        let (store, model) = (store.clone(), FakeStockCache::default());
        async move {
            let both = async |asked: &Asked| {
                let given = answer(&*store, ticket_id, asked).await;
                assert_eq!(given, answer(&model, ticket_id, asked).await, "{asked:?}");
            };
            let name = |order: &i64| number(&format!("T{order}"));
            let reservation =
                |order: &i64| HeldReservation { order_no: name(order), user_id: UserId(*order), quantity: 2 };
            for asked in &racing.before {
                both(asked).await;
            }
            let pages = RepairPage::pages(
                racing.total,
                racing.orphans.iter().map(name).collect(),
                racing.missing.iter().map(reservation).collect(),
                racing.size,
            );
            let half = pages.iter().take(racing.cut).enumerate();
            let mut between = racing.between.iter().cycle();
            // Where more is held or withheld than there is, what is released looks available until the next repair.
            let mut short = false;
            for (done, page) in half.chain(pages.iter().enumerate()) {
                let repaired = store.repair(ticket_id, page).await.unwrap();
                assert_eq!(repaired, model.repair(ticket_id, page).await.unwrap());
                let to_come = || {
                    let later = pages[done + 1..].iter().flat_map(RepairPage::missing);
                    later.map(|missing| missing.quantity).sum::<u32>()
                };
                short |= repaired.after.held + to_come() > racing.total;
                if done + 1 == pages.len() {
                    assert_eq!(repaired.after.available, racing.total.saturating_sub(repaired.after.held));
                    continue;
                }
                for asked in between.next().into_iter().flatten() {
                    both(asked).await;
                    let now = store.stock(ticket_id).await.unwrap().unwrap();
                    assert_eq!(Some(now), model.snapshot(ticket_id));
                    let promised = now.available + now.held + to_come();
                    assert!(short || promised <= racing.total, "{promised} seats promised after {asked:?}");
                }
            }
            assert_eq!(held(&*store, ticket_id, 3).await, held(&model, ticket_id, 100).await);
            for orphan in &racing.orphans {
                assert!(!model.holds(ticket_id, &name(orphan)), "an orphan holds seats");
            }
        }
    })
    .await;
}
