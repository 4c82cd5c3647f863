use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use boxoffice_domain::ports::{Bus, Outgoing, SendError};
use boxoffice_domain::testing::VirtualClock;
use boxoffice_embedded::{Embedded, MAX_BODY_BYTES, Options};
use boxoffice_messages::{group, tag, topic};
use boxoffice_runtime::{
    ConsumerSettings, Context, Engine, Handler, Outcome, RetryPolicy, Subscription, Undecoded,
};

use crate::support::{PATIENCE, Place, Scripted, at, created, drained, message, queue_of, quick, run, until};

#[tokio::test]
async fn a_message_arrives_as_it_was_sent() {
    let place = Place::new();
    let clock = Arc::new(VirtualClock::new(at(0)));
    let store = place.open_at(&clock);
    let mut sent = message("T1");
    sent.sys_flag = 3;
    sent.properties = vec![("traceparent".to_owned(), "00-\u{1F3AB}\0".to_owned())];
    let id = store.send(sent.clone()).await.unwrap();
    let function = Scripted::done();
    let running = run(&store, function.clone(), quick());
    function.has_seen(1).await;
    running.stop().await.unwrap();
    let seen = &function.seen()[0];
    assert_eq!(
        (&*seen.topic, seen.tag.as_deref(), seen.key.as_deref()),
        (topic::ORDER, Some(tag::ORDER_CREATED), Some("T1"))
    );
    assert_eq!((seen.body.clone(), seen.sys_flag), (sent.body, 3));
    assert_eq!(*seen.message_id, id.0);
    assert_eq!((seen.attempt, seen.generation), (1, 0));
    assert_eq!(seen.properties, sent.properties);
    assert_eq!((seen.sent_at, seen.available_at), (Some(at(0)), Some(at(0))));
}

#[tokio::test]
async fn every_group_gets_a_message_and_each_only_its_tags() {
    let place = Place::new();
    let everything = Subscription::new("audit", topic::ORDER, &[]);
    let store = place.open();
    store.subscribe(&everything).await.unwrap();
    let untagged = Outgoing { tag: None, ..message("T3") };
    let paid = Outgoing { tag: Some(tag::ORDER_PAID.into()), ..message("T2") };
    for sent in store.send_all(vec![message("T1"), paid, untagged]).await {
        sent.unwrap();
    }
    let (orders, audit) = (Scripted::done(), Scripted::new(everything, |_| Some(Outcome::Done)));
    let (first, second) = (run(&store, orders.clone(), quick()), run(&store, audit.clone(), quick()));
    audit.has_seen(3).await;
    orders.has_seen(1).await;
    drained(&store, group::ORDER_PROCESS).await;
    first.stop().await.unwrap();
    second.stop().await.unwrap();
    assert_eq!(orders.keys(), ["T1"]);
    assert_eq!(audit.keys(), ["T1", "T2", "T3"]);
}

#[tokio::test]
async fn a_group_that_is_not_running_and_not_named_at_the_next_start_gets_its_messages() {
    let place = Place::new();
    let audit = Subscription::new("audit", topic::STOCK, &[]);
    place.open().subscribe(&audit).await.unwrap();
    let options = Options { subscriptions: Vec::new(), ..Options::default() };
    let store = Embedded::open(place.file(), options).unwrap();
    store.send(Outgoing::new(topic::STOCK, "ANY", "T1", "{}")).await.unwrap();
    assert_eq!(queue_of(&store, "audit").await.waiting, 1);
}

#[tokio::test]
async fn a_group_that_subscribes_again_takes_only_what_it_says_now() {
    let place = Place::new();
    let store = place.open();
    store.subscribe(&Subscription::new("audit", topic::ORDER, &[])).await.unwrap();
    store.subscribe(&Subscription::new("audit", topic::ORDER, &[tag::ORDER_PAID])).await.unwrap();
    store.send(message("T1")).await.unwrap();
    assert_eq!(queue_of(&store, "audit").await.waiting, 0);
}

#[tokio::test]
async fn competing_workers_handle_each_message_once() {
    let place = Place::new();
    let store = place.open();
    let messages = (0..1_000).map(|number| message(&format!("T{number}"))).collect();
    for sent in store.send_all(messages).await {
        sent.unwrap();
    }
    let function = Scripted::done();
    let settings = ConsumerSettings { workers: 4, batch: 7, ..quick() };
    let (one, other) =
        (run(&store, function.clone(), settings.clone()), run(&store, function.clone(), settings));
    drained(&store, group::ORDER_PROCESS).await;
    one.stop().await.unwrap();
    other.stop().await.unwrap();
    let mut keys = function.keys();
    keys.sort();
    keys.dedup();
    assert_eq!((keys.len(), function.seen().len()), (1_000, 1_000));
}

