//! Consumers that compete, stop, crash or are too slow.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_runtime::{
    BatchLimits, ConsumerSettings, Delivery, Function, Outcome, Settle, Settled, Shutdown, Subscription,
};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Backend, created, order, order_event};
use crate::support::{Log, done, engine, eventually, recorder};

/// Consumers of one group share its messages: each is handled once, also those of a consumer that stops.
pub async fn competing_consumers_handle_every_message_once(backend: &dyn Backend) {
    let (one, other) = (done(created()), done(created()));
    let (first, second) = (backend.run(one.clone()), backend.run(other.clone()));
    let senders = send_from_many(backend, 8, 250);
    eventually("both have some", || one.count() > 20 && other.count() > 20).await;
    first.stop().await;
    let until_then = one.count();
    senders.join_all().await;
    let keys = || [one.keys(), other.keys()].concat();
    eventually("all are handled", || distinct(&keys()) >= 2_000).await;
    second.stop().await;
    assert_eq!(one.count(), until_then, "a consumer that has stopped got messages");
    assert_eq!(distinct(&keys()), 2_000);
    assert!(keys().len() - 2_000 <= backend.repeats_at_a_handover(), "{} handled", keys().len());
    backend.nothing_is_left(created()).await;
}

/// Ten thousand messages of eight senders are handled once each.
pub async fn ten_thousand_messages_of_eight_senders_are_handled_once_each(backend: &dyn Backend) {
    let handled = Log::new();
    let running = (0..2).map(|_| {
        let log = handled.clone();
        backend.run(Arc::new(engine(created(), move |order, context| {
            log.push((order.order_no.unwrap_or_default(), context.attempt()));
            async { Outcome::Done }
        })))
    });
    let running: Vec<_> = running.collect();
    send_from_many(backend, 8, 1_250).join_all().await;
    eventually("all are handled", || distinct(&handled.items()) >= 10_000).await;
    for running in running {
        running.stop().await;
    }
    let handled = handled.items();
    assert!(handled.iter().all(|(_, attempt)| *attempt == 1), "a message needed a second attempt");
    assert_eq!(distinct(&handled), 10_000);
    assert!(handled.len() - 10_000 <= backend.repeats_at_a_handover(), "{} handled", handled.len());
    backend.nothing_is_left(created()).await;
}

fn distinct<T: Ord>(items: &[T]) -> usize {
    items.iter().collect::<BTreeSet<_>>().len()
}

fn send_from_many(backend: &dyn Backend, senders: u32, each: u32) -> JoinSet<()> {
    let mut sending = JoinSet::new();
    for sender in 0..senders {
        let bus = backend.bus();
        sending.spawn(async move {
            for number in 0..each {
                bus.send(order_event(&format!("T{sender}-{number}")))
                    .await
                    .expect("the bus takes the message");
            }
        });
    }
    sending
}

/// A stop in mid-batch: what was handled is not handled again, what was not started comes at its first attempt.
pub async fn a_stop_in_mid_batch_loses_nothing_and_repeats_nothing(backend: &dyn Backend) {
    let keys: Vec<String> = (0..24).map(|number| format!("T{number:02}")).collect();
    backend.send_all(keys.iter().map(|key| order_event(key)).collect()).await;
    let (handled, reached, go_on) = (Log::new(), Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let (log, at_the_fifth, told) = (handled.clone(), reached.clone(), go_on.clone());
    let function = engine(created(), move |order, _| {
        let (log, reached, go_on) = (log.clone(), at_the_fifth.clone(), told.clone());
        async move {
            if log.count() == 4 {
                reached.store(true, Ordering::SeqCst);
                go_on.notified().await;
            }
            log.push(order.order_no.unwrap_or_default());
            Outcome::Done
        }
    });
    let function = function.concurrency(1);
    let settings = ConsumerSettings { workers: 1, batch: 24, ..backend.settings() };
    let shutdown = Shutdown::new();
    let running = backend.run_with(Arc::new(function), settings, &shutdown);
    eventually("the fifth message is being handled", || reached.load(Ordering::SeqCst)).await;
    shutdown.begin();
    go_on.notify_one();
    running.stop().await;
    assert_eq!(handled.count(), 5, "the message in flight is finished and no other is started");

    let rest = done(created());
    let running = backend.run(rest.clone());
    rest.has_seen(19).await;
    running.stop().await;
    assert!(rest.seen().iter().all(|seen| seen.attempt == 1), "an untouched message costs no attempt");
    let mut all = [handled.items(), rest.keys()].concat();
    all.sort();
    assert_eq!(all, keys);
    backend.nothing_is_left(created()).await;
}

/// A consumer that is stopped while it starts, at whatever moment, has left when its stop ends: it takes nothing more,
/// and the others have all queues.
pub async fn a_stop_in_the_middle_of_a_start_leaves_no_consumer_behind(backend: &dyn Backend) {
    backend.subscribe(created()).await;
    let stopped = done(created());
    for later in [0, 50, 100, 150, 200, 250, 300, 400] {
        let running = backend.run(stopped.clone());
        tokio::time::sleep(Duration::from_millis(later)).await;
        running.stop().await;
    }
    let keys: Vec<String> = (10..74).map(|number| format!("T{number}")).collect();
    backend.send_all(keys.iter().map(|key| order(key)).collect()).await;
    let last = done(created());
    let running = backend.run(last.clone());
    last.has_seen(keys.len()).await;
    running.stop().await;
    assert_eq!((stopped.count(), last.keys()), (0, keys));
}

/// A function that never ends.
struct Stuck {
    got: Log<String>,
}

#[async_trait]
impl Function for Stuck {
    fn name(&self) -> &'static str {
        "stuck"
    }

    fn subscription(&self) -> Subscription {
        created()
    }

    async fn process(&self, batch: Vec<Delivery>, _: BatchLimits, _: &dyn Settle) {
        for delivery in &batch {
            self.got.push(delivery.key.as_deref().unwrap_or_default().to_owned());
        }
        std::future::pending::<()>().await;
    }
}

