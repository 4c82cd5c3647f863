//! The stock cache that buyers race for.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use boxoffice_domain::ports::{
    CacheStock, HeldReservation, Release, Repair, Repaired, ReservationRequest, Reserve, StockCache,
};
use boxoffice_domain::testing::FakeStockCache;
use boxoffice_domain::{TicketId, UserId};
use proptest::prelude::Strategy;
use proptest::prop_oneof;

use super::{TICKET, number};
use crate::support::{at_once, every_page, holds_for};

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

/// A ticket without stock says so and keeps nothing; stock is loaded once.
pub async fn a_ticket_without_stock_says_so(store: Arc<dyn StockCache>) {
    assert_eq!(store.reserve(&request("T1", 1, 1, Some(4))).await.unwrap(), Reserve::NotLoaded);
    assert_eq!(store.release(TICKET, &number("T1")).await.unwrap(), Release::NotLoaded);
    assert_eq!(store.stock(TICKET).await.unwrap(), None);
    assert_eq!(held(&*store, TICKET, 10).await, []);
    assert!(store.load(TICKET, 5).await.unwrap());
    assert!(!store.load(TICKET, 99).await.unwrap(), "stock is loaded once");
    assert_eq!(stock(&*store).await, CacheStock { available: 5, held: 0, reservations: 0 });
    assert_eq!(store.reserve(&request("T1", 1, 1, Some(4))).await.unwrap(), Reserve::Reserved);
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
        let reserved = count(Reserve::Reserved);
        let refused =
            |answer: Reserve| matches!(answer, Reserve::SoldOut { available } if available < pair[0].0);
        if reserved > 0 {
            assert_eq!((reserved, count(Reserve::AlreadyReserved)), (1, 1), "{pair:?}");
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
    assert_eq!(store.reserve(&request("T1", 1, 2, None)).await.unwrap(), Reserve::Reserved);
    assert_eq!(store.reserve(&request("T2", 2, 2, None)).await.unwrap(), Reserve::SoldOut { available: 1 });
    assert_eq!(stock(&*store).await, CacheStock { available: 1, held: 2, reservations: 1 });
    assert_eq!(store.release(TICKET, &number("T1")).await.unwrap(), Release::Released);
    assert_eq!(store.reserve(&request("T2", 2, 2, None)).await.unwrap(), Reserve::Reserved);
    assert_eq!(store.reserve(&request("T2", 2, 2, None)).await.unwrap(), Reserve::AlreadyReserved);
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
    assert_eq!(answers.iter().filter(|answer| **answer == Reserve::Reserved).count(), 2);
    assert_eq!(answers.iter().filter(|answer| **answer == Reserve::OverLimit { held: 4 }).count(), 30);
    assert_eq!(store.reserve(&request("one-more", 1, 1, Some(5))).await.unwrap(), Reserve::Reserved);
    assert_eq!(store.reserve(&request("other", 2, 5, Some(5))).await.unwrap(), Reserve::Reserved);
    assert_eq!(
        store.reserve(&request("greedy", 3, 6, Some(5))).await.unwrap(),
        Reserve::OverLimit { held: 0 }
    );
    assert_eq!(store.reserve(&request("no-limit", 1, 50, None)).await.unwrap(), Reserve::Reserved);
    store.release(TICKET, &number("no-limit")).await.unwrap();
    store.release(TICKET, &number("one-more")).await.unwrap();
    assert_eq!(store.reserve(&request("instead", 1, 1, Some(5))).await.unwrap(), Reserve::Reserved);
    assert_eq!(stock(&*store).await, CacheStock { available: 90, held: 10, reservations: 4 });
}

/// A reservation is given back once; a tombstone keeps a late one out, also when both race.
pub async fn a_released_order_never_reserves_again(store: Arc<dyn StockCache>) {
    store.load(TICKET, 100).await.unwrap();
    assert_eq!(store.release(TICKET, &number("early")).await.unwrap(), Release::Tombstoned);
    assert_eq!(store.release(TICKET, &number("early")).await.unwrap(), Release::AlreadyReleased);
    assert_eq!(store.reserve(&request("early", 1, 1, None)).await.unwrap(), Reserve::RolledBack);
    assert_eq!(store.reserve(&request("T1", 1, 3, None)).await.unwrap(), Reserve::Reserved);
    assert_eq!(store.release(TICKET, &number("T1")).await.unwrap(), Release::Released);
    assert_eq!(store.release(TICKET, &number("T1")).await.unwrap(), Release::AlreadyReleased);
    assert_eq!(store.reserve(&request("T1", 1, 3, None)).await.unwrap(), Reserve::RolledBack);
    let given_back = at_once(64, |index| {
        let (store, name) = (store.clone(), format!("R{}", index / 4));
        async move {
            if index % 2 == 0 {
                store.reserve(&request(&name, 1, 2, None)).await.unwrap();
                return false;
            }
            store.release(TICKET, &number(&name)).await.unwrap() == Release::Released
        }
    });
    for pair in given_back.await.chunks(4) {
        assert!(pair.iter().filter(|released| **released).count() <= 1, "seats came back twice");
    }
    assert_eq!(stock(&*store).await, CacheStock { available: 100, held: 0, reservations: 0 });
}

/// Reservations are listed in the order of their numbers, without those that were given back.
pub async fn reservations_are_paged_in_the_order_of_their_numbers(store: Arc<dyn StockCache>) {
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
    let held = |index: i64| HeldReservation {
        order_no: number(&format!("T{index}")),
        user_id: UserId(index),
        quantity: 2,
    };
    let wanted: Vec<_> = [0, 1, 2, 4, 5, 6, 7, 8, 9].map(held).into();
    for limit in [1, 4, 100] {
        let found = every_page(limit, async |cursor| store.reservations(TICKET, limit, cursor).await).await;
        assert_eq!(found, wanted, "pages of {limit}");
    }
}

/// A repair adds what is missing unless a tombstone forbids it, gives orphans back for good, and counts anew.
pub async fn a_repair_puts_a_ticket_right(store: Arc<dyn StockCache>) {
    let missing =
        |name: &str, quantity| HeldReservation { order_no: number(name), user_id: UserId(0), quantity };
    let first = Repair { total: 10, missing: vec![missing("T1", 3)], orphans: Vec::new() };
    let after = CacheStock { available: 7, held: 3, reservations: 1 };
    assert_eq!(store.repair(TICKET, &first).await.unwrap(), Repaired { before: None, after });
    assert_eq!(store.reserve(&request("T1", 1, 3, None)).await.unwrap(), Reserve::AlreadyReserved);

    store.reserve(&request("T2", 2, 2, None)).await.unwrap();
    store.release(TICKET, &number("gone")).await.unwrap();
    let second = Repair {
        total: 20,
        missing: vec![missing("gone", 5), missing("T3", 4), missing("T1", 3)],
        orphans: vec![number("T2"), number("never-seen")],
    };
    let before = Some(CacheStock { available: 5, held: 5, reservations: 2 });
    let after = CacheStock { available: 13, held: 7, reservations: 2 };
    assert_eq!(store.repair(TICKET, &second).await.unwrap(), Repaired { before, after });
    let again = store.repair(TICKET, &second).await.unwrap();
    assert_eq!(again, Repaired { before: Some(after), after }, "a repair may be repeated");
    for name in ["T2", "never-seen", "gone"] {
        assert_eq!(store.reserve(&request(name, 2, 1, None)).await.unwrap(), Reserve::RolledBack, "{name}");
    }
    assert_eq!(store.release(TICKET, &number("T3")).await.unwrap(), Release::Released);

    let fewer = Repair { total: 2, missing: Vec::new(), orphans: Vec::new() };
    let after = CacheStock { available: 0, held: 3, reservations: 1 };
    assert_eq!(store.repair(TICKET, &fewer).await.unwrap().after, after, "more is held than there is");
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
    let held =
        |order: &i64| HeldReservation { order_no: name(order), user_id: UserId(order % 2), quantity: 2 };
    match asked {
        Asked::Load(seats) => format!("{:?}", store.load(ticket_id, *seats).await),
        Asked::Reserve { order, quantity, limit } => {
            let wish = request(&format!("T{order}"), order % 2, *quantity, *limit);
            format!("{:?}", store.reserve(&ReservationRequest { ticket_id, ..wish }).await)
        }
        Asked::Release { order } => format!("{:?}", store.release(ticket_id, &name(order)).await),
        Asked::Repair { total, missing, orphans } => {
            let repair = Repair {
                total: *total,
                missing: missing.iter().map(held).collect(),
                orphans: orphans.iter().map(name).collect(),
            };
            format!("{:?}", store.repair(ticket_id, &repair).await)
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
            let listed = store.reservations(ticket_id, 100, None).await;
            assert_eq!(listed, model.reservations(ticket_id, 100, None).await);
        }
    })
    .await;
}
