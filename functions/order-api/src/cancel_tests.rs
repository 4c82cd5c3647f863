use boxoffice_domain::ports::SendError;
use boxoffice_domain::testing::World;
use boxoffice_messages::OrderEventType;

use super::*;
use crate::testing::{on_sale, only_message};

#[tokio::test]
async fn a_cancelled_order_keeps_the_reason_and_gives_its_seats_back() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::AwaitingPayment);
    let cancelled =
        service.cancel.run(&order.order_no, Some("  I cannot come "), &CallContext::default()).await.unwrap();
    assert_eq!((cancelled.order_no.as_str(), cancelled.status), ("A1", 2));
    assert_eq!(cancelled.state, OrderState::Cancelled);

    let saved = world.orders.snapshot(&order.order_no).unwrap();
    assert_eq!((saved.state, saved.remark.as_deref()), (OrderState::Cancelled, Some("I cannot come")));
    let event = only_message(&world, "ORDER_CANCELLED");
    assert_eq!((event.event_type, event.status), (Some(OrderEventType::Cancelled), Some(2)));
    let extra = event.ext_data.unwrap();
    assert_eq!(extra.get_str("remark").as_deref(), Some("I cannot come"));
    assert_eq!(extra.get_bool("stockReserved"), Some(true));
}

#[tokio::test]
async fn seats_of_an_order_in_process_may_be_reserved_so_they_are_given_back() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::Created);
    service.cancel.run(&order.order_no, None, &CallContext::default()).await.unwrap();
    let extra = only_message(&world, "ORDER_CANCELLED").ext_data.unwrap();
    assert_eq!(extra.get_bool("stockReserved"), Some(true));
    assert_eq!(extra.get_str("remark").as_deref(), Some(NO_REASON));
}

#[tokio::test]
async fn cancelling_twice_is_one_cancellation_with_the_same_answer() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::AwaitingPayment);
    let first = service.cancel.run(&order.order_no, Some("one"), &CallContext::default()).await.unwrap();
    let second = service.cancel.run(&order.order_no, Some("two"), &CallContext::default()).await.unwrap();
    assert_eq!(second, first);
    assert_eq!(world.bus.tags(), ["ORDER_CANCELLED"]);
    assert_eq!(world.orders.snapshot(&order.order_no).unwrap().remark.as_deref(), Some("one"));
}

#[tokio::test]
async fn a_paid_order_cannot_be_cancelled() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::Paid);
    let error = service.cancel.run(&order.order_no, None, &CallContext::default()).await.unwrap_err();
    assert_eq!(error, ApiError::AlreadyPaid(order.order_no.clone()));
    assert_eq!(world.orders.state(&order.order_no), Some(OrderState::Paid));
    assert!(world.bus.sent().is_empty());
}

#[tokio::test]
async fn a_failed_send_leaves_the_mark_and_the_cancellation_stands() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::Created);
    world.bus.fail_next(1, SendError::Unavailable("away".to_owned()));
    service.cancel.run(&order.order_no, None, &CallContext::default()).await.unwrap();
    assert_eq!(world.orders.marked().len(), 1);
}

#[tokio::test]
async fn an_unknown_order_and_an_endless_reason_are_named() {
    let (world, service) = on_sale();
    let order = world.order("A1", OrderState::Created);
    for reason in ["话".repeat(201), "a\u{0}b".to_owned()] {
        let error =
            service.cancel.run(&order.order_no, Some(&reason), &CallContext::default()).await.unwrap_err();
        assert!(matches!(&error, ApiError::Invalid(fields) if fields[0].field == "reason"), "{error:?}");
    }
    assert_eq!(world.orders.state(&order.order_no), Some(OrderState::Created));
    let nobodys = World::order_no("nobody");
    let error = service.cancel.run(&nobodys, None, &CallContext::default()).await.unwrap_err();
    assert_eq!(error, ApiError::UnknownOrder(nobodys));
    let longest = "话".repeat(200);
    service.cancel.run(&order.order_no, Some(&longest), &CallContext::default()).await.unwrap();
}
