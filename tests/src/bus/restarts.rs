//! A bus that is stopped and started again.

use std::time::{Duration, Instant};

use boxoffice_runtime::Outcome;
use jiff::Timestamp;

use super::{Backend, created, order};
use crate::support::{done, eventually, recorder};

/// A bus may round times down to milliseconds.
const ROUNDING: Duration = Duration::from_millis(2);

/// What was sent is there after a restart: delays, attempts and dead letters as they were.
pub async fn a_restart_loses_nothing_and_keeps_delays_and_attempts(backend: &dyn Backend) {
    let again = backend.longer_than_a_restart();
    let failing = recorder(created(), move |delivery| match delivery.key.as_deref() {
        Some("retried") => Outcome::retry_after(again, "not yet"),
        Some("bad") => Outcome::poison("bad"),
        _ => Outcome::Done,
    });
    let running = backend.run(failing.clone());
    backend.send_all(vec![order("retried"), order("bad"), order("handled")]).await;
    failing.has_seen(3).await;
    running.stop().await;
    let failed = failing.times()[0];
    let (due, not_before) = (Timestamp::now() + again, Instant::now() + again);
    backend.send(order("delayed").deliver_at(due)).await;
    backend.send(order("waiting")).await;

    backend.restart().await;
    let letters = backend.letters();
    let function = done(created());
    let running = backend.run(function.clone());
    function.has_seen(3).await;
    running.stop().await;
    assert_eq!(function.keys(), ["delayed", "retried", "waiting"]);
    if function.times()[0] < failed + again {
        assert_eq!(function.keys_as_they_came()[0], "waiting", "nothing else was due");
    }
    for (seen, at) in function.seen().iter().zip(function.times()) {
        if seen.key.as_deref() == Some("retried") {
            assert!(at - failed >= again, "it came again in {:?}", at - failed);
            assert_eq!(seen.attempt, 2);
        } else {
            assert_eq!(seen.attempt, 1);
        }
        if seen.key.as_deref() == Some("delayed") {
            assert!(at + ROUNDING >= not_before, "it came {:?} too early", not_before - at);
        }
    }
    assert_eq!(letters.wait_for(1).await[0].key.as_deref(), Some("bad"));
    backend.nothing_is_left(created()).await;
}

/// A bus that is restarted again and again in mid-traffic loses nothing, and repeats no more than it may.
pub async fn restarts_in_mid_traffic_lose_nothing(backend: &dyn Backend) {
    let function = done(created());
    let mut sent = Vec::new();
    for round in 0..4 {
        let running = backend.run(function.clone());
        let keys: Vec<String> = (0..200).map(|number| format!("T{round}-{number:03}")).collect();
        backend.send_all(keys.iter().map(|key| order(key)).collect()).await;
        sent.extend(keys);
        function.has_seen(round * 200 + 20).await;
        running.stop().await;
        backend.restart().await;
    }
    let running = backend.run(function.clone());
    let distinct = || {
        let mut keys = function.keys();
        keys.dedup();
        keys
    };
    eventually("all are handled", || distinct().len() >= 800).await;
    running.stop().await;
    assert_eq!(distinct(), sent);
    assert!(function.count() - 800 <= backend.repeats_after_restarts(), "{} handled", function.count());
    backend.nothing_is_left(created()).await;
}