/// A stop does not wait longer than it is allowed to; what was in flight is delivered again.
pub async fn a_stop_gives_up_what_does_not_end_and_it_comes_again(backend: &dyn Backend) {
    backend.send_all((0..5).map(|number| order(&format!("T{number}"))).collect()).await;
    let stuck = Arc::new(Stuck { got: Log::new() });
    let settings = ConsumerSettings {
        drain: Duration::from_millis(50),
        lease: Duration::from_secs(2),
        ..backend.settings()
    };
    let running = backend.run_with(stuck.clone(), settings, &Shutdown::new());
    eventually("it has some", || stuck.got.count() > 0).await;
    running.stop().await;
    let function = done(created());
    let running = backend.run(function.clone());
    function.has_seen(5).await;
    running.stop().await;
    assert_eq!(function.keys(), ["T0", "T1", "T2", "T3", "T4"]);
}

/// What a consumer that dies had in flight comes to another one.
pub async fn the_messages_of_a_consumer_that_dies_come_to_another(backend: &dyn Backend) {
    backend.send_all((0..5).map(|number| order(&format!("T{number}"))).collect()).await;
    let stuck = Arc::new(Stuck { got: Log::new() });
    let settings = ConsumerSettings { lease: Duration::from_secs(2), ..backend.settings() };
    let dying = backend.run_with(stuck.clone(), settings, &Shutdown::new());
    eventually("it has some", || stuck.got.count() > 0).await;
    let function = done(created());
    let running = backend.run(function.clone());
    dying.crash().await;
    function.has_seen(5).await;
    running.stop().await;
    assert_eq!(function.keys(), ["T0", "T1", "T2", "T3", "T4"]);
    backend.nothing_is_left(created()).await;
}

/// Answers Done when the test says so, long after its lease ran out.
struct Late {
    started: AtomicBool,
    told: Notify,
    ended: AtomicBool,
}

/// Notes the end also where the transport gives the work up.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Function for Late {
    fn name(&self) -> &'static str {
        "late"
    }

    fn subscription(&self) -> Subscription {
        created()
    }

    async fn process(&self, batch: Vec<Delivery>, _: BatchLimits, settle: &dyn Settle) {
        let _ended = Ended(&self.ended);
        self.started.store(true, Ordering::SeqCst);
        self.told.notified().await;
        let settled = (0..batch.len()).map(|index| Settled { index, outcome: Some(Outcome::Done) });
        settle.settle(settled.collect()).await;
    }
}

/// A worker that is slower than its lease loses the message to another; its late answer changes nothing.
pub async fn a_worker_slower_than_its_lease_is_fenced_off(backend: &dyn Backend) {
    let late = Arc::new(Late {
        started: AtomicBool::new(false),
        told: Notify::new(),
        ended: AtomicBool::new(false),
    });
    let short =
        ConsumerSettings { workers: 1, batch: 1, lease: Duration::from_millis(100), ..backend.settings() };
    let first = backend.run_with(late.clone(), short, &Shutdown::new());
    backend.send(order("T1")).await;
    eventually("the slow worker has it", || late.started.load(Ordering::SeqCst)).await;
    let function = recorder(created(), |delivery| {
        let again = Outcome::retry_after(Duration::from_secs(2), "once more");
        if delivery.attempt == 2 { again } else { Outcome::Done }
    });
    let second = backend.run(function.clone());
    function.has_seen(1).await;
    late.told.notify_one();
    eventually("the slow worker has answered", || late.ended.load(Ordering::SeqCst)).await;
    assert_eq!(function.count(), 1, "the late answer came too late to be put to the test");
    first.stop().await;
    function.has_seen(2).await;
    second.stop().await;
    let attempts: Vec<u32> = function.seen().iter().map(|seen| seen.attempt).collect();
    assert_eq!(attempts, [2, 3]);
    backend.nothing_is_left(created()).await;
}
