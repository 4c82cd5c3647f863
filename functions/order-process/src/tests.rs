use std::collections::BTreeSet;
use std::time::Duration;

use boxoffice_domain::ports::{Outgoing, SendError, StoreError};
use boxoffice_domain::testing::{Moment, World};
use boxoffice_domain::{Contact, UserId};
use boxoffice_messages::{EventTime, ExtData, OrderEventType, Payload, StockEventMessage};
use boxoffice_runtime::testing::context;

use super::*;

fn function(world: &World) -> OrderProcess {
    OrderProcess::new(&world.ports(), &world.settings())
}

/// ORDER_CREATED of the order that `World::order` makes.
fn created(number: &str) -> OrderEventMessage {
    OrderEventMessage {
        order_no: Some(number.to_owned()),
        user_id: Some(9527),
        show_id: Some(3001),
        session_id: Some(30011),
        ticket_id: Some(World::TICKET.0),
        quantity: Some(2),
        status: Some(0),
        event_time: Some(EventTime::Local("2026-11-22T10:15:30".parse().unwrap())),
        event_type: Some(OrderEventType::Created),
        ..OrderEventMessage::default()
    }
}

async fn handle(world: &World, message: OrderEventMessage) -> Outcome {
    function(world).handle(message, &context()).await
}

fn remark(message: &Outgoing) -> String {
    let event = OrderEventMessage::decode(&message.body).unwrap();
    event.ext_data.unwrap().get_str("remark").unwrap()
}

#[tokio::test]
async fn seats_are_reserved_and_payment_is_asked_for() {
    let world = World::new();
    world.on_sale(10);
    let order = world.order("T1", OrderState::Created);
    assert_eq!(handle(&world, created("T1")).await, Outcome::Done);

    let order = world.orders.snapshot(&order.order_no).unwrap();
    assert_eq!(order.state, OrderState::AwaitingPayment);
    assert_eq!(order.total_amount.unwrap().to_string(), "760.00");
    assert_eq!(world.stock_cache.snapshot(World::TICKET).unwrap().available, 8);
    let sent = world.bus.sent();
    assert_eq!(world.bus.tags(), ["STOCK_DEDUCT", "ORDER_TIMEOUT"]);
    let deduct = StockEventMessage::decode(&sent[0].body).unwrap();
    assert_eq!((deduct.ticket_id, deduct.quantity), (Some(World::TICKET.0), Some(2)));
    assert_eq!(deduct.operation, Some(StockOperation::Deduct));
    assert_eq!(sent[1].deliver_at, Some(order.expires_at));
    assert!(sent.iter().all(|message| message.key.as_deref() == Some("T1")));
    assert!(world.orders.marked().is_empty());
}

#[tokio::test]
async fn a_store_that_sends_in_its_own_commit_leaves_nothing_to_send() {
    let world = World::in_one_file();
    world.on_sale(10);
    world.order("T1", OrderState::Created);
    assert_eq!(handle(&world, created("T1")).await, Outcome::Done);
    assert_eq!(world.bus.tags(), ["STOCK_DEDUCT", "ORDER_TIMEOUT"]);
}

#[tokio::test]
async fn the_same_message_again_is_a_duplicate_that_holds_the_same_seats() {
    let world = World::new();
    world.on_sale(10);
    world.order("T1", OrderState::Created);
    assert_eq!(handle(&world, created("T1")).await, Outcome::Done);
    assert_eq!(handle(&world, created("T1")).await, Outcome::Duplicate);
    assert_eq!(world.stock_cache.snapshot(World::TICKET).unwrap().held, 2);
}

