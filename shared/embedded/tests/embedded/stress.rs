use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::ports::Bus;
use boxoffice_messages::group;
use boxoffice_runtime::{ConsumerSettings, Outcome};
use jiff::Timestamp;

use crate::support::{Place, Scripted, created, drained, message, queue_of, quick, run};

const SENDERS: u64 = 8;
const EACH: u64 = 400;

/// The number at the end of a key such as `T3-17`.
fn number(key: &str) -> u64 {
    key.rsplit('-').next().and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_message_is_skipped_or_handled_twice_among_senders_delays_and_retries() {
    let place = Place::new();
    let store = place.open();
    // Every fifth message fails once, with a delay or without.
    let function = Scripted::new(created(), |delivery| {
        let number = number(delivery.key.as_deref().unwrap_or_default());
        let again = if number.is_multiple_of(10) {
            Outcome::retry("first try")
        } else {
            Outcome::retry_after(Duration::from_millis(number % 7), "first try")
        };
        Some(if number.is_multiple_of(5) && delivery.attempt == 1 { again } else { Outcome::Done })
    });
    let settings = ConsumerSettings { workers: 3, batch: 5, ..quick() };
    let running = [run(&store, function.clone(), settings.clone()), run(&store, function.clone(), settings)];
    let store = Arc::new(store);
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        let store = store.clone();
        senders.spawn(async move {
            for number in 0..EACH {
                let mut message = message(&format!("T{sender}-{number}"));
                if number % 3 == 0 {
                    // Some of them are due while the commit that holds them is being made.
                    message = message.deliver_at(Timestamp::now() + Duration::from_micros(number * 50));
                }
                store.send(message).await.unwrap();
            }
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended.unwrap();
    }
    drained(&store, group::ORDER_PROCESS).await;
    for running in running {
        running.stop().await.unwrap();
    }
    let account = queue_of(&store, group::ORDER_PROCESS).await;
    assert_eq!((account.queued, account.handled, account.dead_lettered), (SENDERS * EACH, SENDERS * EACH, 0));
    let mut tries: HashMap<String, Vec<u32>> = HashMap::new();
    for seen in function.seen() {
        tries.entry(seen.key.as_deref().unwrap().to_owned()).or_default().push(seen.attempt);
    }
    assert_eq!(tries.len() as u64, SENDERS * EACH);
    for (key, mut attempts) in tries {
        attempts.sort_unstable();
        let wanted: &[u32] = if number(&key).is_multiple_of(5) { &[1, 2] } else { &[1] };
        assert_eq!(attempts, wanted, "{key}");
    }
}
