use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, MessageId, Outgoing, SendError, StoreError};
use boxoffice_domain::testing::{Moment, World};
use boxoffice_domain::{OrderState, SessionId, ShowId, TicketId, UserId};
use boxoffice_messages::{EventTime, OrderEventType};

use super::*;
use crate::idempotent::KEY_LEASE;
use crate::testing::{new_order, on_sale, only_message, service, with_key};

fn away() -> StoreError {
    StoreError::Unavailable("away".to_owned())
}

fn invalid_fields(error: ApiError) -> Vec<String> {
    match error {
        ApiError::Invalid(fields) => fields.into_iter().map(|each| each.field).collect(),
        other => panic!("expected invalid fields, got {other:?}"),
    }
}

#[tokio::test]
async fn an_accepted_order_is_saved_and_its_message_sent() {
    let (world, service) = on_sale();
    let accepted = service.create.run(&new_order(), &CallContext::default()).await.unwrap();

    assert_eq!(accepted.status, 0);
    assert_eq!(accepted.state, OrderState::Created);
    assert_eq!(accepted.expire_time.to_string(), "2026-11-22T10:30:30");
    let saved = world.orders.snapshot(&accepted.order_no).unwrap();
    assert_eq!((saved.quantity, saved.user_id, saved.state), (2, UserId(9_527), OrderState::Created));
    assert!(world.orders.marked().is_empty(), "the acknowledged message keeps no mark");

    let event = only_message(&world, "ORDER_CREATED");
    assert_eq!(event.order_no.as_deref(), Some(accepted.order_no.as_str()));
    assert_eq!(event.event_type, Some(OrderEventType::Created));
    assert_eq!(event.event_time, Some(EventTime::Local("2026-11-22T10:15:30".parse().unwrap())));
    assert_eq!((event.status, event.quantity, event.total_amount), (Some(0), Some(2), None));
    let extra = event.ext_data.unwrap();
    assert_eq!(extra.get_str("expireTime").as_deref(), Some("2026-11-22T10:30:30"));
    assert_eq!(extra.len(), 1, "no addresses were given");
}

#[tokio::test]
async fn without_a_key_accepting_an_order_costs_one_write_in_one_file() {
    let world = World::in_one_file();
    world.on_sale(100);
    let service = service(&world);
    world.crash.restart();
    service.create.run(&new_order(), &CallContext::default()).await.unwrap();
    assert_eq!(world.crash.calls(), 2, "the catalogue and the order store, each once");
    assert_eq!(world.bus.tags(), ["ORDER_CREATED"]);
}

#[tokio::test]
async fn addresses_and_the_trace_travel_with_the_message_and_blank_ones_count_as_absent() {
    let (world, service) = on_sale();
    let mut request = new_order();
    request.contact.phone = Some("13800138000".to_owned());
    request.contact.email = Some("  ".to_owned());
    request.contact.device_token = Some("token-1".to_owned());
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let call = CallContext { idempotency_key: None, traceparent: Some(trace.to_owned()) };
    let accepted = service.create.run(&request, &call).await.unwrap();

    let extra = only_message(&world, "ORDER_CREATED").ext_data.unwrap();
    assert_eq!(extra.get_str("phone").as_deref(), Some("13800138000"));
    assert_eq!(extra.get_str("deviceToken").as_deref(), Some("token-1"));
    assert_eq!(extra.get_raw("email").map(ToString::to_string), None);
    assert_eq!(world.bus.sent()[0].properties, [("traceparent".to_owned(), trace.to_owned())]);
    assert_eq!(world.orders.snapshot(&accepted.order_no).unwrap().contact.email, None);
}

#[tokio::test]
async fn a_failed_send_leaves_the_mark_and_the_buyer_has_the_number() {
    for error in [SendError::Unavailable("away".to_owned()), SendError::OutcomeUnknown("cut".to_owned())] {
        let (world, service) = on_sale();
        world.bus.fail_next(1, error);
        let accepted = service.create.run(&new_order(), &CallContext::default()).await.unwrap();
        assert!(world.bus.sent().is_empty());
        let marked = world.orders.marked();
        assert_eq!(marked.len(), 1);
        assert_eq!(marked[0].key.as_deref(), Some(accepted.order_no.as_str()));
    }
}

struct SilentBus;