#[tokio::test]
async fn an_order_that_a_java_service_made_is_taken_in() {
    let world = World::new();
    world.on_sale(10);
    let ext_data = ExtData::from_json(r#"{"phone":"13800000000"}"#).unwrap();
    let message = OrderEventMessage { ext_data: Some(ext_data), ..created("J1") };
    assert_eq!(handle(&world, message).await, Outcome::Done);

    let order = world.orders.snapshot(&World::order_no("J1")).unwrap();
    assert_eq!(order.state, OrderState::AwaitingPayment);
    assert_eq!(order.user_id, UserId(9527));
    assert_eq!(order.created_at, world.clock.now());
    assert_eq!(order.expires_at, world.clock.now() + world.rules.payment_window);
    assert_eq!(order.contact, Contact { phone: Some("13800000000".to_owned()), ..Contact::default() });
    assert_eq!(world.bus.tags(), ["STOCK_DEDUCT", "ORDER_TIMEOUT"]);
    assert_eq!(handle(&world, created("J1")).await, Outcome::Duplicate);
}

#[tokio::test]
async fn the_timeout_comes_when_the_message_says_the_order_expires() {
    let world = World::new();
    world.on_sale(10);
    let ext_data = ExtData::from_json(r#"{"expireTime":"2026-11-22T10:20:30"}"#).unwrap();
    let message = OrderEventMessage { ext_data: Some(ext_data), ..created("J1") };
    assert_eq!(handle(&world, message).await, Outcome::Done);
    let expiry = world.clock.now() + Duration::from_secs(300);
    assert_eq!(world.bus.sent_with("ORDER_TIMEOUT")[0].deliver_at, Some(expiry));
}

/// Order-timeout sends it again until the order expires.
#[tokio::test]
async fn the_timeout_of_a_long_payment_window_waits_for_as_long_as_the_bus_can() {
    let mut world = World::new();
    world.rules.payment_window = Duration::from_secs(3_600);
    let longest = Duration::from_secs(15 * 60);
    world.bus.delay_at_most(longest, world.clock.clone());
    world.on_sale(10);
    let order = world.order("T1", OrderState::Created);
    assert_eq!(handle(&world, created("T1")).await, Outcome::Done);
    assert_eq!(order.expires_at, world.clock.now() + world.rules.payment_window);
    assert_eq!(world.bus.sent_with("ORDER_TIMEOUT")[0].deliver_at, Some(world.clock.now() + longest));
}

#[tokio::test]
async fn without_any_time_an_order_expires_a_payment_window_from_now() {
    let world = World::new();
    world.on_sale(10);
    world.clock.advance(Duration::from_secs(7));
    let message = OrderEventMessage { event_time: None, ..created("J1") };
    assert_eq!(handle(&world, message).await, Outcome::Done);
    let expiry = world.clock.now() + world.rules.payment_window;
    assert_eq!(world.bus.sent_with("ORDER_TIMEOUT")[0].deliver_at, Some(expiry));
}

#[tokio::test]
async fn a_sold_out_order_is_cancelled_with_a_remark() {
    let world = World::new();
    world.on_sale(1);
    let order = world.order("T1", OrderState::Created);
    assert_eq!(handle(&world, created("T1")).await, Outcome::Done);
    let order = world.orders.snapshot(&order.order_no).unwrap();
    assert_eq!((order.state, order.remark.as_deref()), (OrderState::Cancelled, Some(SOLD_OUT)));
    assert_eq!(world.bus.tags(), ["ORDER_CANCELLED"]);
    let event = OrderEventMessage::decode(&world.bus.sent()[0].body).unwrap();
    assert_eq!(event.status, Some(2));
    assert_eq!(event.ext_data.unwrap().get_bool("stockReserved"), Some(false));
    assert_eq!(handle(&world, created("T1")).await, Outcome::Duplicate);
    assert_eq!(world.bus.tags(), ["ORDER_CANCELLED"]);
}

#[tokio::test]
async fn a_buyer_over_the_limit_is_refused_and_an_unknown_order_is_taken_in_as_cancelled() {
    let world = World::new();
    world.on_sale(10);
    let message = OrderEventMessage { quantity: Some(5), ..created("J1") };
    assert_eq!(handle(&world, message).await, Outcome::Done);
    assert_eq!(world.orders.state(&World::order_no("J1")), Some(OrderState::Cancelled));
    assert_eq!(remark(&world.bus.sent()[0]), OVER_LIMIT);
}

#[tokio::test]
async fn a_ticket_that_is_not_on_sale_or_of_another_show_cancels_the_order() {
    let world = World::new();
    world.on_sale(10);
    world.order("T1", OrderState::Created);
    world.order("T2", OrderState::Created);
    let unknown = OrderEventMessage { ticket_id: Some(1), ..created("T1") };
    let elsewhere = OrderEventMessage { session_id: Some(1), ..created("T2") };
    assert_eq!(handle(&world, unknown).await, Outcome::Done);
    assert_eq!(handle(&world, elsewhere).await, Outcome::Done);
    let remarks: Vec<_> = world.bus.sent().iter().map(remark).collect();
    assert_eq!(remarks, [NO_SUCH_TICKET, OTHER_SHOW]);
    assert_eq!(world.stock_cache.snapshot(World::TICKET).unwrap().held, 0);
}

#[tokio::test]
async fn an_order_cancelled_before_it_awaited_payment_gives_its_seats_back_at_once() {
    let world = World::new();
    world.on_sale(10);
    world.order("T1", OrderState::Cancelled);
    assert_eq!(handle(&world, created("T1")).await, Outcome::Duplicate);
    assert_eq!(world.stock_cache.snapshot(World::TICKET).unwrap().available, 10);
    assert!(world.bus.sent().is_empty());
}

/// The ledger may count its seats until the rollback is handled; until then nobody else may be promised them.
#[tokio::test]
async fn seats_of_an_order_that_awaited_payment_wait_for_their_rollback() {
    let world = World::new();
    world.on_sale(10);
    world.order("T1", OrderState::Created);
    assert_eq!(handle(&world, created("T1")).await, Outcome::Done);
    let step = OrderStep::Cancel { remark: "changed my mind".to_owned(), at: world.clock.now() };
    world.orders.step(&World::order_no("T1"), step, Outbox::none()).await.unwrap();
    assert_eq!(handle(&world, created("T1")).await, Outcome::Duplicate);
    assert_eq!(world.stock_cache.snapshot(World::TICKET).unwrap().available, 8);
}

#[tokio::test]
async fn a_reservation_that_was_given_back_does_not_come_again() {
    let world = World::new();
    world.on_sale(10);
    let order = world.order("T1", OrderState::Created);
    world.stock_cache.release(World::TICKET, &order.order_no).await.unwrap();
    assert_eq!(handle(&world, created("T1")).await, Outcome::Duplicate);
    assert_eq!(world.orders.state(&order.order_no), Some(OrderState::Cancelled));
    assert_eq!(world.stock_cache.snapshot(World::TICKET).unwrap().available, 10);
}

#[tokio::test]
async fn a_paid_order_is_left_alone_even_when_the_stock_cache_forgot_it() {
    let world = World::new();
    world.on_sale(0);
    let order = world.order("T1", OrderState::Paid);
    assert_eq!(handle(&world, created("T1")).await, Outcome::Duplicate);
    assert_eq!(world.orders.state(&order.order_no), Some(OrderState::Paid));
    world.stock_cache.forget(World::TICKET, 10);
    assert_eq!(handle(&world, created("T1")).await, Outcome::Duplicate);
    assert!(world.bus.sent().is_empty());
}

#[tokio::test]
async fn stock_that_is_not_loaded_is_waited_for() {
    let world = World::new();
    world.on_sale(10);
    world.stock_cache.unload(World::TICKET);
    let outcome = handle(&world, created("T1")).await;
    assert_eq!(outcome, Outcome::retry("no stock is loaded for ticket 300111"));
}

#[tokio::test]
async fn a_message_without_a_needed_field_is_poison_that_names_it() {
    let world = World::new();
    world.on_sale(10);
    let whole = created("T1");
    let cases = [
        (OrderEventMessage { order_no: None, ..whole.clone() }, "orderNo"),
        (OrderEventMessage { user_id: None, ..whole.clone() }, "userId"),
        (OrderEventMessage { show_id: None, ..whole.clone() }, "showId"),
        (OrderEventMessage { session_id: None, ..whole.clone() }, "sessionId"),
        (OrderEventMessage { ticket_id: None, ..whole.clone() }, "ticketId"),
        (OrderEventMessage { quantity: None, ..whole.clone() }, "quantity"),
    ];
    for (message, field) in cases {
        let expected = Outcome::poison(format!("OrderEventMessage has no {field}"));
        assert_eq!(handle(&world, message).await, expected);
    }
    let none = OrderEventMessage { quantity: Some(0), ..whole };
    assert_eq!(handle(&world, none).await, Outcome::poison("quantity must be at least 1, found 0"));
    assert_eq!(world.crash.calls(), 0, "poison needs no port");
}

#[tokio::test]
async fn a_store_or_bus_that_is_away_is_a_retry() {
    let away = || StoreError::Unavailable("away".to_owned());
    let world = World::new();
    world.on_sale(10);
    world.order("T1", OrderState::Created);
    world.catalogue.fail_next(1, away());
    assert!(matches!(handle(&world, created("T1")).await, Outcome::Retry { .. }));
    world.stock_cache.fail_next(1, away());
    assert!(matches!(handle(&world, created("T1")).await, Outcome::Retry { .. }));
    world.orders.fail_next(1, away());
    assert!(matches!(handle(&world, created("T1")).await, Outcome::Retry { .. }));
    world.bus.fail_next(1, SendError::Unavailable("away".to_owned()));
    assert!(matches!(handle(&world, created("T1")).await, Outcome::Retry { .. }));
    assert_eq!(handle(&world, created("T1")).await, Outcome::Duplicate);
    assert_eq!(world.bus.tags(), ["ORDER_TIMEOUT", "STOCK_DEDUCT", "ORDER_TIMEOUT"]);
    assert_eq!(world.stock_cache.snapshot(World::TICKET).unwrap().held, 2);
}

/// Where an order and its seats stand, and which messages are out or will be sent by the relay.
#[derive(Debug, PartialEq)]
struct EndState {
    state: Option<OrderState>,
    available: u32,
    held: u32,
    messages: BTreeSet<(String, Vec<u8>)>,
}

fn end_state(world: &World, number: &str) -> EndState {
    let stock = world.stock_cache.snapshot(World::TICKET).unwrap();
    let messages = world.bus.sent().into_iter().chain(world.orders.marked());
    EndState {
        state: world.orders.state(&World::order_no(number)),
        available: stock.available,
        held: stock.held,
        messages: messages
            .map(|message| (message.tag.unwrap().into_owned(), message.body.to_vec()))
            .collect(),
    }
}

/// Cuts the handler before and after each port call, runs it again, and compares with a run that was not cut.
async fn ends_the_same_wherever_it_is_cut(make: impl Fn() -> World, number: &str) {
    let whole = make();
    assert!(!matches!(handle(&whole, created(number)).await, Outcome::Retry { .. }));
    let expected = end_state(&whole, number);
    let mut cuts = 0;
    for call in 0.. {
        for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
            let world = make();
            world.crash.at(call, moment);
            let _ = handle(&world, created(number)).await;
            if !world.crash.happened() {
                assert!(cuts >= 6, "only {cuts} cuts");
                return;
            }
            cuts += 1;
            world.crash.restart();
            let outcome = handle(&world, created(number)).await;
            assert!(
                matches!(outcome, Outcome::Done | Outcome::Duplicate),
                "cut {call} {moment:?}: {outcome:?}"
            );
            assert_eq!(end_state(&world, number), expected, "cut {call} {moment:?}");
        }
    }
}

fn with_order(world: World, seats: u32, state: OrderState) -> World {
    world.on_sale(seats);
    world.order("T1", state);
    world.crash.restart();
    world
}

#[tokio::test]
async fn a_crash_at_any_point_ends_in_the_same_place() {
    for new_world in [World::new, World::in_one_file] {
        // Reserved, sold out, cancelled before; then orders of a Java service: reserved, sold out.
        ends_the_same_wherever_it_is_cut(|| with_order(new_world(), 10, OrderState::Created), "T1").await;
        ends_the_same_wherever_it_is_cut(|| with_order(new_world(), 1, OrderState::Created), "T1").await;
        ends_the_same_wherever_it_is_cut(|| with_order(new_world(), 10, OrderState::Cancelled), "T1").await;
        ends_the_same_wherever_it_is_cut(|| with_order(new_world(), 10, OrderState::Created), "J1").await;
        ends_the_same_wherever_it_is_cut(|| with_order(new_world(), 1, OrderState::Created), "J1").await;
    }
}
