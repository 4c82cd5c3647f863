use boxoffice_domain::Contact;
use boxoffice_domain::ports::{SendError, StoreError};
use boxoffice_domain::testing::{Moment, World};
use boxoffice_messages::{
    EventTime, ExtData, NotificationMessage, OrderEventType, Payload, StockEventMessage,
};
use boxoffice_runtime::testing::{context, context_of, delivery};

use super::*;

fn function(world: &World) -> OrderPaid {
    OrderPaid::new(&world.ports(), &world.settings())
}

fn paid(number: &str) -> OrderEventMessage {
    OrderEventMessage {
        order_no: Some(number.to_owned()),
        user_id: Some(9527),
        show_id: Some(3001),
        ticket_id: Some(World::TICKET.0),
        quantity: Some(2),
        total_amount: Some(Decimal::new(76_000, 2)),
        status: Some(1),
        event_time: Some(EventTime::Local("2026-11-22T10:15:31".parse().unwrap())),
        event_type: Some(OrderEventType::Paid),
        ..OrderEventMessage::default()
    }
}

async fn handle(world: &World, message: OrderEventMessage) -> Outcome {
    function(world).handle(message, &context()).await
}

#[tokio::test]
async fn a_paid_order_is_confirmed_told_to_the_buyer_and_counted() {
    let world = World::new();
    let mut order = world.order("T1", OrderState::Paid);
    order.contact = Contact {
        phone: Some("13800000000".to_owned()),
        email: Some("b@example.com".to_owned()),
        device_token: None,
    };
    world.orders.put(order.clone());
    assert_eq!(handle(&world, paid("T1")).await, Outcome::Done);

    assert_eq!(world.bus.tags(), ["STOCK_SYNC", "SMS", "EMAIL"]);
    let sent = world.bus.sent();
    let confirm = StockEventMessage::decode(&sent[0].body).unwrap();
    assert_eq!((confirm.operation, confirm.quantity), (Some(StockOperation::Confirm), Some(2)));
    assert_eq!(sent[0].key.as_deref(), Some("T1"));
    let sms = NotificationMessage::decode(&sent[1].body).unwrap();
    assert_eq!((sms.template.as_deref(), sms.phone.as_deref()), (Some("ORDER_PAID"), Some("13800000000")));
    let content = sms.content.unwrap();
    assert!(content.contains("Your order T1 is paid: 2 ticket(s), 760.00 CNY."), "{content}");
    let sale = world.statistics.sale(&order.order_no).unwrap();
    assert_eq!((sale.quantity, sale.amount), (2, order.total_amount));
}

#[tokio::test]
async fn the_same_message_again_is_a_duplicate_that_counts_no_second_sale() {
    let world = World::new();
    world.order("T1", OrderState::Paid);
    assert_eq!(handle(&world, paid("T1")).await, Outcome::Done);
    assert_eq!(handle(&world, paid("T1")).await, Outcome::Duplicate);
    assert_eq!(world.statistics.total(World::TICKET).await.unwrap().orders, 1);
}

