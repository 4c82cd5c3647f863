use boxoffice_domain::ports::{SendError, StoreError};
use boxoffice_domain::testing::World;
use boxoffice_domain::{Contact, Decimal};
use boxoffice_messages::{ExtData, NotificationMessage, OrderEventType, Payload, StockEventMessage};
use boxoffice_runtime::testing::context;

use super::*;

fn function(world: &World) -> OrderCancelled {
    OrderCancelled::new(&world.ports(), &world.settings())
}

fn cancelled(number: &str, ext_data: &str) -> OrderEventMessage {
    OrderEventMessage {
        order_no: Some(number.to_owned()),
        user_id: Some(9527),
        ticket_id: Some(World::TICKET.0),
        quantity: Some(2),
        status: Some(2),
        event_type: Some(OrderEventType::Cancelled),
        ext_data: Some(ExtData::from_json(ext_data).unwrap()),
        ..OrderEventMessage::default()
    }
}

async fn handle(world: &World, message: OrderEventMessage) -> Outcome {
    function(world).handle(message, &context()).await
}

#[tokio::test]
async fn the_stock_is_given_back_and_the_buyer_is_told() {
    let world = World::new();
    let mut order = world.order("T1", OrderState::Cancelled);
    order.contact = Contact { email: Some("b@example.com".to_owned()), ..Contact::default() };
    world.orders.put(order);
    assert_eq!(handle(&world, cancelled("T1", "{}")).await, Outcome::Done);

    assert_eq!(world.bus.tags(), ["STOCK_ROLLBACK", "EMAIL"]);
    let sent = world.bus.sent();
    let rollback = StockEventMessage::decode(&sent[0].body).unwrap();
    assert_eq!((rollback.operation, rollback.quantity), (Some(StockOperation::Rollback), Some(2)));
    let email = NotificationMessage::decode(&sent[1].body).unwrap();
    assert_eq!(email.template.as_deref(), Some("ORDER_CANCELLED"));
    assert!(email.content.unwrap().contains("Your order T1 is cancelled. (changed my mind)"));
}

#[tokio::test]
async fn an_order_that_is_still_unpaid_is_cancelled_for_the_reason_given() {
    let world = World::new();
    for (number, state) in [("T1", OrderState::Created), ("T2", OrderState::AwaitingPayment)] {
        let order = world.order(number, state);
        assert_eq!(handle(&world, cancelled(number, r#"{"remark":"rain"}"#)).await, Outcome::Done);
        let order = world.orders.snapshot(&order.order_no).unwrap();
        assert_eq!((order.state, order.remark.as_deref()), (OrderState::Cancelled, Some("rain")));
    }
    assert_eq!(world.bus.tags(), ["STOCK_ROLLBACK", "STOCK_ROLLBACK"]);
}

#[tokio::test]
async fn an_order_that_never_had_seats_gives_none_back() {
    let world = World::new();
    world.order("T1", OrderState::Cancelled);
    assert_eq!(handle(&world, cancelled("T1", r#"{"stockReserved":false}"#)).await, Outcome::Done);
    assert_eq!(handle(&world, cancelled("J1", r#"{"stockReserved":false}"#)).await, Outcome::Done);
    assert!(world.bus.sent().is_empty());
}

#[tokio::test]
async fn an_order_that_once_awaited_payment_gives_its_seats_back_whatever_the_message_says() {
    let world = World::new();
    let mut order = world.order("T1", OrderState::Cancelled);
    order.total_amount = Some(Decimal::new(76_000, 2));
    world.orders.put(order);
    assert_eq!(handle(&world, cancelled("T1", r#"{"stockReserved":false}"#)).await, Outcome::Done);
    assert_eq!(world.bus.tags(), ["STOCK_ROLLBACK"]);
}

#[tokio::test]
async fn an_order_the_store_does_not_know_is_handled_by_its_message_alone() {
    let world = World::new();
    assert_eq!(handle(&world, cancelled("J1", r#"{"phone":"1"}"#)).await, Outcome::Done);
    assert_eq!(world.bus.tags(), ["STOCK_ROLLBACK", "SMS"]);
    assert!(world.orders.snapshot(&World::order_no("J1")).is_none());
}

#[tokio::test]
async fn a_paid_order_cannot_be_cancelled_and_the_message_is_poison() {
    let world = World::new();
    world.order("T1", OrderState::Paid);
    let expected = Outcome::poison("the order is Paid and can no longer be cancelled");
    assert_eq!(handle(&world, cancelled("T1", "{}")).await, expected);
    assert!(world.bus.sent().is_empty());
}

#[tokio::test]
async fn a_message_without_a_needed_field_is_poison_that_names_it() {
    let world = World::new();
    let missing = |field| Outcome::poison(format!("OrderEventMessage has no {field}"));
    let no_number = OrderEventMessage { order_no: Some(String::new()), ..cancelled("J1", "{}") };
    assert_eq!(handle(&world, no_number).await, missing("orderNo"));
    let no_ticket = OrderEventMessage { ticket_id: None, ..cancelled("J1", "{}") };
    assert_eq!(handle(&world, no_ticket).await, missing("ticketId"));
    let no_quantity = OrderEventMessage { quantity: None, ..cancelled("J1", "{}") };
    assert_eq!(handle(&world, no_quantity).await, missing("quantity"));
}

#[tokio::test]
async fn a_store_or_bus_that_is_away_is_a_retry_and_then_everything_is_sent() {
    let world = World::new();
    world.order("T1", OrderState::AwaitingPayment);
    world.orders.lose_next_answers(1, StoreError::Unavailable("away".to_owned()));
    assert!(matches!(handle(&world, cancelled("T1", "{}")).await, Outcome::Retry { .. }));
    world.bus.fail_next(1, SendError::Unavailable("away".to_owned()));
    assert!(matches!(handle(&world, cancelled("T1", "{}")).await, Outcome::Retry { .. }));
    assert_eq!(handle(&world, cancelled("T1", "{}")).await, Outcome::Done);
    assert_eq!(world.bus.tags(), ["STOCK_ROLLBACK"]);
}
