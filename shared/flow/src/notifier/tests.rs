use std::time::Duration;

use boxoffice_domain::ports::{ProviderError, StoreError};
use boxoffice_domain::testing::{Moment, World};
use boxoffice_runtime::Delivery;
use boxoffice_runtime::testing::{context, context_of, delivery};

use super::*;

fn notifier(world: &World) -> ChannelNotifier {
    let ports = world.ports();
    ChannelNotifier::new("sms-notification", &ports, world.settings().idempotency, &ports.sms)
}

fn message() -> NotificationMessage {
    NotificationMessage {
        order_no: Some("T1".to_owned()),
        template: Some("ORDER_PAID".to_owned()),
        content: Some("Your order T1 is paid.".to_owned()),
        ..NotificationMessage::default()
    }
}

async fn deliver(world: &World, message: &NotificationMessage) -> Outcome {
    notifier(world).deliver(message, "13800000000", &context()).await
}

#[tokio::test]
async fn each_event_of_an_order_is_delivered_by_itself() {
    let world = World::new();
    let cancelled = NotificationMessage { template: Some("ORDER_CANCELLED".to_owned()), ..message() };
    assert_eq!(deliver(&world, &message()).await, Outcome::Done);
    assert_eq!(deliver(&world, &cancelled).await, Outcome::Done);
    assert_eq!(world.provider.delivered().len(), 2);
}

#[tokio::test]
async fn a_repeat_with_other_words_is_still_a_repeat() {
    let world = World::new();
    let other = NotificationMessage { content: Some("Paid!".to_owned()), ..message() };
    assert_eq!(deliver(&world, &message()).await, Outcome::Done);
    assert_eq!(deliver(&world, &other).await, Outcome::Duplicate);
}

#[tokio::test]
async fn a_redrive_delivers_again_under_the_same_key_of_the_provider() {
    let world = World::new();
    assert_eq!(deliver(&world, &message()).await, Outcome::Done);
    let redriven = context_of(Delivery { generation: 1, ..delivery() });
    assert_eq!(notifier(&world).deliver(&message(), "13800000000", &redriven).await, Outcome::Done);
    let keys: Vec<_> = world.provider.delivered().into_iter().map(|notice| notice.idempotency_key).collect();
    assert_eq!(keys, ["sms-notification/T1/ORDER_PAID", "sms-notification/T1/ORDER_PAID"]);
}

#[tokio::test]
async fn a_provider_that_says_when_to_come_back_is_obeyed() {
    let world = World::new();
    let after = Duration::from_secs(30);
    world.provider.fail_next(1, ProviderError::TryLater { because: "busy".to_owned(), after: Some(after) });
    let expected = Outcome::retry_after(after, "the provider is temporarily unavailable: busy");
    assert_eq!(deliver(&world, &message()).await, expected);
    assert_eq!(deliver(&world, &message()).await, Outcome::Done);
}

#[tokio::test]
async fn a_message_without_a_needed_field_is_poison_that_names_it() {
    let world = World::new();
    let cases = [
        (NotificationMessage { order_no: None, ..message() }, "orderNo"),
        (NotificationMessage { template: None, ..message() }, "template"),
        (NotificationMessage { content: None, ..message() }, "content"),
    ];
    for (message, field) in cases {
        let expected = Outcome::poison(format!("NotificationMessage has no {field}"));
        assert_eq!(deliver(&world, &message).await, expected);
    }
    assert!(world.idempotency.is_empty());
}

#[tokio::test]
async fn nothing_is_delivered_while_the_record_cannot_be_made() {
    let world = World::new();
    world.idempotency.fail_next(1, StoreError::Unavailable("away".to_owned()));
    assert!(matches!(deliver(&world, &message()).await, Outcome::Retry { .. }));
    assert!(world.provider.delivered().is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_it_waits_for_the_lease_and_repeats_only_what_may_not_have_happened() {
    for (call, moment, deliveries) in [
        (0, Moment::AfterEffect, 1),
        (1, Moment::BeforeEffect, 1),
        // The provider accepted it but the answer was lost: the one case in which a repeat is allowed.
        (1, Moment::AfterEffect, 2),
        (2, Moment::BeforeEffect, 2),
        (2, Moment::AfterEffect, 1),
    ] {
        let world = World::new();
        world.crash.at(call, moment);
        let _ = deliver(&world, &message()).await;
        assert!(world.crash.happened());
        world.crash.restart();
        world.clock.advance(Duration::from_secs(61));
        let outcome = deliver(&world, &message()).await;
        assert!(matches!(outcome, Outcome::Done | Outcome::Duplicate), "cut {call} {moment:?}: {outcome:?}");
        assert_eq!(world.provider.delivered().len(), deliveries, "cut {call} {moment:?}");
    }
}
