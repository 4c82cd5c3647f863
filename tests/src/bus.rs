//! What every bus must do. The groups and topics are those of `boxoffice_messages`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, Outgoing};
use boxoffice_messages::{OrderEventMessage, dead_letter_topic, group, tag, topic};
use boxoffice_runtime::{
    Context, DEAD_LETTER_ATTEMPTS, DEAD_LETTER_REASON, Engine, Function, Handler, Outcome, Shutdown,
    Subscription, TopicFilter, Transport,
};
use jiff::Timestamp;

use crate::support::message;
use crate::{Recorder, eventually, recorder, settings};

/// A bus and the transport that reads it.
pub struct Harness {
    /// Sends.
    pub bus: Arc<dyn Bus>,
    /// Feeds functions.
    pub transport: Arc<dyn Transport>,
}

struct Running {
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.shutdown.begin();
        self.task.await.unwrap();
    }
}

impl Harness {
    fn run(&self, function: Arc<dyn Function>) -> Running {
        let (transport, shutdown) = (Arc::clone(&self.transport), Shutdown::new());
        let begun = shutdown.clone();
        let task = tokio::spawn(async move {
            transport.run(function, settings(), begun).await.expect("the transport runs until it is stopped");
        });
        Running { shutdown, task }
    }

    async fn send(&self, message: Outgoing) {
        self.bus.send(message).await.expect("the bus takes the message");
    }

    fn dead_letters(&self) -> (Arc<Recorder>, Running) {
        let topics = [group::ORDER_PROCESS, group::ORDER_PAID]
            .map(|name| TopicFilter { topic: dead_letter_topic(name).into(), tags: Vec::new() });
        let subscription = Subscription { group: group::DLQ_HANDLER, topics: topics.into() };
        let letters = recorder(subscription, |_| Outcome::Done);
        let running = self.run(letters.clone());
        (letters, running)
    }
}

fn created() -> Subscription {
    Subscription::new(group::ORDER_PROCESS, topic::ORDER, &[tag::ORDER_CREATED])
}

/// A group gets the tags it asked for, whole, and no others.
pub async fn a_group_gets_its_tags_and_nothing_else(harness: Harness) {
    let paid =
        recorder(Subscription::new(group::ORDER_PAID, topic::ORDER, &[tag::ORDER_PAID]), |_| Outcome::Done);
    let new = recorder(created(), |_| Outcome::Done);
    let running = [harness.run(paid.clone()), harness.run(new.clone())];
    let mut whole = message(topic::ORDER, tag::ORDER_CREATED, "T1");
    whole.properties = vec![("traceparent".to_owned(), "00-1-2-01".to_owned())];
    whole.body = vec![0, 159, 146, 150].into();
    whole.sys_flag = 0x300 | 1;
    harness.send(whole.clone()).await;
    harness.send(message(topic::ORDER, tag::ORDER_PAID, "T2")).await;
    eventually("both groups have theirs", || !paid.seen().is_empty() && !new.seen().is_empty()).await;
    for running in running {
        running.stop().await;
    }
    assert_eq!((paid.keys(), new.keys()), (vec!["T2".to_owned()], vec!["T1".to_owned()]));
    let seen = &new.seen()[0];
    assert_eq!((&seen.body, seen.sys_flag, seen.attempt), (&whole.body, whole.sys_flag, 1));
    assert_eq!(seen.property("traceparent"), Some("00-1-2-01"));
    assert_eq!((&*seen.topic, seen.tag.as_deref()), (topic::ORDER, Some(tag::ORDER_CREATED)));
}

/// A delayed message does not come before its time.
pub async fn a_delayed_message_waits_for_its_time(harness: Harness) {
    let function = recorder(created(), |_| Outcome::Done);
    let running = harness.run(function.clone());
    let due = Timestamp::now() + Duration::from_millis(700);
    harness.send(message(topic::ORDER, tag::ORDER_CREATED, "late").deliver_at(due)).await;
    harness.send(message(topic::ORDER, tag::ORDER_CREATED, "now")).await;
    eventually("the immediate one has come", || !function.seen().is_empty()).await;
    assert_eq!(function.keys(), ["now"]);
    eventually("the delayed one has come", || function.seen().len() == 2).await;
    assert!(Timestamp::now() >= due, "it came too early");
    running.stop().await;
}

/// A retry comes again, counted; when its attempts are used up it is a dead letter with its reason.
pub async fn a_message_that_keeps_failing_is_a_dead_letter_in_the_end(harness: Harness) {
    let (letters, dead) = harness.dead_letters();
    let function = recorder(created(), |_| Outcome::retry("the shop is closed"));
    let running = harness.run(function.clone());
    harness.send(message(topic::ORDER, tag::ORDER_CREATED, "T1")).await;
    eventually("the dead letter has come", || !letters.seen().is_empty()).await;
    let attempts: Vec<u32> = function.seen().iter().map(|seen| seen.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4]);
    let letter = &letters.seen()[0];
    assert!(letter.property(DEAD_LETTER_REASON).unwrap().contains("the shop is closed"));
    assert_eq!(letter.property(DEAD_LETTER_ATTEMPTS), Some("4"));
    assert_eq!((letter.key.as_deref(), &letter.body[..]), (Some("T1"), &b"T1"[..]));
    running.stop().await;
    dead.stop().await;
}

