use boxoffice_domain::UserId;
use boxoffice_domain::ports::{Alert, CacheStock, StockCache as _, StoreError};
use boxoffice_domain::testing::Moment;

use super::*;

fn drift(world: &World) -> Vec<String> {
    let raised = world.alerts.raised().into_iter();
    let texts = raised.filter_map(|alert| match alert {
        Alert::StockDrift { text } => Some(text),
        _ => None,
    });
    texts.collect()
}

#[tokio::test]
async fn stocks_that_agree_are_left_alone() {
    let world = World::new();
    world.on_sale(10);
    reserve(&world, "T1").await;
    let outcomes = handle(&world, [deduct("T1"), sync()]).await;
    assert_eq!(outcomes, [Outcome::Done, Outcome::Done]);
    assert_eq!(available(&world), 8);
    assert!(world.alerts.raised().is_empty());
}

#[tokio::test]
async fn a_stock_cache_that_lost_its_memory_gets_it_back_from_the_ledger() {
    let world = World::new();
    world.on_sale(10);
    for number in ["T1", "T2", "T3"] {
        world.order(number, OrderState::AwaitingPayment);
    }
    handle(&world, [deduct("T1"), confirm("T2"), rollback("T3")]).await;
    world.stock_cache.unload(World::TICKET);
    assert_eq!(handle(&world, [sync()]).await, [Outcome::Done]);

    let expected = CacheStock { available: 6, held: 4, reservations: 2 };
    assert_eq!(world.stock_cache.snapshot(World::TICKET), Some(expected));
    let held = world.stock_cache.reservations(World::TICKET, 10, None).await.unwrap().items;
    assert!(
        held.iter().all(|reservation| reservation.user_id == UserId(9527)),
        "limits count again: {held:?}"
    );
    let texts = drift(&world);
    assert_eq!(texts.len(), 1);
    assert!(texts[0].starts_with("ticket 300111: no stock was loaded, now 6 available and 4 held of 10; 2 "));
}

#[tokio::test]
async fn a_wrong_number_is_put_right_and_reported_once() {
    let world = World::new();
    world.on_sale(10);
    world.stock_cache.put(World::TICKET, 12);
    assert_eq!(handle(&world, [sync(), sync()]).await, [Outcome::Done, Outcome::Done]);
    assert_eq!(handle(&world, [sync()]).await, [Outcome::Done]);
    assert_eq!(available(&world), 10);
    let texts = drift(&world);
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("12 available and 0 held, now 10 available and 0 held of 10"), "{texts:?}");
}

#[tokio::test]
async fn seats_that_the_ledger_took_back_are_freed_and_reported() {
    let world = World::new();
    world.on_sale(10);
    handle(&world, [rollback("T1")]).await;
    // The stock cache forgot the tombstone, so a late delivery of the order could reserve again.
    world.stock_cache.forget(World::TICKET, 10);
    reserve(&world, "T1").await;
    assert_eq!(handle(&world, [sync()]).await, [Outcome::Done]);
    assert_eq!(available(&world), 10);
    assert_eq!(drift(&world).len(), 1);
}

#[tokio::test]
async fn reservations_of_orders_in_flight_are_kept_and_those_of_cancelled_orders_are_not() {
    let world = World::new();
    world.on_sale(10);
    let kept = [OrderState::Created, OrderState::AwaitingPayment, OrderState::Paid];
    for (number, state) in ["T1", "T2", "T3"].into_iter().zip(kept) {
        world.order(number, state);
        reserve(&world, number).await;
    }
    world.order("T4", OrderState::Cancelled);
    reserve(&world, "T4").await;
    assert_eq!(handle(&world, [sync()]).await, [Outcome::Done]);
    let expected = CacheStock { available: 4, held: 6, reservations: 3 };
    assert_eq!(world.stock_cache.snapshot(World::TICKET), Some(expected));
    assert!(drift(&world).is_empty(), "a rollback on its way is not a drift");
}

