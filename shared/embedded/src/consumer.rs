use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_messages::group;
use boxoffice_runtime::{
    BatchLimits, ConsumerSettings, Deadline, Delivery, Function, GroupLag, Shutdown, Subscription, Transport,
    TransportError,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::Embedded;
use crate::group::{Claimed, GroupState, Lease};
use crate::message::GivenUp;
use crate::settling::{Answer, Settlement, UnsettledBatch, WAITING_ANSWERS, write_answers};

/// A worker that was not woken checks again after this long, in case the clock of the machine was set.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// Keeps a worker from spinning while a due message waits for a commit to end.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);
/// How long a worker waits after a read that failed.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(200);

#[async_trait]
impl Transport for Embedded {
    async fn run(
        &self,
        function: Arc<dyn Function>,
        settings: ConsumerSettings,
        shutdown: Shutdown,
    ) -> Result<(), TransportError> {
        let unavailable = |error: &dyn std::fmt::Display| TransportError::Unavailable(error.to_string());
        let group = self.join_group(&function.subscription()).await.map_err(|error| unavailable(&error))?;
        let (answers, written) = mpsc::channel(WAITING_ANSWERS);
        let mut tasks = JoinSet::new();
        tasks.spawn(write_answers(self.clone(), written));
        for _ in 0..settings.workers.max(1) {
            let worker = Worker {
                store: self.clone(),
                group: group.clone(),
                function: function.clone(),
                settings: settings.clone(),
                shutdown: shutdown.clone(),
                answers: answers.clone(),
            };
            tasks.spawn(worker.run());
        }
        drop(answers);
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|error| unavailable(&error))?;
        }
        if shutdown.has_begun() { Ok(()) } else { Err(unavailable(&"the file is closed")) }
    }

    async fn lag(&self, subscriptions: &[Subscription]) -> Result<Vec<GroupLag>, TransportError> {
        let queues = self.queues().await.map_err(|error| TransportError::Unavailable(error.to_string()))?;
        let of = |subscription: &Subscription| {
            let queue = queues.iter().find(|queue| queue.group == subscription.group);
            GroupLag {
                group: subscription.group.to_owned(),
                waiting: queue.map_or(0, |queue| queue.waiting),
                delayed: Some(queue.map_or(0, |queue| queue.delayed)),
                in_flight: Some(queue.map_or(0, |queue| queue.in_flight)),
                oldest: queue.and_then(|queue| queue.oldest),
            }
        };
        Ok(subscriptions.iter().map(of).collect())
    }
}

/// Takes batches of one group and runs them, one after the other.
struct Worker {
    store: Embedded,
    group: Arc<GroupState>,
    function: Arc<dyn Function>,
    settings: ConsumerSettings,
    shutdown: Shutdown,
    answers: mpsc::Sender<Vec<Answer>>,
}

impl Worker {
    async fn run(self) {
        let drain = async {
            self.shutdown.begun().await;
            sleep(self.settings.drain).await;
        };
        tokio::pin!(drain);
        while let Some(claimed) = self.next_batch().await {
            let Some((batch, deliveries)) = self.open(claimed).await else { continue };
            let leased_until = Instant::now() + self.settings.lease;
            // What starts after half of the lease might not end within it.
            let deadline = Deadline(Instant::now() + self.settings.lease / 2);
            let limits = BatchLimits { deadline: Some(deadline), shutdown: Some(self.shutdown.clone()) };
            let work = self.function.process(deliveries, limits, &batch);
            tokio::pin!(work);
            let mut expired = false;
            loop {
                tokio::select! {
                    () = &mut work => break,
                    () = sleep_until(leased_until), if !expired => {
                        expired = true;
                        tracing::warn!(group = self.group.name, "a batch took longer than its lease");
                        batch.expire().await;
                    }
                    // Dropping the work returns what it has not settled to the queue.
                    () = &mut drain => return,
                }
            }
        }
    }

    /// Waits for messages; `None` once the worker is to stop.
    async fn next_batch(&self) -> Option<Claimed> {
        let store = &self.store.inner;
        loop {
            if self.shutdown.has_begun() || self.answers.is_closed() || self.store.is_closed() {
                return None;
            }
            let pause = match self.group.claim(self.settings.batch.max(1), &store.horizon, &store.readers) {
                Ok(claimed) if !claimed.messages.is_empty() => {
                    if claimed.messages.len() >= self.settings.batch {
                        // There is probably more, for the next worker.
                        self.group.wake();
                    }
                    return Some(claimed);
                }
                Ok(claimed) => claimed.next_due.map_or(LONGEST_SLEEP, |due| {
                    let nanos = due.saturating_sub(store.horizon.now());
                    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
                        .clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
                }),
                Err(error) => {
                    tracing::warn!(group = self.group.name, %error, "reading messages failed");
                    PAUSE_AFTER_ERROR
                }
            };
            tokio::select! {
                () = self.group.woken() => {}
                () = sleep(pause) => {}
                () = self.shutdown.begun() => return None,
                () = self.answers.closed() => return None,
            }
        }
    }

    /// Prepares what was claimed; `None` when none of it is to be handled.
    async fn open(&self, claimed: Claimed) -> Option<(UnsettledBatch, Vec<Delivery>)> {
        let first_id = self.store.inner.first_id;
        if claimed.messages.iter().any(|(lease, _)| lease.key.id < first_id) {
            // A message from before this start may be the one that crashed the program. Its claim is stored before it is handled,
            // so that it cannot crash the program for ever.
            let noted = match self.store.writer() {
                Ok(writer) => writer.write(|_| Ok(())).await,
                Err(closed) => Err(closed),
            };
            if let Err(error) = noted {
                tracing::warn!(group = self.group.name, %error, "claiming messages failed");
                sleep(PAUSE_AFTER_ERROR).await;
                return None;
            }
        }
        let policy = self.settings.retry;
        let mut leases: Vec<(Lease, u32)> = Vec::with_capacity(claimed.messages.len());
        let mut deliveries = Vec::with_capacity(claimed.messages.len());
        let mut given_up = Vec::new();
        let forever = self.group.name == group::DLQ_HANDLER;
        for (lease, delivery) in claimed.messages {
            let used_up = delivery.attempt > policy.max_attempts.max(1);
            if used_up && !forever {
                let because = "the program ended while it handled this message".to_owned();
                let attempts = delivery.attempt - 1;
                given_up.push(Answer {
                    lease,
                    settlement: Settlement::DeadLetter(GivenUp { because, attempts }),
                });
            } else {
                leases.push((lease, delivery.attempt));
                deliveries.push(delivery);
            }
        }
        if !given_up.is_empty() {
            // If it is never written, the messages go back to the queue.
            let _ = self.answers.send(given_up).await;
        }
        if deliveries.is_empty() {
            return None;
        }
        Some((UnsettledBatch::new(leases, policy, forever, self.answers.clone()), deliveries))
    }
}
