use boxoffice_domain::ports::ProviderError;
use boxoffice_domain::testing::World;
use boxoffice_runtime::testing::context;

use super::*;

fn message(phone: Option<&str>) -> NotificationMessage {
    NotificationMessage {
        order_no: Some("T1".to_owned()),
        phone: phone.map(str::to_owned),
        template: Some("ORDER_PAID".to_owned()),
        title: Some("Order paid".to_owned()),
        content: Some("Your order T1 is paid.".to_owned()),
        ..NotificationMessage::default()
    }
}

async fn handle(world: &World, message: NotificationMessage) -> Outcome {
    SmsNotification::new(&world.ports(), &world.settings()).handle(message, &context()).await
}

#[tokio::test]
async fn a_notification_is_delivered_once() {
    let world = World::new();
    assert_eq!(handle(&world, message(Some("+86 138-0000-0000"))).await, Outcome::Done);
    assert_eq!(handle(&world, message(Some("+86 138-0000-0000"))).await, Outcome::Duplicate);
    let delivered = world.provider.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].to, "+86 138-0000-0000");
    assert_eq!(delivered[0].idempotency_key, "sms-notification/T1/ORDER_PAID");
}

#[tokio::test]
async fn an_address_that_is_missing_or_can_never_work_is_poison() {
    let world = World::new();
    assert_eq!(handle(&world, message(None)).await, Outcome::poison("NotificationMessage has no phone"));
    for never in ["", "1380000000x", "12", "123456789012345678901"] {
        let outcome = handle(&world, message(Some(never))).await;
        assert!(
            matches!(&outcome, Outcome::Poison { because } if because.contains("phone")),
            "{never}: {outcome:?}"
        );
        assert!(never.is_empty() || !format!("{outcome:?}").contains(never), "the address is in the reason");
    }
    assert!(world.provider.delivered().is_empty());
}

#[tokio::test]
async fn a_provider_that_cannot_take_it_now_is_tried_again() {
    let world = World::new();
    world.provider.fail_next(1, ProviderError::TryLater { because: "busy".to_owned(), after: None });
    assert!(matches!(
        handle(&world, message(Some("+86 138-0000-0000"))).await,
        Outcome::Retry { after: None, .. }
    ));
    assert_eq!(handle(&world, message(Some("+86 138-0000-0000"))).await, Outcome::Done);
}

#[tokio::test]
async fn what_the_provider_refuses_is_poison() {
    let world = World::new();
    world.provider.fail_next(1, ProviderError::Refused("no such user".to_owned()));
    assert!(matches!(handle(&world, message(Some("+86 138-0000-0000"))).await, Outcome::Poison { .. }));
}
