//! Delays and retries.

use std::time::Duration;

use boxoffice_runtime::{ConsumerSettings, Outcome, RetryPolicy, Shutdown};
use jiff::Timestamp;

use super::{Backend, created, order};
use crate::support::{done, eventually_async, recorder};

/// A delayed message does not come before its time, and does not hold up others.
pub async fn a_delayed_message_waits_for_its_time(backend: &dyn Backend) {
    let function = done(created());
    let running = backend.run(function.clone());
    backend.send(order("hour").deliver_at(Timestamp::now() + Duration::from_secs(3_600))).await;
    let due = Timestamp::now() + Duration::from_secs(1);
    backend.send(order("late").deliver_at(due)).await;
    backend.send(order("now")).await;
    function.has_seen(2).await;
    assert!(Timestamp::now() >= due, "it came too early");
    running.stop().await;
    assert_eq!(function.keys(), ["late", "now"]);
    let seen = function.seen();
    let late = seen.iter().find(|seen| seen.key.as_deref() == Some("late")).expect("the late one");
    assert!(late.available_at.is_none_or(|at| at >= due), "lag counts from {:?}", late.available_at);
}

/// Delayed messages come in the order of their times, not in that of their sending; one whose time is over comes at
/// once.
pub async fn due_messages_come_in_the_order_of_their_times(backend: &dyn Backend) {
    let now = Timestamp::now();
    backend.send(order("past").deliver_at(now - Duration::from_secs(3_600))).await;
    let first = now + Duration::from_secs(1);
    for (key, steps) in [("c", 2), ("a", 0), ("d", 3), ("b", 1)] {
        backend.send(order(key).deliver_at(first + backend.time_step() * steps)).await;
    }
    let function = done(created());
    let running = backend.run_with(
        function.clone(),
        ConsumerSettings { workers: 1, ..backend.settings() },
        &Shutdown::new(),
    );
    function.has_seen(5).await;
    running.stop().await;
    // A consumer that was late itself finds several at once, in any order.
    let mut seen = function.seen();
    seen.sort_by_key(|seen| seen.available_at);
    let keys: Vec<&str> = seen.iter().filter_map(|seen| seen.key.as_deref()).collect();
    assert_eq!(keys, ["past", "a", "b", "c", "d"]);
}

/// A delay that is longer than the bus can keep is not refused, and is not forgotten either.
pub async fn a_delay_of_any_length_is_taken(backend: &dyn Backend) {
    let longest = backend.bus().longest_delay();
    assert!(longest.is_none_or(|longest| longest >= Duration::from_secs(60)), "{longest:?} helps nobody");
    let function = done(created());
    let running = backend.run(function.clone());
    for days in [1, 30, 1_000] {
        let due = Timestamp::now() + Duration::from_secs(days * 24 * 3_600);
        backend.send(order("late").deliver_at(due)).await;
    }
    backend.send(order("now")).await;
    function.has_seen(1).await;
    running.stop().await;
    assert_eq!(function.keys(), ["now"]);
}

/// What waits is counted, and its age is that of the oldest message that was not handled, not of the last one that was.
pub async fn the_lag_tells_how_much_waits_and_since_when(backend: &dyn Backend) {
    backend.subscribe(created()).await;
    let function = done(created());
    let running = backend.run(function.clone());
    backend.send_all((0..16).map(|number| order(&format!("handled-{number}"))).collect()).await;
    function.has_seen(16).await;
    running.stop().await;
    let transport = backend.transport();
    let lag = async || {
        let mut lags = transport.lag(&[created()]).await.expect("the bus reports what waits");
        assert_eq!(lags.len(), 1, "{lags:?}");
        lags.remove(0)
    };
    eventually_async("everything is handled", async || lag().await.waiting == 0).await;
    assert_eq!(lag().await.oldest, None);

    let before = Timestamp::now() - Duration::from_millis(1);
    backend.send_all((0..16).map(|number| order(&format!("waits-{number}"))).collect()).await;
    let after = Timestamp::now();
    eventually_async("it is counted", async || lag().await.waiting == 16).await;
    let oldest = lag().await.oldest.expect("the age of what waits");
    assert!(before <= oldest && oldest <= after, "{oldest} is not between {before} and {after}");
}

/// Each retry waits longer than the one before, as the policy says, and counts as an attempt.
pub async fn retries_are_counted_and_wait_longer_each_time(backend: &dyn Backend) {
    let retry = RetryPolicy {
        max_attempts: 6,
        first_delay: Duration::from_millis(40),
        max_delay: Duration::from_secs(5),
    };
    let function =
        recorder(
            created(),
            |delivery| {
                if delivery.attempt < 5 { Outcome::retry("not yet") } else { Outcome::Done }
            },
        );
    let settings = ConsumerSettings { retry, ..backend.settings() };
    let running = backend.run_with(function.clone(), settings, &Shutdown::new());
    backend.send(order("T1")).await;
    function.has_seen(5).await;
    running.stop().await;
    let attempts: Vec<u32> = function.seen().iter().map(|seen| seen.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
    for (attempt, pair) in (1..).zip(function.times().windows(2)) {
        let (waited, least) = (pair[1] - pair[0], retry.delay(attempt, 0.0));
        assert!(waited >= least, "after attempt {attempt} it came again in {waited:?}, before {least:?}");
    }
    backend.nothing_is_left(created()).await;
}

/// A retry with a delay of its own keeps to it.
pub async fn a_retry_keeps_to_the_delay_it_asks_for(backend: &dyn Backend) {
    let delay = Duration::from_millis(600);
    let function = recorder(created(), move |delivery| {
        if delivery.attempt > 1 { Outcome::Done } else { Outcome::retry_after(delay, "not yet") }
    });
    let running = backend.run(function.clone());
    backend.send(order("T1")).await;
    function.has_seen(2).await;
    running.stop().await;
    let times = function.times();
    assert!(times[1] - times[0] >= delay, "it came again in {:?}", times[1] - times[0]);
}

/// A message that fails does not hold up those behind it.
pub async fn a_failing_message_does_not_hold_up_the_next(backend: &dyn Backend) {
    let function = recorder(created(), |delivery| match delivery.key.as_deref() {
        Some("bad") if delivery.attempt == 1 => Outcome::retry_after(Duration::from_secs(2), "away"),
        _ => Outcome::Done,
    });
    let running = backend.run_with(
        function.clone(),
        ConsumerSettings { workers: 1, batch: 1, ..backend.settings() },
        &Shutdown::new(),
    );
    backend.send(order("bad")).await;
    backend.send(order("next")).await;
    function.has_seen(3).await;
    running.stop().await;
    assert_eq!(function.keys(), ["bad", "bad", "next"]);
    let last = function.seen().pop().expect("three came");
    assert_eq!((last.key.as_deref(), last.attempt), (Some("bad"), 2));
}
