use boxoffice_domain::OrderState;
use boxoffice_domain::ports::{SendError, StoreError};
use boxoffice_domain::testing::{Moment, World};
use boxoffice_messages::{OrderEventType, Payload};
use boxoffice_runtime::Delivery;
use boxoffice_runtime::testing::{context, context_of, delivery};

use super::*;

fn function(world: &World) -> OrderTimeout {
    OrderTimeout::new(&world.ports(), &world.settings())
}

const MINUTE: Duration = Duration::from_secs(60);

fn timeout(number: &str) -> OrderEventMessage {
    OrderEventMessage {
        order_no: Some(number.to_owned()),
        event_type: Some(OrderEventType::Timeout),
        ..OrderEventMessage::default()
    }
}

async fn handle(world: &World, number: &str) -> Outcome {
    function(world).handle(timeout(number), &context()).await
}

#[tokio::test]
async fn an_unpaid_order_past_its_expiry_is_cancelled_and_that_is_announced() {
    for state in [OrderState::Created, OrderState::AwaitingPayment] {
        let world = World::new();
        let order = world.order("T1", state);
        world.let_orders_expire();
        assert_eq!(handle(&world, "T1").await, Outcome::Done);
        let order = world.orders.snapshot(&order.order_no).unwrap();
        assert_eq!((order.state, order.remark.as_deref()), (OrderState::Cancelled, Some(REMARK)));
        assert_eq!(world.bus.tags(), ["ORDER_CANCELLED"]);
        let event = OrderEventMessage::decode(&world.bus.sent()[0].body).unwrap();
        let ext_data = event.ext_data.unwrap();
        assert_eq!(ext_data.get_str("remark").as_deref(), Some(REMARK));
        assert_eq!(ext_data.get_bool("stockReserved"), Some(true));
        assert!(world.orders.marked().is_empty());
    }
}

#[tokio::test]
async fn an_early_timeout_is_sent_again_for_the_rest_of_the_time() {
    let world = World::new();
    let order = world.order("T1", OrderState::AwaitingPayment);
    world.clock.advance(MINUTE);
    assert_eq!(handle(&world, "T1").await, Outcome::Done);
    assert_eq!(world.orders.state(&order.order_no), Some(OrderState::AwaitingPayment));
    assert_eq!(world.bus.tags(), ["ORDER_TIMEOUT"]);
    let sent = &world.bus.sent()[0];
    assert_eq!((sent.key.as_deref(), sent.deliver_at), (Some("T1"), Some(order.expires_at)));
    world.clock.set(order.expires_at);
    assert_eq!(handle(&world, "T1").await, Outcome::Done);
    assert_eq!(world.orders.state(&order.order_no), Some(OrderState::Cancelled));
}

/// SQS holds a message back for fifteen minutes at most.
#[tokio::test]
async fn a_bus_of_short_delays_carries_a_timeout_over_any_payment_window() {
    let mut world = World::new();
    world.rules.payment_window = 50 * MINUTE;
    world.bus.delay_at_most(15 * MINUTE, world.clock.clone());
    let order = world.order("T1", OrderState::AwaitingPayment);
    let begun = world.clock.now();
    let mut came = vec![];
    while world.orders.state(&order.order_no) == Some(OrderState::AwaitingPayment) {
        let sent_at = world.clock.now();
        if let Some(due) = world.bus.take().first().and_then(|sent| sent.deliver_at) {
            world.clock.set(due);
        }
        came.push(u64::try_from(world.clock.now().duration_since(begun).as_mins()).unwrap());
        let delivery = Delivery { sent_at: Some(sent_at), ..delivery() };
        // The first one stands for that of order-process, which was held for as long as the bus can.
        let context = if came.len() == 1 { context() } else { context_of(delivery) };
        assert_eq!(function(&world).handle(timeout("T1"), &context).await, Outcome::Done);
    }
    assert_eq!(came, [0, 15, 30, 45, 50]);
    assert_eq!(world.orders.state(&order.order_no), Some(OrderState::Cancelled));
    assert_eq!(world.bus.tags(), ["ORDER_CANCELLED"]);
}

