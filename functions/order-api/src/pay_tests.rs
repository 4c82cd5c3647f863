use std::time::Duration;

use boxoffice_domain::ports::{Alert, SendError, StoreError};
use boxoffice_messages::{EventTime, OrderEventType};

use super::*;
use crate::CallContext;
use crate::testing::{on_sale, only_message, with_key};

#[tokio::test]
async fn a_payment_makes_the_order_paid_and_sends_its_message() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::AwaitingPayment);
    world.clock.advance(Duration::from_secs(5));
    let paid = service.pay.run(&order.order_no, 2, &CallContext::default()).await.unwrap();

    assert_eq!((paid.order_no.as_str(), paid.status, paid.state), ("A1", 1, OrderState::Paid));
    let saved = world.orders.snapshot(&order.order_no).unwrap();
    assert_eq!((saved.state, saved.pay_type), (OrderState::Paid, Some(PayType::WeChatPay)));
    let event = only_message(&world, "ORDER_PAID");
    assert_eq!(event.event_type, Some(OrderEventType::Paid));
    assert_eq!(event.event_time, Some(EventTime::Local("2026-11-22T10:15:35".parse().unwrap())));
    assert_eq!((event.status, event.total_amount.unwrap().to_string()), (Some(1), "760.00".to_owned()));
    assert_eq!(event.ext_data.unwrap().get_i64("payType"), Some(2));
    assert!(world.orders.marked().is_empty());
}

#[tokio::test]
async fn paying_twice_is_one_payment_with_the_same_answer() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::AwaitingPayment);
    let first = service.pay.run(&order.order_no, 1, &CallContext::default()).await.unwrap();
    let second = service.pay.run(&order.order_no, 3, &CallContext::default()).await.unwrap();
    assert_eq!(second, first);
    assert_eq!(world.bus.tags(), ["ORDER_PAID"]);
    assert_eq!(world.orders.snapshot(&order.order_no).unwrap().pay_type, Some(PayType::Alipay));
}

#[tokio::test]
async fn an_order_that_is_still_created_cannot_be_paid_yet_and_its_key_stays_free() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::Created);
    let error = service.pay.run(&order.order_no, 1, &with_key("p")).await.unwrap_err();
    assert_eq!(error, ApiError::NotYetPayable(order.order_no.clone()));
    assert!(world.bus.sent().is_empty());

    world.order("A1", OrderState::AwaitingPayment);
    let paid = service.pay.run(&order.order_no, 1, &with_key("p")).await.unwrap();
    assert_eq!(paid.state, OrderState::Paid);
}

#[tokio::test]
async fn a_payment_of_a_cancelled_order_is_recorded_as_refund_due_and_alerts_once() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::Cancelled);
    for _ in 0..2 {
        let error = service.pay.run(&order.order_no, 1, &CallContext::default()).await.unwrap_err();
        assert_eq!(error, ApiError::PaidTooLate(order.order_no.clone()));
    }
    let saved = world.orders.snapshot(&order.order_no).unwrap();
    assert_eq!(saved.state, OrderState::Cancelled);
    assert!(saved.refund_due.is_some());
    assert!(world.bus.sent().is_empty());
    let alerts = world.alerts.raised();
    assert!(matches!(&alerts[..], [Alert::RefundDue { order_no, .. }] if *order_no == order.order_no));
}

#[tokio::test]
async fn past_its_expiry_an_order_that_nobody_cancelled_can_be_paid() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::AwaitingPayment);
    world.let_orders_expire();
    let paid = service.pay.run(&order.order_no, 1, &CallContext::default()).await.unwrap();
    assert_eq!(paid.state, OrderState::Paid);
}

#[tokio::test]
async fn a_failed_send_leaves_the_mark_and_the_payment_stands() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::AwaitingPayment);
    world.bus.fail_next(1, SendError::OutcomeUnknown("cut".to_owned()));
    service.pay.run(&order.order_no, 1, &CallContext::default()).await.unwrap();
    assert_eq!(world.orders.marked().len(), 1);
    assert_eq!(world.orders.state(&order.order_no), Some(OrderState::Paid));
}

#[tokio::test]
async fn a_lost_answer_of_the_store_is_told_and_a_repeat_finds_the_payment() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::AwaitingPayment);
    let away = StoreError::Unavailable("away".to_owned());
    // The read is answered, the step takes effect without an answer.
    world.crash.at(1, boxoffice_domain::testing::Moment::AfterEffect);
    let error = service.pay.run(&order.order_no, 1, &CallContext::default()).await.unwrap_err();
    assert!(matches!(error, ApiError::Store(StoreError::Unavailable(_))), "{error:?}");
    world.crash.restart();
    assert_eq!(world.orders.marked().len(), 1, "the message waits for the relay");
    service.pay.run(&order.order_no, 1, &CallContext::default()).await.unwrap();

    world.orders.fail_next(1, away.clone());
    let error = service.pay.run(&order.order_no, 1, &CallContext::default()).await.unwrap_err();
    assert_eq!(error, ApiError::Store(away));
}

#[tokio::test]
async fn a_writer_that_was_first_makes_the_service_look_again_a_few_times() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::AwaitingPayment);
    let read = world.orders.snapshot(&order.order_no).unwrap();
    world.orders.fail_next(2, StoreError::Conflict("raced".to_owned()));
    let payment = service.pay.take(&read, PayType::Alipay, &CallContext::default()).await;
    assert!(matches!(payment, Ok(Payment::Taken)));

    let order = world.order("A2", OrderState::AwaitingPayment);
    world.orders.fail_next(3, StoreError::Conflict("raced".to_owned()));
    let payment = service.pay.take(&order, PayType::Alipay, &CallContext::default()).await;
    assert!(matches!(payment, Err(ApiError::Store(StoreError::Conflict(_)))));
}

#[tokio::test]
async fn unknown_orders_and_unknown_pay_types_are_named() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::AwaitingPayment);
    for code in [0, 4, -1, i64::MAX] {
        let error = service.pay.run(&order.order_no, code, &CallContext::default()).await.unwrap_err();
        assert!(matches!(&error, ApiError::Invalid(fields) if fields[0].field == "payType"), "{error:?}");
    }
    let nobodys = boxoffice_domain::testing::World::order_no("nobody");
    let error = service.pay.run(&nobodys, 1, &CallContext::default()).await.unwrap_err();
    assert_eq!(error, ApiError::UnknownOrder(nobodys));
}

#[tokio::test]
async fn a_repeat_with_the_key_gets_the_first_answer_and_the_key_pays_no_other_order() {
    let (world, service) = on_sale();
    let first = world.order("A1", OrderState::AwaitingPayment);
    let other = world.order("A2", OrderState::AwaitingPayment);
    let paid = service.pay.run(&first.order_no, 1, &with_key("p")).await.unwrap();
    assert_eq!(service.pay.run(&first.order_no, 1, &with_key("p")).await.unwrap(), paid);
    let error = service.pay.run(&other.order_no, 1, &with_key("p")).await.unwrap_err();
    assert_eq!(error, ApiError::KeyReused);
    assert_eq!(world.orders.state(&other.order_no), Some(OrderState::AwaitingPayment));
}