#[tokio::test]
async fn a_payment_that_a_java_service_took_is_recorded() {
    let world = World::new();
    let order = world.order("T1", OrderState::AwaitingPayment);
    let ext_data = ExtData::from_json(r#"{"payType":2}"#).unwrap();
    let message = OrderEventMessage { ext_data: Some(ext_data), ..paid("T1") };
    assert_eq!(handle(&world, message).await, Outcome::Done);
    let order = world.orders.snapshot(&order.order_no).unwrap();
    assert_eq!((order.state, order.pay_type), (OrderState::Paid, Some(PayType::WeChatPay)));
    assert_eq!(order.paid_at.unwrap().to_string(), "2026-11-22T02:15:31Z");
    assert_eq!(world.bus.tags(), ["STOCK_SYNC"]);
}

#[tokio::test]
async fn an_order_the_store_does_not_know_is_handled_by_its_message_alone() {
    let world = World::new();
    let ext_data = ExtData::from_json(r#"{"deviceToken":"d1"}"#).unwrap();
    let message = OrderEventMessage { ext_data: Some(ext_data), ..paid("J1") };
    assert_eq!(handle(&world, message).await, Outcome::Done);
    assert_eq!(world.bus.tags(), ["STOCK_SYNC", "PUSH"]);
    assert!(world.orders.snapshot(&World::order_no("J1")).is_none());
    assert_eq!(world.statistics.sale(&World::order_no("J1")).unwrap().quantity, 2);
}

#[tokio::test]
async fn the_user_directory_knows_the_address_of_a_buyer_whose_order_has_none() {
    let world = World::new();
    world.order("T1", OrderState::Paid);
    world.user_directory.put(UserId(9527), Contact { phone: Some("1".to_owned()), ..Contact::default() });
    assert_eq!(handle(&world, paid("T1")).await, Outcome::Done);
    assert_eq!(world.bus.tags(), ["STOCK_SYNC", "SMS"]);
}

#[tokio::test]
async fn a_payment_of_a_cancelled_order_becomes_a_refund_and_one_alert() {
    let world = World::new();
    let order = world.order("T1", OrderState::Cancelled);
    assert_eq!(handle(&world, paid("T1")).await, Outcome::Done);
    assert_eq!(handle(&world, paid("T1")).await, Outcome::Duplicate);
    assert!(world.orders.snapshot(&order.order_no).unwrap().refund_due.is_some());
    assert!(
        matches!(&world.alerts.raised()[..], [Alert::RefundDue { order_no, .. }] if *order_no == order.order_no)
    );
    assert!(world.bus.sent().is_empty());
    assert!(world.statistics.sale(&order.order_no).is_none());
}

#[tokio::test]
async fn a_redelivery_raises_the_refund_alert_that_a_crash_may_have_lost() {
    let world = World::new();
    let order = world.order("T1", OrderState::Cancelled);
    world.crash.at(1, Moment::AfterEffect);
    assert!(matches!(handle(&world, paid("T1")).await, Outcome::Retry { .. }));
    assert!(world.alerts.raised().is_empty());
    world.crash.restart();
    let second = context_of(boxoffice_runtime::Delivery { attempt: 2, ..delivery() });
    assert_eq!(function(&world).handle(paid("T1"), &second).await, Outcome::Duplicate);
    assert_eq!(world.alerts.raised().len(), 1);
    assert!(world.orders.snapshot(&order.order_no).unwrap().refund_due.is_some());
}

#[tokio::test]
async fn a_payment_that_overtakes_order_process_is_retried() {
    let world = World::new();
    world.order("T1", OrderState::Created);
    let expected = Outcome::retry("the order is still Created: its seats are not reserved yet");
    assert_eq!(handle(&world, paid("T1")).await, expected);
}

#[tokio::test]
async fn an_unknown_order_without_a_needed_field_is_poison_that_names_it() {
    let world = World::new();
    let missing = |field| Outcome::poison(format!("OrderEventMessage has no {field}"));
    let no_number = OrderEventMessage { order_no: None, ..paid("J1") };
    assert_eq!(handle(&world, no_number).await, missing("orderNo"));
    let no_ticket = OrderEventMessage { ticket_id: None, ..paid("J1") };
    assert_eq!(handle(&world, no_ticket).await, missing("ticketId"));
    let no_quantity = OrderEventMessage { quantity: None, ..paid("J1") };
    assert_eq!(handle(&world, no_quantity).await, missing("quantity"));
}

#[tokio::test]
async fn whatever_is_away_the_message_is_retried() {
    let away = || StoreError::Unavailable("away".to_owned());
    let world = World::new();
    world.order("T1", OrderState::Paid);
    world.orders.fail_next(1, away());
    assert!(matches!(handle(&world, paid("T1")).await, Outcome::Retry { .. }));
    world.user_directory.fail_next(1, away());
    assert!(matches!(handle(&world, paid("T1")).await, Outcome::Retry { .. }));
    world.bus.fail_next(1, SendError::OutcomeUnknown("no answer".to_owned()));
    assert!(matches!(handle(&world, paid("T1")).await, Outcome::Retry { .. }));
    world.statistics.fail_next(1, away());
    assert!(matches!(handle(&world, paid("T1")).await, Outcome::Retry { .. }));
    assert_eq!(handle(&world, paid("T1")).await, Outcome::Done);
}