#[async_trait]
impl Bus for SilentBus {
    fn longest_delay(&self) -> Option<Duration> {
        None
    }

    async fn send(&self, _: Outgoing) -> Result<MessageId, SendError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_never_answers_holds_the_buyer_up_for_the_send_timeout_only() {
    let world = World::new();
    world.on_sale(100);
    let mut service = service(&world);
    service.create.changes.bus = Arc::new(SilentBus);
    service.create.changes.send_timeout = Duration::from_millis(700);
    let started = tokio::time::Instant::now();
    service.create.run(&new_order(), &CallContext::default()).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_millis(700));
    assert_eq!(world.orders.marked().len(), 1);
}

#[tokio::test]
async fn every_field_out_of_range_is_named_at_once_and_nothing_is_saved() {
    let (world, service) = on_sale();
    let mut request = new_order();
    request.user_id = UserId(0);
    request.show_id = ShowId(-1);
    request.session_id = SessionId(i64::MIN);
    request.ticket_id = TicketId(0);
    request.quantity = 11;
    request.contact.phone = Some("call me".to_owned());
    request.contact.email = Some("nobody".to_owned());
    request.contact.device_token = Some("two words".to_owned());
    let error = service.create.run(&request, &CallContext::default()).await.unwrap_err();
    let expected = ["userId", "showId", "sessionId", "ticketId", "quantity", "phone", "email", "deviceToken"];
    assert_eq!(invalid_fields(error), expected);
    assert!(world.bus.sent().is_empty());
    assert_eq!(world.crash.calls(), 0, "nobody was asked");
}

#[tokio::test]
async fn quantities_of_none_and_of_more_than_the_limit_per_buyer_are_refused() {
    let (_world, service) = on_sale();
    for quantity in [0, -1, 5, i64::MAX] {
        let request = NewOrder { quantity, ..new_order() };
        let error = service.create.run(&request, &CallContext::default()).await.unwrap_err();
        assert_eq!(invalid_fields(error), ["quantity"], "{quantity}");
    }
    let most = NewOrder { quantity: 4, ..new_order() };
    service.create.run(&most, &CallContext::default()).await.unwrap();
}

#[tokio::test]
async fn a_ticket_that_is_not_on_sale_or_of_another_show_is_refused_by_field() {
    let (_world, service) = on_sale();
    let unknown = NewOrder { ticket_id: TicketId(5), ..new_order() };
    let error = service.create.run(&unknown, &CallContext::default()).await.unwrap_err();
    assert_eq!(invalid_fields(error), ["ticketId"]);
    let elsewhere = NewOrder { show_id: ShowId(5), session_id: SessionId(6), ..new_order() };
    let error = service.create.run(&elsewhere, &CallContext::default()).await.unwrap_err();
    assert_eq!(invalid_fields(error), ["showId", "sessionId"]);
}

#[tokio::test]
async fn a_catalogue_that_is_away_holds_up_no_sale() {
    let (world, service) = on_sale();
    world.catalogue.fail_next(1, away());
    service.create.run(&new_order(), &CallContext::default()).await.unwrap();
    assert_eq!(world.bus.tags(), ["ORDER_CREATED"]);
}

#[tokio::test]
async fn a_store_that_is_away_is_told_and_nothing_is_sent() {
    let (world, service) = on_sale();
    world.orders.fail_next(1, away());
    let error = service.create.run(&new_order(), &CallContext::default()).await.unwrap_err();
    assert_eq!(error, ApiError::Store(away()));
    assert!(world.bus.sent().is_empty());
}

#[tokio::test]
async fn a_number_that_another_order_has_is_replaced_by_a_fresh_one() {
    let (world, service) = on_sale();
    let mut other = world.order("T00000001", OrderState::Created);
    other.user_id = UserId(1);
    world.orders.put(other);
    let accepted = service.create.run(&new_order(), &CallContext::default()).await.unwrap();
    assert_eq!(accepted.order_no.as_str(), "T00000002");
}

