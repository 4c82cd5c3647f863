use std::time::Duration;

use boxoffice_domain::ports::{
    Bus, DeadLetter, DeadLetterFilter, DeadLetterStore, Outgoing, Page, Redeliver, SendError,
};
use boxoffice_messages::{dead_letter_topic, group, tag, topic};
use boxoffice_runtime::{
    ConsumerSettings, DEAD_LETTER_ATTEMPTS, DEAD_LETTER_GENERATION, DEAD_LETTER_GROUP,
    DEAD_LETTER_MESSAGE_ID, DEAD_LETTER_NO_GROUP, DEAD_LETTER_REASON, DEAD_LETTER_TAG, DEAD_LETTER_TOPIC,
    Delivery, Outcome, RetryPolicy, Subscription,
};

use crate::support::{Place, Scripted, created, drained, letter, message, queue_of, quick, run};

fn letters_of(group: &str) -> Subscription {
    Subscription {
        group: group::DLQ_HANDLER,
        topics: vec![boxoffice_runtime::TopicFilter {
            topic: dead_letter_topic(group).into(),
            tags: Vec::new(),
        }],
    }
}

/// Runs order-process with these answers until nothing is left; returns the dead letters.
async fn letters_after(place: &Place, answer: fn() -> Outcome) -> Vec<Delivery> {
    let store = place.open();
    let mut sent = message("T1");
    sent.properties = vec![("traceparent".to_owned(), "00-1".to_owned())];
    store.send(sent).await.unwrap();
    let function = Scripted::new(created(), move |_| Some(answer()));
    let running = run(&store, function, quick());
    drained(&store, group::ORDER_PROCESS).await;
    running.stop().await.unwrap();
    let letters = Scripted::new(letters_of(group::ORDER_PROCESS), |_| Some(Outcome::Done));
    let running = run(&store, letters.clone(), quick());
    drained(&store, group::DLQ_HANDLER).await;
    running.stop().await.unwrap();
    letters.seen()
}

#[tokio::test]
async fn poison_becomes_a_dead_letter_at_once_that_tells_where_it_came_from() {
    let letters = letters_after(&Place::new(), || Outcome::poison("no ticketId")).await;
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(&*letter.topic, "%DLQ%order-process-consumer-group");
    assert_eq!(letter.key.as_deref(), Some("T1"));
    assert_eq!(&letter.body[..], b"{\"orderNo\":\"T1\"}");
    let property = |name| letter.property(name).unwrap_or("absent");
    assert_eq!(property(DEAD_LETTER_REASON), "no ticketId");
    assert_eq!(property(DEAD_LETTER_GROUP), group::ORDER_PROCESS);
    assert_eq!(property(DEAD_LETTER_TOPIC), topic::ORDER);
    assert_eq!(property(DEAD_LETTER_TAG), tag::ORDER_CREATED);
    assert_eq!(property(DEAD_LETTER_ATTEMPTS), "1");
    assert_eq!(property(DEAD_LETTER_GENERATION), "0");
    assert_eq!(property("traceparent"), "00-1");
    assert_ne!(property(DEAD_LETTER_MESSAGE_ID), &*letter.message_id);
}

#[tokio::test]
async fn a_message_whose_attempts_are_used_up_becomes_a_dead_letter_with_the_last_reason() {
    let letters = letters_after(&Place::new(), || Outcome::retry("the catalogue is away")).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].property(DEAD_LETTER_ATTEMPTS), Some("3"));
    assert_eq!(letters[0].property(DEAD_LETTER_REASON), Some("the catalogue is away"));
}

#[tokio::test]
async fn a_lease_that_runs_out_at_the_last_attempt_makes_a_dead_letter() {
    let place = Place::new();
    let store = place.open();
    store.send(message("T1")).await.unwrap();
    let stuck = Scripted::new(created(), |_| None);
    let retry = RetryPolicy { max_attempts: 1, ..RetryPolicy::default() };
    let settings = ConsumerSettings { lease: Duration::from_millis(20), retry, ..quick() };
    let running = run(&store, stuck, settings);
    drained(&store, group::ORDER_PROCESS).await;
    running.stop().await.unwrap();
    let letters = Scripted::new(letters_of(group::ORDER_PROCESS), |_| Some(Outcome::Done));
    let running = run(&store, letters.clone(), quick());
    letters.has_seen(1).await;
    running.stop().await.unwrap();
    assert_eq!(letters.seen()[0].property(DEAD_LETTER_REASON), Some("the worker took longer than its lease"));
}

#[tokio::test]
async fn a_message_that_no_group_takes_becomes_a_dead_letter() {
    let place = Place::new();
    let store = place.open();
    store.send(Outgoing::new("UNKNOWN_TOPIC", "TAG", "T1", "{}")).await.unwrap();
    let letters = Scripted::new(letters_of(group::ORDER_PROCESS), |_| Some(Outcome::Done));
    let running = run(&store, letters.clone(), quick());
    letters.has_seen(1).await;
    running.stop().await.unwrap();
    let letter = &letters.seen()[0];
    assert_eq!(letter.property(DEAD_LETTER_GROUP), Some(DEAD_LETTER_NO_GROUP));
    let reason = letter.property(DEAD_LETTER_REASON).unwrap();
    assert_eq!(reason, "no consumer group takes topic UNKNOWN_TOPIC with tag TAG");
}