/// Waits until nothing but `count` delayed messages is left of order-process's queue, every answer written.
async fn only_delayed(store: &Embedded, count: u64) {
    let begun = std::time::Instant::now();
    loop {
        let queue = queue_of(store, group::ORDER_PROCESS).await;
        if (queue.total(), queue.delayed) == (count, count) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {count} delayed messages: {queue:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_delayed_message_comes_when_it_is_due_and_not_before() {
    let place = Place::new();
    let clock = Arc::new(VirtualClock::new(at(0)));
    let store = place.open_at(&clock);
    let function = Scripted::done();
    let running = run(&store, function.clone(), quick());
    store.send(message("late").deliver_at(at(900))).await.unwrap();
    store.send(message("now")).await.unwrap();
    function.has_seen(1).await;
    clock.set(at(899));
    store.wake();
    store.send(message("again")).await.unwrap();
    function.has_seen(2).await;
    assert_eq!(function.keys(), ["now", "again"]);
    only_delayed(&store, 1).await;

    clock.set(at(900));
    store.wake();
    function.has_seen(3).await;
    running.stop().await.unwrap();
    let seen = &function.seen()[2];
    assert_eq!((seen.key.as_deref(), seen.available_at), (Some("late"), Some(at(900))));
}

#[tokio::test]
async fn a_sleeping_worker_wakes_for_a_message_that_is_due_soon() {
    let place = Place::new();
    let store = place.open();
    let function = Scripted::done();
    let running = run(&store, function.clone(), quick());
    let due = jiff::Timestamp::now() + Duration::from_millis(30);
    store.send(message("T1").deliver_at(due)).await.unwrap();
    function.has_seen(1).await;
    assert!(jiff::Timestamp::now() >= due);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_retry_waits_for_the_backoff_of_its_attempt() {
    let place = Place::new();
    let clock = Arc::new(VirtualClock::new(at(0)));
    let store = place.open_at(&clock);
    store.send(message("T1")).await.unwrap();
    let function = Scripted::new(created(), |delivery| {
        Some(if delivery.attempt < 3 { Outcome::retry("away") } else { Outcome::Done })
    });
    let retry = RetryPolicy { first_delay: Duration::from_secs(100), ..RetryPolicy::default() };
    let running = run(&store, function.clone(), ConsumerSettings { retry, ..quick() });
    function.has_seen(1).await;
    only_delayed(&store, 1).await;
    // The delay after the first attempt lies in 50 s to 100 s, after the second in 100 s to 200 s.
    clock.set(at(49));
    store.wake();
    store.send(message("other")).await.unwrap();
    function.has_seen(2).await;
    assert_eq!(function.keys(), ["T1", "other"]);
    clock.set(at(101));
    store.wake();
    until("the second attempt of T1", || function.seen().iter().any(|seen| seen.attempt == 2)).await;
    // Its backoff counts from the write of the answer, so the clock must not move before; the other waits as well.
    only_delayed(&store, 2).await;
    clock.set(at(1_000));
    until("the third attempt of T1", || {
        store.wake();
        function.seen().iter().any(|seen| seen.attempt == 3)
    })
    .await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_retry_with_a_delay_of_its_own_keeps_to_it() {
    let place = Place::new();
    let clock = Arc::new(VirtualClock::new(at(0)));
    let store = place.open_at(&clock);
    store.send(message("T1")).await.unwrap();
    let function = Scripted::new(created(), |delivery| {
        let later = Outcome::retry_after(Duration::from_secs(5), "not yet");
        Some(if delivery.attempt == 1 { later } else { Outcome::Done })
    });
    let running = run(&store, function.clone(), quick());
    function.has_seen(1).await;
    while queue_of(&store, group::ORDER_PROCESS).await.delayed == 0 {
        tokio::task::yield_now().await;
    }
    clock.set(at(6));
    store.wake();
    function.has_seen(2).await;
    running.stop().await.unwrap();
    let second = function.seen()[1].available_at.unwrap();
    assert!(second >= at(5) && second < at(6), "{second}");
}

#[tokio::test]
async fn a_lease_that_runs_out_gives_the_message_to_another_and_the_late_answer_changes_nothing() {
    let place = Place::new();
    let store = place.open();
    store.send(message("T1")).await.unwrap();
    let (release, answered) = (Arc::new(tokio::sync::Notify::new()), Arc::new(AtomicBool::new(false)));
    let slow = Arc::new(Late { release: release.clone(), answered: answered.clone() });
    let settings = ConsumerSettings { workers: 1, lease: Duration::from_millis(30), ..quick() };
    let first = run(&store, slow, settings);
    until("the lease of the first worker ran out", || answered.load(Ordering::SeqCst)).await;

    // Meanwhile a second consumer gets it, fails once, and the late answer Done of the first arrives in between.
    let tries = Arc::new(AtomicU32::new(0));
    let counted = tries.clone();
    let second = Scripted::new(created(), move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Some(Outcome::retry_after(Duration::from_secs(3_600), "kept"))
    });
    let other = run(&store, second.clone(), quick());
    second.has_seen(1).await;
    assert_eq!(second.seen()[0].attempt, 2);
    while queue_of(&store, group::ORDER_PROCESS).await.delayed == 0 {
        tokio::task::yield_now().await;
    }
    release.notify_one();
    until("the first worker answered late", || !answered.load(Ordering::SeqCst)).await;
    first.stop().await.unwrap();
    other.stop().await.unwrap();
    assert_eq!(queue_of(&store, group::ORDER_PROCESS).await.delayed, 1, "the late answer deleted it");
}

/// Answers Done long after its lease ran out.
struct Late {
    release: Arc<tokio::sync::Notify>,
    answered: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl boxoffice_runtime::Function for Late {
    fn name(&self) -> &'static str {
        "late"
    }

    fn subscription(&self) -> Subscription {
        created()
    }

    async fn process(
        &self,
        batch: Vec<boxoffice_runtime::Delivery>,
        _: boxoffice_runtime::BatchLimits,
        settle: &dyn boxoffice_runtime::Settle,
    ) {
        self.answered.store(true, Ordering::SeqCst);
        self.release.notified().await;
        let settled = (0..batch.len())
            .map(|index| boxoffice_runtime::Settled { index, outcome: Some(Outcome::Done) })
            .collect();
        settle.settle(settled).await;
        self.answered.store(false, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_stop_in_mid_batch_hands_back_what_is_not_finished_at_the_same_attempt() {
    let place = Place::new();
    let store = place.open();
    for key in ["T1", "T2"] {
        store.send(message(key)).await.unwrap();
    }
    let half =
        Scripted::new(created(), |delivery| (delivery.key.as_deref() == Some("T1")).then_some(Outcome::Done));
    let running = run(&store, half.clone(), quick());
    half.has_seen(2).await;
    running.stop().await.unwrap();

    let function = Scripted::done();
    let running = run(&store, function.clone(), quick());
    function.has_seen(1).await;
    drained(&store, group::ORDER_PROCESS).await;
    running.stop().await.unwrap();
    assert_eq!(function.keys(), ["T2"]);
    assert_eq!(function.seen()[0].attempt, 1);
}

/// Handles a message when it is told to.
struct Held {
    started: Arc<AtomicBool>,
    release: Arc<tokio::sync::Notify>,
}

#[async_trait::async_trait]
impl Handler for Held {
    type Message = Undecoded;

    fn subscription(&self) -> Subscription {
        created()
    }

    async fn handle(&self, _: Undecoded, _: &Context) -> Outcome {
        self.started.store(true, Ordering::SeqCst);
        self.release.notified().await;
        Outcome::Done
    }
}

#[tokio::test]
async fn what_a_stop_hands_back_comes_to_another_consumer_while_the_first_still_works() {
    let place = Place::new();
    let store = place.open();
    for key in ["T1", "T2", "T3"] {
        store.send(message(key)).await.unwrap();
    }
    let (started, release) = (Arc::new(AtomicBool::new(false)), Arc::new(tokio::sync::Notify::new()));
    let held = Held { started: started.clone(), release: release.clone() };
    let settings = ConsumerSettings { workers: 1, drain: PATIENCE, ..quick() };
    let first = run(&store, Arc::new(Engine::new("held", held).concurrency(1)), settings);
    until("the first message is being handled", || started.load(Ordering::SeqCst)).await;
    first.shutdown.begin();

    let function = Scripted::done();
    let second = run(&store, function.clone(), quick());
    function.has_seen(2).await;
    assert!(!first.is_finished());
    release.notify_one();
    first.stop().await.unwrap();
    drained(&store, group::ORDER_PROCESS).await;
    second.stop().await.unwrap();
    assert_eq!(function.keys(), ["T2", "T3"]);
    assert!(function.seen().iter().all(|seen| seen.attempt == 1));
}

#[tokio::test]
async fn a_message_that_no_bus_takes_is_refused_and_its_neighbours_are_sent() {
    let place = Place::new();
    let store = place.open();
    let large = Outgoing { body: vec![0; MAX_BODY_BYTES + 1].into(), ..message("large") };
    let nowhere = Outgoing { topic: "".into(), ..message("nowhere") };
    let sent = store.send_all(vec![large.clone(), message("T1"), nowhere]).await;
    assert!(matches!(&sent[0], Err(SendError::Rejected(why)) if why.contains("bytes")), "{sent:?}");
    assert!(sent[1].is_ok());
    assert!(matches!(sent[2], Err(SendError::Rejected(_))));
    assert!(matches!(store.send(large).await, Err(SendError::Rejected(_))));
    assert_eq!(queue_of(&store, group::ORDER_PROCESS).await.waiting, 1);
}

#[tokio::test]
async fn a_queue_tells_what_waits_what_is_delayed_and_how_old_the_oldest_is() {
    let place = Place::new();
    let clock = Arc::new(VirtualClock::new(at(0)));
    let store = place.open_at(&clock);
    store.send(message("T1")).await.unwrap();
    store.send(message("T2").deliver_at(at(60))).await.unwrap();
    clock.set(at(10));
    let queue = queue_of(&store, group::ORDER_PROCESS).await;
    assert_eq!((queue.waiting, queue.delayed, queue.in_flight), (1, 1, 0));
    assert_eq!(queue.oldest, Some(at(0)));
}
