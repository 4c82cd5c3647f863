use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use boxoffice_domain::ports::Outgoing;
use boxoffice_runtime::{
    ConsumerSettings, Deadline, Delivery, Function, Outcome, RetryPolicy, Settle, Settled, Subscription,
};

/// How long a suite waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until a condition holds; panics, saying what, when it does not in time.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
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

/// A function that writes down every delivery and answers as it is told.
pub struct Recorder {
    subscription: Subscription,
    script: Box<Script>,
    seen: Mutex<Vec<Delivery>>,
}

/// Makes a [`Recorder`].
pub fn recorder(
    subscription: Subscription,
    script: impl Fn(&Delivery) -> Outcome + Send + Sync + 'static,
) -> Arc<Recorder> {
    Arc::new(Recorder { subscription, script: Box::new(script), seen: Mutex::default() })
}

impl Recorder {
    /// Every delivery so far, in the order they came.
    pub fn seen(&self) -> Vec<Delivery> {
        self.seen.lock().unwrap().clone()
    }

    /// The keys of every delivery so far, sorted.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> =
            self.seen().iter().map(|seen| seen.key.as_deref().unwrap_or_default().to_owned()).collect();
        keys.sort();
        keys
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

    async fn process(&self, batch: Vec<Delivery>, _: Option<Deadline>, settle: &dyn Settle) {
        let settled = batch.iter().enumerate().map(|(index, delivery)| {
            let outcome = (self.script)(delivery);
            self.seen.lock().unwrap().push(delivery.clone());
            Settled { index, outcome: Some(outcome) }
        });
        settle.settle(settled.collect()).await;
    }
}

/// A message with a key, its body the key too.
pub(crate) fn message(topic: &'static str, tag: &'static str, key: &str) -> Outgoing {
    Outgoing::new(topic, tag, key, key.as_bytes().to_vec())
}
