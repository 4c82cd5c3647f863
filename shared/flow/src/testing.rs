//! Tests that the functions of all notification channels share.

/// The tests of a function that delivers notifications on one channel. To be called in the function's module of tests,
/// with the type of the function, the field of the message that holds the address and its name in JSON, an address that
/// works, and addresses that can never work.
///
/// The function's crate needs `boxoffice-domain` and `boxoffice-runtime` with their feature `testing`, and `tokio`.
#[macro_export]
macro_rules! channel_function_tests {
    ($function:ident, $field:ident $name:literal, works $works:literal, never $never:expr) => {
        use ::boxoffice_domain::ports::ProviderError;
        use ::boxoffice_domain::testing::World;
        use ::boxoffice_messages::NotificationMessage;
        use ::boxoffice_runtime::testing::context;
        use ::boxoffice_runtime::{Handler as _, Outcome};

        async fn handle(world: &World, address: Option<&str>) -> Outcome {
            let message = NotificationMessage {
                order_no: Some("T1".to_owned()),
                $field: address.map(str::to_owned),
                template: Some("ORDER_PAID".to_owned()),
                title: Some("Order paid".to_owned()),
                content: Some("Your order T1 is paid.".to_owned()),
                ..NotificationMessage::default()
            };
            $function::new(&world.ports(), &world.settings()).handle(message, &context()).await
        }

        #[tokio::test]
        async fn a_notification_is_delivered_once() {
            let world = World::new();
            assert_eq!(handle(&world, Some($works)).await, Outcome::Done);
            assert_eq!(handle(&world, Some($works)).await, Outcome::Duplicate);
            let delivered = world.provider.delivered();
            assert_eq!(delivered.len(), 1);
            assert_eq!(delivered[0].to, $works);
            assert_eq!(delivered[0].idempotency_key, format!("{NAME}/T1/ORDER_PAID"));
        }

        #[tokio::test]
        async fn an_address_that_is_missing_or_can_never_work_is_poison() {
            let world = World::new();
            let missing = format!("NotificationMessage has no {}", $name);
            assert_eq!(handle(&world, None).await, Outcome::poison(missing));
            for never in $never {
                let outcome = handle(&world, Some(never)).await;
                assert!(
                    matches!(&outcome, Outcome::Poison { because } if because.contains($name)),
                    "{never}: {outcome:?}"
                );
                let shown = format!("{outcome:?}");
                assert!(never.is_empty() || !shown.contains(never), "the address is in the reason: {shown}");
            }
            assert!(world.provider.delivered().is_empty());
        }

        #[tokio::test]
        async fn a_provider_that_cannot_take_it_now_is_tried_again() {
            let world = World::new();
            world.provider.fail_next(1, ProviderError::TryLater { because: "busy".to_owned(), after: None });
            assert!(matches!(handle(&world, Some($works)).await, Outcome::Retry { after: None, .. }));
            assert_eq!(handle(&world, Some($works)).await, Outcome::Done);
        }

        #[tokio::test]
        async fn what_the_provider_refuses_is_poison() {
            let world = World::new();
            world.provider.fail_next(1, ProviderError::Refused("no such user".to_owned()));
            assert!(matches!(handle(&world, Some($works)).await, Outcome::Poison { .. }));
        }
    };
}
