use boxoffice_domain::ports::StoreError;
use boxoffice_domain::testing::{Moment, World};
use boxoffice_runtime::testing::{context_of, delivery};

use super::*;

/// A dead letter as a bus of ours hands it over.
fn dead(reason: &str) -> Delivery {
    let properties = [
        (DEAD_LETTER_GROUP, group::SMS_NOTIFICATION),
        (DEAD_LETTER_TOPIC, "NOTIFICATION_TOPIC"),
        (DEAD_LETTER_TAG, "SMS"),
        (DEAD_LETTER_MESSAGE_ID, "m7"),
        (DEAD_LETTER_ATTEMPTS, "16"),
        (DEAD_LETTER_GENERATION, "1"),
        (DEAD_LETTER_REASON, reason),
        ("traceparent", "00-a-b-01"),
    ];
    Delivery {
        topic: Arc::from("%DLQ%sms-notification-consumer-group"),
        key: Some(Arc::from("T1")),
        body: "not json".into(),
        sys_flag: 1,
        properties: properties.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ..delivery()
    }
}

async fn handle(world: &World, delivery: Delivery) -> Outcome {
    DlqHandler::new(&world.ports()).handle(Undecoded, &context_of(delivery)).await
}

#[tokio::test]
async fn a_letter_is_stored_with_all_that_is_known_and_an_alert_is_raised() {
    let world = World::new();
    assert_eq!(handle(&world, dead("the body cannot be read")).await, Outcome::Done);
    let letters = world.dead_letters.all();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!(letter.group, group::SMS_NOTIFICATION);
    assert_eq!((letter.topic.as_str(), letter.tag.as_deref()), ("NOTIFICATION_TOPIC", Some("SMS")));
    assert_eq!((letter.message_id.as_str(), letter.key.as_deref()), ("m7", Some("T1")));
    assert_eq!((letter.attempts, letter.generation, letter.sys_flag), (16, 1, 1));
    assert_eq!(letter.error, "the body cannot be read");
    assert_eq!(&letter.body[..], b"not json");
    assert_eq!(letter.properties, [("traceparent".to_owned(), "00-a-b-01".to_owned())]);
    assert!(letter.id.starts_with("sms-notification-1-"), "{}", letter.id);
    let expected = Alert::DeadLetter {
        group: letter.group.clone(),
        id: letter.id.clone(),
        error: "the body cannot be read".to_owned(),
    };
    assert_eq!(world.alerts.raised(), [expected]);
}

#[tokio::test]
async fn a_broker_that_says_nothing_still_leaves_the_group_the_topic_and_the_tag() {
    let world = World::new();
    let bare = Delivery { tag: Some(Arc::from("SMS")), properties: Vec::new(), ..dead("") };
    assert_eq!(handle(&world, bare).await, Outcome::Done);
    let letter = &world.dead_letters.all()[0];
    assert_eq!(letter.group, group::SMS_NOTIFICATION);
    assert_eq!((letter.topic.as_str(), letter.tag.as_deref()), ("NOTIFICATION_TOPIC", Some("SMS")));
    assert!(letter.error.starts_with("all attempts were used up"));
}

#[tokio::test]
async fn the_same_letter_again_is_a_duplicate_without_a_second_alert() {
    let world = World::new();
    assert_eq!(handle(&world, dead("x")).await, Outcome::Done);
    assert_eq!(handle(&world, dead("x")).await, Outcome::Duplicate);
    assert_eq!((world.dead_letters.all().len(), world.alerts.raised().len()), (1, 1));
}

#[tokio::test]
async fn messages_that_share_an_id_and_later_redrives_are_letters_of_their_own() {
    let world = World::new();
    let other_body = Delivery { body: "other".into(), ..dead("x") };
    let other_key = Delivery { key: Some(Arc::from("T2")), ..dead("x") };
    let mut redriven = dead("x");
    redriven.properties[5].1 = "2".to_owned();
    for delivery in [dead("x"), other_body, other_key, redriven] {
        assert_eq!(handle(&world, delivery).await, Outcome::Done);
    }
    assert_eq!(world.dead_letters.all().len(), 4);
}

#[tokio::test]
async fn a_store_that_is_away_or_refuses_is_a_retry_so_that_no_letter_is_lost() {
    let world = World::new();
    world.dead_letters.fail_next(1, StoreError::Unavailable("away".to_owned()));
    assert!(matches!(handle(&world, dead("x")).await, Outcome::Retry { .. }));
    world.dead_letters.fail_next(1, StoreError::Invalid("too large".to_owned()));
    assert!(matches!(handle(&world, dead("x")).await, Outcome::Retry { .. }));
    assert_eq!(handle(&world, dead("x")).await, Outcome::Done);
}

#[tokio::test]
async fn a_redelivery_raises_the_alert_that_a_crash_may_have_lost() {
    let world = World::new();
    world.crash.at(0, Moment::AfterEffect);
    assert!(matches!(handle(&world, dead("x")).await, Outcome::Retry { .. }));
    world.crash.restart();
    let again = Delivery { attempt: 2, ..dead("x") };
    assert_eq!(handle(&world, again).await, Outcome::Duplicate);
    assert_eq!(world.alerts.raised().len(), 1);
}

#[test]
fn it_listens_to_the_dead_letters_of_every_group() {
    let subscription = DlqHandler::new(&World::new().ports()).subscription();
    assert_eq!(subscription.group, "dlq-handler-group");
    assert_eq!(subscription.topics.len(), ROUTES.len());
    for (topic, route) in subscription.topics.iter().zip(ROUTES) {
        assert_eq!(topic.topic, format!("%DLQ%{}", route.group));
        assert!(topic.tags.is_empty(), "every tag");
    }
}