/// A retry with a delay of its own keeps to it.
pub async fn a_retry_keeps_to_the_delay_it_asks_for(harness: Harness) {
    let function = recorder(created(), |delivery| {
        if delivery.attempt > 1 {
            return Outcome::Done;
        }
        Outcome::retry_after(Duration::from_millis(600), "not yet")
    });
    let running = harness.run(function.clone());
    let begun = std::time::Instant::now();
    harness.send(message(topic::ORDER, tag::ORDER_CREATED, "T1")).await;
    eventually("it came again", || function.seen().len() == 2).await;
    assert!(begun.elapsed() >= Duration::from_millis(600), "it came again too early");
    running.stop().await;
}

/// Reads orders; a handler that fails as the key of the message says.
struct ByKey {
    tries: AtomicU32,
}

#[async_trait]
impl Handler for ByKey {
    type Message = OrderEventMessage;

    fn subscription(&self) -> Subscription {
        created()
    }

    async fn handle(&self, _: OrderEventMessage, context: &Context) -> Outcome {
        let key = context.delivery.key.as_deref().unwrap_or_default();
        assert!(key != "panics-once" || self.tries.fetch_add(1, Ordering::SeqCst) > 0, "as it was told to");
        Outcome::Done
    }
}

/// One bad message in a batch of 32, and one that panics, cost their neighbours nothing.
pub async fn a_bad_message_costs_its_neighbours_nothing(harness: Harness) {
    let (letters, dead) = harness.dead_letters();
    let order = |key: &str, body: &[u8]| {
        Outgoing::new(topic::ORDER, tag::ORDER_CREATED, key.to_owned(), body.to_vec())
    };
    let mut messages: Vec<Outgoing> =
        (0..30).map(|number| order(&format!("good-{number}"), br#"{"orderNo":"T"}"#)).collect();
    messages.insert(7, order("rubbish", b"\xff\xfe not json"));
    messages.insert(20, order("panics-once", br#"{"orderNo":"T"}"#));
    let mut corrupt = order("corrupt", b"no zlib stream");
    corrupt.sys_flag = 1;
    messages.push(corrupt);
    for sent in harness.bus.send_all(messages).await {
        sent.unwrap();
    }
    let engine = Engine::new("by-key", ByKey { tries: AtomicU32::new(0) });
    let counted = Arc::new(Counted { inner: engine, done: AtomicU32::new(0) });
    let running = harness.run(counted.clone());
    eventually("all others are handled", || counted.done.load(Ordering::SeqCst) >= 31).await;
    eventually("both bad ones are dead letters", || letters.seen().len() == 2).await;
    running.stop().await;
    dead.stop().await;
    assert_eq!(counted.done.load(Ordering::SeqCst), 31);
    assert_eq!(letters.keys(), ["corrupt", "rubbish"]);
    for letter in letters.seen() {
        assert_eq!(letter.property(DEAD_LETTER_ATTEMPTS), Some("1"), "poison burns no retries");
    }
}

/// Counts what a function is done with.
struct Counted<F> {
    inner: F,
    done: AtomicU32,
}

struct CountingSettle<'a> {
    inner: &'a dyn boxoffice_runtime::Settle,
    done: &'a AtomicU32,
}

#[async_trait]
impl boxoffice_runtime::Settle for CountingSettle<'_> {
    async fn settle(&self, settled: Vec<boxoffice_runtime::Settled>) {
        let done = settled.iter().filter(|settled| settled.outcome == Some(Outcome::Done)).count();
        self.done.fetch_add(u32::try_from(done).unwrap(), Ordering::SeqCst);
        self.inner.settle(settled).await;
    }
}

#[async_trait]
impl<F: Function> Function for Counted<F> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn subscription(&self) -> Subscription {
        self.inner.subscription()
    }

    async fn process(
        &self,
        batch: Vec<boxoffice_runtime::Delivery>,
        deadline: Option<boxoffice_runtime::Deadline>,
        settle: &dyn boxoffice_runtime::Settle,
    ) {
        self.inner.process(batch, deadline, &CountingSettle { inner: settle, done: &self.done }).await;
    }
}

/// Consumers of one group share its messages: each is handled once, also those of a consumer that stops.
pub async fn competing_consumers_handle_every_message_once(harness: Harness) {
    let (one, other) = (recorder(created(), |_| Outcome::Done), recorder(created(), |_| Outcome::Done));
    let (first, second) = (harness.run(one.clone()), harness.run(other.clone()));
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..8 {
        let bus = Arc::clone(&harness.bus);
        senders.spawn(async move {
            for number in 0..250 {
                let key = format!("{sender}-{number}");
                bus.send(message(topic::ORDER, tag::ORDER_CREATED, &key)).await.unwrap();
            }
        });
    }
    eventually("some are handled", || one.seen().len() + other.seen().len() > 200).await;
    first.stop().await;
    while senders.join_next().await.is_some() {}
    eventually("all are handled", || one.seen().len() + other.seen().len() >= 2_000).await;
    second.stop().await;
    let mut keys = [one.keys(), other.keys()].concat();
    assert_eq!(keys.len(), 2_000, "a message was handled twice");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 2_000, "a message was lost");
}

/// A message for two groups reaches each of them once.
pub async fn every_group_gets_a_message_once(harness: Harness) {
    let one = recorder(created(), |_| Outcome::Done);
    harness.send(message(topic::ORDER, tag::ORDER_CREATED, "T1")).await;
    // A consumer that starts later still finds what was sent before.
    let running = [harness.run(one.clone()), harness.run(one.clone())];
    eventually("it has come", || !one.seen().is_empty()).await;
    for running in running {
        running.stop().await;
    }
    assert_eq!(one.keys(), ["T1"]);
}
