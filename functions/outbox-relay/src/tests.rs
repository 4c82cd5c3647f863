use boxoffice_domain::ports::{Outbox, SendError, StoreError};
use boxoffice_domain::testing::World;
use boxoffice_domain::{OrderState, OrderStep};
use boxoffice_flow::{MessageWriter, SeatsReserved};
use boxoffice_messages::{OrderEventMessage, Payload};

use super::*;

fn relay(world: &World) -> OutboxRelay {
    sweeper(&world.ports(), &world.settings(), Duration::from_secs(2))
}

fn small_pages(world: &World) -> OutboxRelay {
    let settings = RelaySettings { page: 2, pages: 3, ..RelaySettings::default() };
    OutboxRelay::new(&world.ports(), &world.settings(), settings)
}

/// Cancels an order and leaves its message unsent, as a process does that dies before it sends.
async fn leave_unsent(world: &World, number: &str) {
    let order = world.order(number, OrderState::Created);
    let writer = MessageWriter::new(world.clock.now(), &world.rules.zone);
    let outbox = Outbox::remembered(vec![writer.order_cancelled(&order, "rain", SeatsReserved::Maybe)]);
    let step = OrderStep::Cancel { remark: "rain".to_owned(), at: world.clock.now() };
    world.orders.step(&order.order_no, step, outbox).await.unwrap();
}

fn keys(world: &World, tag: &str) -> Vec<String> {
    world.bus.sent_with(tag).into_iter().filter_map(|message| message.key).collect()
}

#[tokio::test]
async fn what_was_left_unsent_is_sent_once_it_is_old_enough() {
    let world = World::new();
    leave_unsent(&world, "T1").await;
    let relay = relay(&world);
    assert_eq!(relay.sweep().await, Ok(SweepReport::default()));
    assert!(world.bus.sent().is_empty(), "its maker may still send it");

    world.clock.advance(Duration::from_secs(6));
    assert_eq!(relay.sweep().await, Ok(SweepReport { examined: 1, repaired: 1, left: 0 }));
    assert_eq!(keys(&world, "ORDER_CANCELLED"), ["T1"]);
    assert_eq!(relay.sweep().await, Ok(SweepReport::default()));
    assert_eq!(world.bus.sent().len(), 1);
}

#[tokio::test]
async fn a_sweep_sends_page_after_page_up_to_its_limit() {
    let world = World::new();
    for number in 1..=8 {
        leave_unsent(&world, &format!("T{number}")).await;
    }
    world.clock.advance(Duration::from_secs(6));
    let relay = small_pages(&world);
    assert_eq!(relay.sweep().await.unwrap().repaired, 6);
    assert_eq!(relay.sweep().await.unwrap().repaired, 2);
    assert!(world.orders.marked().is_empty());
}

#[tokio::test]
async fn a_bus_that_is_away_leaves_the_marks_for_the_next_sweep() {
    let world = World::new();
    leave_unsent(&world, "T1").await;
    world.clock.advance(Duration::from_secs(6));
    let unsent = SendError::OutcomeUnknown("no answer".to_owned());
    world.bus.fail_next(1, unsent.clone());
    let relay = relay(&world);
    assert_eq!(relay.sweep().await, Err(SweepError::Send(unsent)));
    assert_eq!(world.orders.marked().len(), 1);
    assert_eq!(relay.sweep().await.unwrap().repaired, 1);
}

#[tokio::test]
async fn marks_that_cannot_be_cleared_do_not_make_a_sweep_run_in_circles() {
    let world = World::new();
    for number in 1..=4 {
        leave_unsent(&world, &format!("T{number}")).await;
    }
    world.clock.advance(Duration::from_secs(6));
    let relay = small_pages(&world);
    // The first page is read, and its marks are not cleared.
    world.orders.pass_next(1);
    world.orders.fail_next(1, StoreError::Unavailable("away".to_owned()));
    assert_eq!(relay.sweep().await.unwrap().repaired, 4);
    assert_eq!(keys(&world, "ORDER_CANCELLED"), ["T1", "T2", "T3", "T4"]);
    assert_eq!(world.orders.marked().len(), 2);
    assert_eq!(relay.sweep().await.unwrap().repaired, 2);
    assert!(world.orders.marked().is_empty());
}