#[tokio::test]
async fn a_repeat_with_the_same_key_gets_the_first_answer_and_makes_no_second_order() {
    let (world, service) = on_sale();
    let first = service.create.run(&new_order(), &with_key("k1")).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    let repeat = service.create.run(&new_order(), &with_key("k1")).await.unwrap();
    assert_eq!(repeat, first);
    assert_eq!(world.bus.sent().len(), 1);

    let other = service.create.run(&new_order(), &with_key("k2")).await.unwrap();
    assert_ne!(other.order_no, first.order_no);
    let other_buyer = NewOrder { user_id: UserId(2), ..new_order() };
    let other_buyer = service.create.run(&other_buyer, &with_key("k1")).await.unwrap();
    assert_ne!(other_buyer.order_no, first.order_no, "a key belongs to one buyer");
}

#[tokio::test]
async fn the_same_key_for_another_request_is_refused() {
    let (world, service) = on_sale();
    service.create.run(&new_order(), &with_key("k1")).await.unwrap();
    let other = NewOrder { quantity: 1, ..new_order() };
    let error = service.create.run(&other, &with_key("k1")).await.unwrap_err();
    assert_eq!(error, ApiError::KeyReused);
    assert_eq!(world.bus.sent().len(), 1);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let (_world, service) = on_sale();
    let unknown = NewOrder { ticket_id: TicketId(5), ..new_order() };
    let error = service.create.run(&unknown, &with_key("k1")).await.unwrap_err();
    assert_eq!(invalid_fields(error), ["ticketId"]);
    let again = service.create.run(&unknown, &with_key("k1")).await.unwrap_err();
    assert_eq!(invalid_fields(again), ["ticketId"], "it is judged again, not in progress");
}

#[tokio::test]
async fn keys_that_are_no_printable_ascii_of_1_to_255_characters_are_refused_by_name() {
    let (_world, service) = on_sale();
    for key in [String::new(), "a\nb".to_owned(), "钥匙".to_owned(), "k".repeat(256)] {
        let error = service.create.run(&new_order(), &with_key(&key)).await.unwrap_err();
        assert_eq!(invalid_fields(error), ["Idempotency-Key"]);
    }
    service.create.run(&new_order(), &with_key(&"k".repeat(255))).await.unwrap();
}

#[tokio::test]
async fn while_the_first_request_may_still_run_a_repeat_is_told_when_to_come_back() {
    let (world, service) = on_sale();
    // The first request claims the key and is cut off before it saves.
    world.crash.at(1, Moment::BeforeEffect);
    service.create.run(&new_order(), &with_key("k1")).await.unwrap_err();
    world.crash.restart();
    world.clock.advance(Duration::from_secs(4));
    let error = service.create.run(&new_order(), &with_key("k1")).await.unwrap_err();
    assert_eq!(
        error,
        ApiError::KeyInProgress { retry_after: KEY_LEASE.checked_sub(Duration::from_secs(4)).unwrap() }
    );
}

#[tokio::test(start_paused = true)]
async fn wherever_the_process_dies_a_repeat_with_the_key_ends_with_one_order_and_its_message() {
    let mut cuts = 0;
    for call in 0.. {
        let mut reached = false;
        for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
            let (world, service) = on_sale();
            world.crash.at(call, moment);
            let first = service.create.run(&new_order(), &with_key("k1")).await;
            reached = world.crash.happened();
            world.crash.restart();
            world.clock.advance(KEY_LEASE + Duration::from_secs(1));

            let repeat = service.create.run(&new_order(), &with_key("k1")).await.unwrap();
            if let Ok(first) = first {
                assert_eq!(repeat, first, "cut {moment:?} call {call}");
            }
            let third = service.create.run(&new_order(), &with_key("k1")).await.unwrap();
            assert_eq!(third, repeat, "cut {moment:?} call {call}");

            let order = world.orders.snapshot(&repeat.order_no).unwrap();
            assert_eq!(repeat.expire_time, service.create.rules.zone.to_datetime(order.expires_at));
            let list = crate::ListOrders { user_id: UserId(9_527), limit: None, cursor: None };
            assert_eq!(
                service.orders.list(&list).await.unwrap().orders.len(),
                1,
                "cut {moment:?} call {call}"
            );
            let sent_or_marked = world.bus.sent().len() + world.orders.marked().len();
            assert!(sent_or_marked >= 1, "cut {moment:?} call {call}: the message is lost");
            cuts += usize::from(reached);
        }
        if !reached {
            break;
        }
    }
    assert!(cuts >= 10, "claim, catalogue, save, send, clear and record are each cut twice, was {cuts}");
}