#[tokio::test]
async fn two_groups_that_give_up_one_message_leave_two_letters() {
    let place = Place::new();
    let store = place.open();
    let audit = Subscription::new("audit", topic::ORDER, &[]);
    store.subscribe(&audit).await.unwrap();
    store.send(message("T1")).await.unwrap();
    let poison = |subscription| Scripted::new(subscription, |_| Some(Outcome::poison("bad")));
    let (one, other) = (run(&store, poison(created()), quick()), run(&store, poison(audit), quick()));
    drained(&store, group::ORDER_PROCESS).await;
    drained(&store, "audit").await;
    one.stop().await.unwrap();
    other.stop().await.unwrap();
    assert_eq!(queue_of(&store, group::DLQ_HANDLER).await.waiting, 2);
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_kept_is_tried_for_ever() {
    let place = Place::new();
    let store = place.open();
    store.send(Outgoing::new("UNKNOWN_TOPIC", "TAG", "T1", "{}")).await.unwrap();
    let letters = Scripted::new(letters_of(group::ORDER_PROCESS), |delivery| {
        Some(match delivery.attempt {
            attempt if attempt >= 10 => Outcome::Done,
            attempt if attempt % 2 == 0 => Outcome::poison("bad"),
            _ => Outcome::retry("away"),
        })
    });
    let running = run(&store, letters.clone(), quick());
    letters.has_seen(10).await;
    drained(&store, group::DLQ_HANDLER).await;
    running.stop().await.unwrap();
    assert_eq!(letters.seen().len(), 10);
}

#[tokio::test]
async fn a_redrive_reaches_only_the_group_that_failed_and_takes_the_letter_away() {
    let place = Place::new();
    let store = place.open();
    store.subscribe(&Subscription::new("audit", topic::STOCK, &[])).await.unwrap();
    let mut kept = letter("l1", group::STOCK_MANAGEMENT);
    kept.properties.push((DEAD_LETTER_REASON.to_owned(), "away".to_owned()));
    store.put(&kept).await.unwrap();

    store.redeliver(&kept).await.unwrap();
    assert!(store.counts().await.unwrap().is_empty());
    assert_eq!(queue_of(&store, "audit").await.total(), 0);
    let stock = Subscription::new(group::STOCK_MANAGEMENT, topic::STOCK, &[tag::STOCK_DEDUCT]);
    let function = Scripted::new(stock, |_| Some(Outcome::Done));
    let running = run(&store, function.clone(), quick());
    function.has_seen(1).await;
    running.stop().await.unwrap();
    let again = &function.seen()[0];
    assert_eq!((again.attempt, again.generation, again.sys_flag), (1, 3, 1));
    assert_eq!((&*again.topic, again.tag.as_deref()), (topic::STOCK, Some(tag::STOCK_DEDUCT)));
    assert_eq!(again.properties, [("traceparent".to_owned(), "00-1".to_owned())]);
    assert_eq!(again.body, kept.body);
}

#[tokio::test]
async fn a_redrive_to_a_group_that_does_not_exist_is_refused_and_the_letter_stays() {
    let place = Place::new();
    let store = place.open();
    let kept = letter("l1", "nobody");
    store.put(&kept).await.unwrap();
    let refused = store.redeliver(&kept).await.unwrap_err();
    assert!(matches!(&refused, SendError::Rejected(why) if why.contains("nobody")), "{refused}");
    assert_eq!(store.counts().await.unwrap().into_values().sum::<u64>(), 1);
}

#[tokio::test]
async fn letters_are_listed_oldest_first_page_by_page_and_by_filter() {
    let place = Place::new();
    let store = place.open();
    for number in [3_i64, 1, 2] {
        let mut kept = letter(&format!("l{number}"), group::STOCK_MANAGEMENT);
        kept.stored_at = crate::support::at(number);
        assert!(store.put(&kept).await.unwrap());
        assert!(!store.put(&kept).await.unwrap(), "storing it twice stores it once");
    }
    let all = DeadLetterFilter::default();
    let first = store.list(&all, 2, None).await.unwrap();
    let ids = |page: &Page<DeadLetter>| page.items.iter().map(|letter| letter.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&first), ["l1", "l2"]);
    let rest = store.list(&all, 2, first.next.as_deref()).await.unwrap();
    assert_eq!((ids(&rest), rest.next), (vec!["l3".to_owned()], None));
    let other = DeadLetterFilter { group: Some("x".to_owned()), ..all };
    assert!(store.list(&other, 2, None).await.unwrap().items.is_empty());
    assert!(store.remove("l1").await.unwrap());
    assert!(!store.remove("l1").await.unwrap());
}

#[tokio::test]
async fn no_page_looks_at_more_than_a_thousand_letters() {
    let place = Place::new();
    let store = place.open();
    let puts = (0..1_002).map(|number| {
        let group = if number == 1_001 { group::ORDER_PAID } else { group::STOCK_MANAGEMENT };
        let mut kept = letter(&format!("l{number:04}"), group);
        kept.stored_at = crate::support::at(1);
        let store = store.clone();
        tokio::spawn(async move { store.put(&kept).await.unwrap() })
    });
    for put in puts.collect::<Vec<_>>() {
        assert!(put.await.unwrap());
    }
    let last = DeadLetterFilter { group: Some(group::ORDER_PAID.to_owned()), ..DeadLetterFilter::default() };
    let first = store.list(&last, 10, None).await.unwrap();
    assert!(first.items.is_empty() && first.next.is_some());
    let rest = store.list(&last, 10, first.next.as_deref()).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
}
