use std::collections::BTreeSet;
use std::fmt::Debug;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use boxoffice_domain::ports::{Outgoing, Page, StoreError};
use boxoffice_messages::OrderEventMessage;
use boxoffice_runtime::{
    BatchLimits, ConsumerSettings, Context, Delivery, Engine, Function, Handler, Outcome, RetryPolicy,
    Settle, Settled, Subscription,
};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

/// How long a suite waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Asks until there is an answer; panics, saying what, when none comes in time. For tests that are not async.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "timed out waiting for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a condition holds; panics, saying what, when it does not in time.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    eventually_async(what, async || holds()).await;
}

/// The same for a condition that has to be asked for.
pub async fn eventually_async(what: &str, holds: impl AsyncFnMut() -> bool) {
    wait_for(holds, || what.to_owned()).await;
}

/// The same until all of what is expected is there; what is missing is said.
pub async fn eventually_all(what: &str, expected: &BTreeSet<String>, found: impl Fn() -> BTreeSet<String>) {
    let missing = || expected - &found();
    wait_for(
        async || missing().is_empty(),
        || format!("{what}: {:?} are missing of {expected:?}", missing()),
    )
    .await;
}

async fn wait_for(mut holds: impl AsyncFnMut() -> bool, what: impl Fn() -> String) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "timed out waiting for: {}", what());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Settings with which retries take milliseconds.
pub fn settings() -> ConsumerSettings {
    let retry = RetryPolicy {
        max_attempts: 4,
        first_delay: Duration::from_millis(20),
        max_delay: Duration::from_millis(100),
    };
    ConsumerSettings {
        workers: 2,
        batch: 32,
        retry,
        drain: Duration::from_secs(5),
        ..ConsumerSettings::default()
    }
}

type Script = dyn Fn(&Delivery) -> Outcome + Send + Sync;

/// A function that records every delivery and answers as the test says.
pub struct Recorder {
    subscription: Subscription,
    script: Box<Script>,
    seen: Mutex<Vec<(Delivery, Instant)>>,
}

/// Makes a [`Recorder`].
pub fn recorder(
    subscription: Subscription,
    script: impl Fn(&Delivery) -> Outcome + Send + Sync + 'static,
) -> Arc<Recorder> {
    Arc::new(Recorder { subscription, script: Box::new(script), seen: Mutex::default() })
}

/// A recorder that handles everything.
pub(crate) fn done(subscription: Subscription) -> Arc<Recorder> {
    recorder(subscription, |_| Outcome::Done)
}

impl Recorder {
    /// Every delivery so far, in the order they came.
    pub fn seen(&self) -> Vec<Delivery> {
        self.seen.lock().unwrap().iter().map(|(delivery, _)| delivery.clone()).collect()
    }

    /// How many deliveries came so far.
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// When each delivery came.
    pub fn times(&self) -> Vec<Instant> {
        self.seen.lock().unwrap().iter().map(|(_, at)| *at).collect()
    }

    /// The keys of every delivery so far, in the order they came.
    pub fn keys_as_they_came(&self) -> Vec<String> {
        let key = |seen: Delivery| seen.key.as_deref().unwrap_or_default().to_owned();
        self.seen().into_iter().map(key).collect()
    }

    /// The keys of every delivery so far, sorted.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = self.keys_as_they_came();
        keys.sort();
        keys
    }

    /// Waits for this many deliveries.
    pub async fn has_seen(&self, count: usize) {
        eventually(&format!("{count} deliveries"), || self.count() >= count).await;
    }
}

#[async_trait]
impl Function for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn subscription(&self) -> Subscription {
        self.subscription.clone()
    }

    async fn process(&self, batch: Vec<Delivery>, _: BatchLimits, settle: &dyn Settle) {
        let settled = batch.into_iter().enumerate().map(|(index, delivery)| {
            let outcome = (self.script)(&delivery);
            self.seen.lock().unwrap().push((delivery, Instant::now()));
            Settled { index, outcome: Some(outcome) }
        });
        let settled = settled.collect();
        settle.settle(settled).await;
    }
}

/// A handler of orders made of a function.
pub(crate) struct OrderHandler<F> {
    subscription: Subscription,
    handle: F,
}

#[async_trait]
impl<F, R> Handler for OrderHandler<F>
where
    F: Fn(OrderEventMessage, Context) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    type Message = OrderEventMessage;

    fn subscription(&self) -> Subscription {
        self.subscription.clone()
    }

    async fn handle(&self, message: OrderEventMessage, context: &Context) -> Outcome {
        (self.handle)(message, context.clone()).await
    }
}

/// The batch engine around a function that handles one order.
pub(crate) fn engine<F, R>(subscription: Subscription, handle: F) -> Engine<OrderHandler<F>>
where
    F: Fn(OrderEventMessage, Context) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    Engine::new("orders", OrderHandler { subscription, handle })
}

/// Something that tasks write down.
#[derive(Debug, Clone)]
pub(crate) struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Log<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    pub(crate) fn push(&self, item: T) {
        self.0.lock().unwrap().push(item);
    }

    pub(crate) fn items(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// A message with a key, its body the key too.
pub(crate) fn message(topic: &'static str, tag: &'static str, key: &str) -> Outgoing {
    Outgoing::new(topic, tag, key, key.as_bytes().to_vec())
}

/// Every item of a listing, page by page; panics when a page is larger than asked for or the pages never end.
pub(crate) async fn every_page<T>(
    limit: u32,
    mut page: impl AsyncFnMut(Option<&str>) -> Result<Page<T>, StoreError>,
) -> Vec<T> {
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..10_000 {
        let next = page(cursor.as_deref()).await.unwrap();
        assert!(next.items.len() <= limit as usize, "a page of {} items", next.items.len());
        items.extend(next.items);
        match next.next {
            None => return items,
            Some(next) => {
                assert_ne!(Some(&next), cursor.as_ref(), "a cursor that does not move");
                cursor = Some(next);
            }
        }
    }
    panic!("the pages never end");
}

/// Checks a property whose cases are async, on many inputs; a failure reports the smallest input found.
pub(crate) async fn holds_for<S, F, R>(cases: u32, inputs: S, case: F)
where
    S: Strategy + Send + 'static,
    S::Value: Debug,
    F: Fn(S::Value) -> R + Send + 'static,
    R: Future<Output = ()>,
{
    let runtime = tokio::runtime::Handle::current();
    let checked = tokio::task::spawn_blocking(move || {
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&inputs, |input| {
                runtime.block_on(case(input));
                Ok(())
            })
            .map_err(|failure| failure.to_string())
    });
    if let Err(failure) = checked.await.unwrap() {
        panic!("{failure}");
    }
}

/// Runs `count` tasks at the same time; their answers in the order of their numbers.
pub(crate) async fn at_once<T, R>(count: u32, mut task: impl FnMut(u32) -> R) -> Vec<T>
where
    T: Send + 'static,
    R: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(task(number))).collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}