#[tokio::test]
async fn a_timeout_that_was_not_held_back_at_all_is_a_retry() {
    let world = World::new();
    world.order("T1", OrderState::AwaitingPayment);
    let just_sent = Delivery { sent_at: Some(world.clock.now()), ..delivery() };
    world.clock.advance(Duration::from_secs(59));
    let expected =
        Outcome::retry_after(14 * MINUTE + Duration::from_secs(1), "the order has not expired yet");
    assert_eq!(function(&world).handle(timeout("T1"), &context_of(just_sent)).await, expected);
    assert!(world.bus.sent().is_empty());
}

#[tokio::test]
async fn a_bus_that_is_away_when_a_timeout_comes_early_is_a_retry() {
    let world = World::new();
    world.order("T1", OrderState::AwaitingPayment);
    world.bus.fail_next(1, SendError::Unavailable("away".to_owned()));
    assert!(matches!(handle(&world, "T1").await, Outcome::Retry { .. }));
    assert_eq!(handle(&world, "T1").await, Outcome::Done);
    assert_eq!(world.bus.tags(), ["ORDER_TIMEOUT"]);
}

#[tokio::test]
async fn a_paid_or_cancelled_order_is_left_alone() {
    let world = World::new();
    for (number, state) in [("T1", OrderState::Paid), ("T2", OrderState::Cancelled)] {
        let order = world.order(number, state);
        world.clock.set(order.expires_at);
        assert_eq!(handle(&world, number).await, Outcome::Duplicate);
        assert_eq!(world.orders.snapshot(&order.order_no), Some(order));
    }
    assert!(world.bus.sent().is_empty());
}

#[tokio::test]
async fn an_order_the_store_does_not_know_is_left_to_its_owner() {
    let world = World::new();
    assert_eq!(handle(&world, "J1").await, Outcome::Done);
    assert!(world.bus.sent().is_empty());
}

#[tokio::test]
async fn a_message_without_an_order_number_is_poison() {
    let world = World::new();
    assert_eq!(handle(&world, "").await, Outcome::poison("OrderEventMessage has no orderNo"));
}

#[tokio::test]
async fn a_store_that_is_away_is_a_retry() {
    let world = World::new();
    world.order("T1", OrderState::AwaitingPayment);
    world.let_orders_expire();
    world.orders.fail_next(1, StoreError::Unavailable("away".to_owned()));
    assert!(matches!(handle(&world, "T1").await, Outcome::Retry { .. }));
    assert_eq!(handle(&world, "T1").await, Outcome::Done);
}

#[tokio::test]
async fn an_announcement_that_the_bus_did_not_take_stays_marked_for_the_relay() {
    let world = World::new();
    world.order("T1", OrderState::AwaitingPayment);
    world.let_orders_expire();
    world.bus.fail_next(1, SendError::Unavailable("away".to_owned()));
    assert!(matches!(handle(&world, "T1").await, Outcome::Retry { .. }));
    assert_eq!(handle(&world, "T1").await, Outcome::Duplicate);
    assert_eq!(world.orders.marked().len(), 1);
}

#[tokio::test]
async fn wherever_it_is_cut_the_order_ends_cancelled_and_announced() {
    let mut cuts = 0;
    for call in 0.. {
        for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
            let world = World::new();
            let order = world.order("T1", OrderState::AwaitingPayment);
            world.let_orders_expire();
            world.crash.at(call, moment);
            let _ = handle(&world, "T1").await;
            if !world.crash.happened() {
                assert_eq!(cuts, 8, "get, step, send and clear, before and after");
                return;
            }
            cuts += 1;
            world.crash.restart();
            let again = handle(&world, "T1").await;
            assert!(matches!(again, Outcome::Done | Outcome::Duplicate), "cut {call} {moment:?}: {again:?}");
            assert_eq!(world.orders.state(&order.order_no), Some(OrderState::Cancelled));
            assert!(world.bus.sent().len() + world.orders.marked().len() >= 1, "cut {call} {moment:?}");
        }
    }
}