#[tokio::test]
async fn messages_that_the_bus_refuses_hold_up_nothing_behind_them() {
    let world = World::new();
    for number in 1..=9 {
        leave_unsent(&world, &format!("T{number}")).await;
    }
    world.clock.advance(Duration::from_secs(6));
    let relay = small_pages(&world);
    // More of them than one sweep takes.
    let refused = SendError::Rejected("no such topic".to_owned());
    world.bus.fail_next(7, refused.clone());
    assert_eq!(relay.sweep().await, Err(SweepError::Send(refused.clone())));
    assert!(world.bus.sent().is_empty());
    assert_eq!(relay.sweep().await, Err(SweepError::Send(refused)));
    assert_eq!(keys(&world, "ORDER_CANCELLED"), ["T8", "T9"]);
    // The topic was made.
    assert_eq!(relay.sweep().await.unwrap().repaired, 6);
    assert_eq!(relay.sweep().await.unwrap().repaired, 1);
    assert!(world.orders.marked().is_empty());
}

#[tokio::test]
async fn a_bus_that_goes_away_among_refusals_is_asked_for_the_same_page_again() {
    let world = World::new();
    for number in 1..=4 {
        leave_unsent(&world, &format!("T{number}")).await;
    }
    world.clock.advance(Duration::from_secs(6));
    let away = SendError::Unavailable("away".to_owned());
    world.bus.fail_next(1, SendError::Rejected("too large".to_owned()));
    world.bus.fail_next(1, away.clone());
    let relay = small_pages(&world);
    assert_eq!(relay.sweep().await, Err(SweepError::Send(away)));
    assert!(world.bus.sent().is_empty());
    assert_eq!(relay.sweep().await.unwrap().repaired, 4);
}

#[tokio::test]
async fn an_overdue_order_gets_the_timeout_that_never_came() {
    let world = World::new();
    let order = world.order("T1", OrderState::AwaitingPayment);
    world.order("T2", OrderState::Paid);
    let relay = relay(&world);
    world.clock.set(order.expires_at + Duration::from_secs(29));
    assert_eq!(relay.sweep().await.unwrap().repaired, 0);
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(relay.sweep().await.unwrap().repaired, 1);
    let sent = world.bus.sent_with("ORDER_TIMEOUT");
    let event = OrderEventMessage::decode(&sent[0].body).unwrap();
    assert_eq!((event.order_no.as_deref(), sent[0].deliver_at), (Some("T1"), None));
}

#[tokio::test]
async fn an_order_that_stays_overdue_is_timed_out_once_a_minute() {
    let world = World::new();
    world.order("T1", OrderState::Created);
    world.let_orders_expire();
    world.clock.advance(Duration::from_secs(30));
    let relay = relay(&world);
    for _ in 0..60 {
        relay.sweep().await.unwrap();
        world.clock.advance(Duration::from_secs(2));
    }
    assert_eq!(world.bus.sent_with("ORDER_TIMEOUT").len(), 2);
}

#[tokio::test]
async fn overdue_orders_are_taken_page_by_page_so_that_none_starves() {
    let world = World::new();
    for number in 1..=5 {
        world.order(&format!("T{number}"), OrderState::Created);
    }
    world.let_orders_expire();
    world.clock.advance(Duration::from_secs(30));
    let relay = small_pages(&world);
    for _ in 0..4 {
        relay.sweep().await.unwrap();
    }
    assert_eq!(keys(&world, "ORDER_TIMEOUT"), ["T1", "T2", "T3", "T4", "T5"]);
}

#[tokio::test]
async fn a_page_of_timeouts_that_was_not_sent_is_tried_again() {
    let world = World::new();
    world.order("T1", OrderState::Created);
    world.let_orders_expire();
    world.clock.advance(Duration::from_secs(30));
    let relay = relay(&world);
    world.bus.fail_next(1, SendError::Unavailable("away".to_owned()));
    assert!(relay.sweep().await.is_err());
    assert_eq!(relay.sweep().await.unwrap().repaired, 1);
}

#[tokio::test]
async fn a_store_that_cannot_list_marks_does_not_keep_orders_from_timing_out() {
    let world = World::new();
    world.order("T1", OrderState::Created);
    world.let_orders_expire();
    world.clock.advance(Duration::from_secs(30));
    let away = StoreError::Unavailable("away".to_owned());
    world.orders.fail_next(1, away.clone());
    assert_eq!(relay(&world).sweep().await, Err(SweepError::Store(away)));
    assert_eq!(keys(&world, "ORDER_TIMEOUT"), ["T1"]);
}