/// Else the next buyer of those seats would find them taken in the ledger.
#[tokio::test]
async fn seats_freed_by_a_comparison_cannot_be_counted_by_a_late_deduction() {
    let world = World::new();
    world.on_sale(10);
    world.order("T1", OrderState::Cancelled);
    reserve(&world, "T1").await;
    assert_eq!(handle(&world, [sync()]).await, [Outcome::Done]);
    assert_eq!(
        handle(&world, [deduct("T1"), rollback("T1")]).await,
        [Outcome::Duplicate, Outcome::Duplicate]
    );
    assert_eq!((counters(&world), available(&world)), ((0, 0), 10));
}

#[tokio::test]
async fn a_reservation_that_nothing_explains_is_kept() {
    let world = World::new();
    world.on_sale(10);
    reserve(&world, "J1").await;
    assert_eq!(handle(&world, [sync()]).await, [Outcome::Done]);
    assert!(world.stock_cache.holds(World::TICKET, &World::order_no("J1")));
}

#[tokio::test]
async fn a_ticket_without_stock_has_nothing_to_compare() {
    let world = World::new();
    assert_eq!(handle(&world, [sync()]).await, [Outcome::Done]);
    assert_eq!(world.stock_cache.snapshot(World::TICKET), None);
}

#[tokio::test]
async fn many_pages_are_compared() {
    let world = World::new();
    world.on_sale(10_000);
    let messages: Vec<_> = (0..1_203).map(|number| deduct(&format!("T{number:05}"))).collect();
    handle(&world, messages).await;
    world.stock_cache.forget(World::TICKET, 10_000);
    assert_eq!(handle(&world, [sync()]).await, [Outcome::Done]);
    let expected = CacheStock { available: 10_000 - 2_406, held: 2_406, reservations: 1_203 };
    assert_eq!(world.stock_cache.snapshot(World::TICKET), Some(expected));
    assert_eq!(handle(&world, [sync()]).await, [Outcome::Done]);
    let texts = drift(&world);
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("1203 reservation(s) were missing, 0 had been given back"), "{texts:?}");
}

/// Wherever a repair of several pages ends, nobody is promised seats that are taken, and the next one puts it right.
#[tokio::test]
async fn a_repair_that_ends_half_way_is_made_up_for() {
    let lost_memory = async || {
        let world = World::new();
        world.on_sale(600);
        let messages: Vec<_> = (0..250).map(|number| deduct(&format!("T{number:03}"))).collect();
        handle(&world, messages).await;
        world.stock_cache.unload(World::TICKET);
        world.crash.restart();
        world
    };
    let world = lost_memory().await;
    handle(&world, [sync()]).await;
    let calls = world.crash.calls();
    // The last calls are those of the three pages and the alert.
    for call in calls - 5..calls {
        for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
            let world = lost_memory().await;
            world.crash.at(call, moment);
            handle(&world, [sync()]).await;
            assert!(world.crash.happened());
            world.crash.restart();
            if let Some(half) = world.stock_cache.snapshot(World::TICKET) {
                assert!(half.available <= 100, "cut {call} {moment:?}: {half:?}");
            }
            assert_eq!(handle(&world, [sync()]).await, [Outcome::Done]);
            let expected = CacheStock { available: 100, held: 500, reservations: 250 };
            assert_eq!(world.stock_cache.snapshot(World::TICKET), Some(expected), "cut {call} {moment:?}");
        }
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_a_retry() {
    let world = World::new();
    world.on_sale(10);
    world.stock_cache.fail_next(1, StoreError::Unavailable("away".to_owned()));
    assert!(matches!(handle(&world, [sync()]).await[..], [Outcome::Retry { .. }]));
    world.ledger.fail_next(1, StoreError::Unavailable("away".to_owned()));
    assert!(matches!(handle(&world, [sync()]).await[..], [Outcome::Retry { .. }]));
}
