//! How functions are fed, and what they may take.

use std::time::Duration;

use boxoffice_backend::BusAdvice;
use boxoffice_domain::IdempotencySettings;
use boxoffice_runtime::config::Settings;
use boxoffice_runtime::{ConsumerSettings, RetryPolicy};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn consumer(s: &mut Settings, advice: BusAdvice) -> ConsumerSettings {
    let defaults = ConsumerSettings::default();
    ConsumerSettings {
        workers: s.integer(
            "WORKERS",
            advice.workers,
            1..=64,
            "batches that one function handles at the same time; the default depends on BUS (20 on RocketMQ)",
        ),
        batch: s.integer("BATCH_SIZE", defaults.batch, 1..=1_024, "maximum number of messages in one batch"),
        lease: s.duration(
            "MESSAGE_LEASE",
            defaults.lease,
            SECOND..=12 * HOUR,
            "how long a worker may hold a message before it is redelivered; not used on RocketMQ",
        ),
        retry: RetryPolicy {
            max_attempts: s.integer(
                "MAX_ATTEMPTS",
                defaults.retry.max_attempts,
                1..=1_000,
                "number of deliveries after which a message becomes a dead letter",
            ),
            first_delay: s.duration(
                "RETRY_FIRST_DELAY",
                defaults.retry.first_delay,
                Duration::from_millis(1)..=HOUR,
                "delay after the first failed delivery; doubled after each further one",
            ),
            max_delay: s.duration(
                "RETRY_MAX_DELAY",
                defaults.retry.max_delay,
                Duration::from_millis(1)..=DAY,
                "longest delay between two deliveries",
            ),
        },
        drain: s.duration(
            "DRAIN_TIMEOUT",
            defaults.drain,
            Duration::from_millis(100)..=HOUR,
            "how long a stop waits for work in progress",
        ),
    }
}

/// `None` where the number of threads is left to the program.
pub(super) fn threads(s: &mut Settings) -> Option<usize> {
    let threads = s.integer(
        "RUNTIME_THREADS",
        0,
        0..=1_024,
        "number of threads of the async runtime; 0 means one per core, or, in a function's own program, the number that \
         suits BUS (1 on RocketMQ, where each batch has a thread of its own)",
    );
    Some(threads).filter(|threads| *threads > 0)
}

pub(super) fn idempotency(s: &mut Settings) -> IdempotencySettings {
    IdempotencySettings {
        lease: s.duration(
            "IDEMPOTENCY_LEASE",
            MINUTE,
            SECOND..=HOUR,
            "how long delivering one notification may take; after that the worker is presumed dead and another one retries",
        ),
        keep: s.duration(
            "IDEMPOTENCY_KEEP",
            7 * DAY,
            MINUTE..=366 * DAY,
            "how long results and Idempotency-Keys are kept",
        ),
    }
}

pub(super) fn relay_interval(s: &mut Settings) -> Duration {
    s.duration(
        "RELAY_INTERVAL",
        5 * SECOND,
        SECOND / 10..=HOUR,
        "how often outbox-relay looks for messages that were not sent and for overdue orders",
    )
}

pub(super) fn reconcile_interval(s: &mut Settings) -> Duration {
    s.duration(
        "RECONCILE_INTERVAL",
        MINUTE,
        SECOND / 10..=DAY,
        "how often stock-reconcile requests a comparison of every ticket's stock cache with the ledger",
    )
}
