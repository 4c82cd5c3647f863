//! Settles handled messages: the answers of all workers of a function share one write.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_runtime::{Outcome, RetryPolicy, Settle, Settled};
use tokio::sync::mpsc;

use crate::Embedded;
use crate::group::{GroupState, Lease};
use crate::message::{GivenUp, Key};
use crate::tx::Tx;
use crate::writer::WriteError;

/// Answers that may wait to be written; more make the workers wait.
pub(crate) const WAITING_ANSWERS: usize = 4_096;
/// The most answers in one write.
const MOST_PER_WRITE: usize = 1_024;
/// How long to wait before a write that failed is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What to do with one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// It is done.
    Delete,
    /// It is delivered again.
    Again { delay: Duration, attempt: u32 },
    /// It goes to the dead letters.
    DeadLetter(GivenUp),
}

impl Settlement {
    /// The settlement of a message by the outcome of delivery `attempt`. `forever`: a dead letter, which is never given up.
    pub(crate) fn of(
        outcome: Outcome,
        attempt: u32,
        policy: &RetryPolicy,
        forever: bool,
        jitter: f64,
    ) -> Self {
        let next = attempt.saturating_add(1);
        match outcome {
            Outcome::Done | Outcome::Duplicate => Self::Delete,
            Outcome::Retry { because, .. } if policy.is_last(attempt) && !forever => {
                Self::DeadLetter(GivenUp { because, attempts: attempt })
            }
            Outcome::Retry { after, .. } => {
                Self::Again { delay: after.unwrap_or_else(|| policy.delay(attempt, jitter)), attempt: next }
            }
            Outcome::Poison { .. } if forever => Self::Again { delay: policy.max_delay, attempt: next },
            Outcome::Poison { because } => Self::DeadLetter(GivenUp { because, attempts: attempt }),
        }
    }
}

/// One message and its settlement. If it is dropped before it is written, the message goes back to the queue.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) lease: Lease,
    pub(crate) settlement: Settlement,
}

/// The messages of one batch that have had no answer yet.
#[derive(Debug)]
pub(crate) struct UnsettledBatch {
    slots: Mutex<Vec<Option<(Lease, u32)>>>,
    policy: RetryPolicy,
    forever: bool,
    answers: mpsc::Sender<Vec<Answer>>,
}

impl UnsettledBatch {
    pub(crate) fn new(
        leases: Vec<(Lease, u32)>,
        policy: RetryPolicy,
        forever: bool,
        answers: mpsc::Sender<Vec<Answer>>,
    ) -> Self {
        Self { slots: Mutex::new(leases.into_iter().map(Some).collect()), policy, forever, answers }
    }

    /// The lease ran out: what has no answer yet is delivered again at once, with one more attempt.
    pub(crate) async fn expire(&self) {
        let open: Vec<(Lease, u32)> = self.slots().iter_mut().filter_map(Option::take).collect();
        let answers = open.into_iter().map(|(lease, attempt)| {
            let outcome = Outcome::retry_after(Duration::ZERO, "the worker took longer than its lease");
            let settlement = Settlement::of(outcome, attempt, &self.policy, self.forever, 0.0);
            Answer { lease, settlement }
        });
        self.hand_over(answers.collect()).await;
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Option<(Lease, u32)>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn hand_over(&self, answers: Vec<Answer>) {
        if !answers.is_empty() {
            // When answers are no longer written, they are dropped and the messages go back to the queue.
            let _ = self.answers.send(answers).await;
        }
    }
}

#[async_trait]
impl Settle for UnsettledBatch {
    async fn settle(&self, settled: Vec<Settled>) {
        let mut answers = Vec::with_capacity(settled.len());
        {
            let mut slots = self.slots();
            for Settled { index, outcome } in settled {
                // Not found: the lease ran out before, and another worker has the message.
                let Some((lease, attempt)) = slots.get_mut(index).and_then(Option::take) else { continue };
                match outcome {
                    Some(outcome) => {
                        let settlement =
                            Settlement::of(outcome, attempt, &self.policy, self.forever, jitter(&lease));
                        answers.push(Answer { lease, settlement });
                    }
                    None => drop(lease),
                }
            }
        }
        self.hand_over(answers).await;
    }
}

/// Spreads messages that failed together; differs from message to message and from run to run.
fn jitter(lease: &Lease) -> f64 {
    use std::hash::BuildHasher;
    static STATE: std::sync::OnceLock<std::hash::RandomState> = std::sync::OnceLock::new();
    let hash = STATE.get_or_init(std::hash::RandomState::new).hash_one((lease.key.due, lease.key.id));
    f64::from(u32::try_from(hash >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

/// Writes answers until every sender is gone. A write that fails is retried: the disk may be full for a while.
pub(crate) async fn write_answers(store: Embedded, mut answers: mpsc::Receiver<Vec<Answer>>) {
    while let Some(mut waiting) = answers.recv().await {
        while waiting.len() < MOST_PER_WRITE
            && let Ok(more) = answers.try_recv()
        {
            waiting.extend(more);
        }
        let mut pause = FIRST_PAUSE;
        while let Err(error) = write_once(&store, &waiting).await {
            if error == WriteError::Closed {
                return;
            }
            tracing::warn!(%error, answers = waiting.len(), "settling messages failed; retrying");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        for answer in waiting {
            answer.lease.settled();
        }
    }
}

async fn write_once(store: &Embedded, answers: &[Answer]) -> Result<(), WriteError> {
    let changes: Vec<(Arc<GroupState>, Key, Settlement)> = answers
        .iter()
        .map(|answer| (answer.lease.group.clone(), answer.lease.key, answer.settlement.clone()))
        .collect();
    let work = move |tx: &mut Tx<'_>| -> rusqlite::Result<()> {
        for (group, key, settlement) in &changes {
            // Not found: another worker has settled it since.
            let _found = match settlement {
                Settlement::Delete => tx.done(group, *key)?,
                Settlement::Again { delay, attempt } => {
                    let delay = i64::try_from(delay.as_nanos()).unwrap_or(i64::MAX);
                    tx.reschedule(group, *key, tx.stamp.saturating_add(delay), *attempt)?
                }
                Settlement::DeadLetter(given_up) => tx.bury(group, *key, given_up)?,
            };
        }
        Ok(())
    };
    store.writer()?.write(work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settlement(outcome: Outcome, attempt: u32, forever: bool) -> Settlement {
        Settlement::of(outcome, attempt, &RetryPolicy::default(), forever, 1.0)
    }

    #[test]
    fn a_retry_comes_again_later_with_one_attempt_more() {
        let again = Settlement::Again { delay: Duration::from_millis(400), attempt: 3 };
        assert_eq!(settlement(Outcome::retry("away"), 2, false), again);
    }

    #[test]
    fn a_retry_of_the_last_attempt_goes_to_the_dead_letters() {
        let buried = Settlement::DeadLetter(GivenUp { because: "away".to_owned(), attempts: 16 });
        assert_eq!(settlement(Outcome::retry("away"), 16, false), buried);
    }

    #[test]
    fn poison_goes_to_the_dead_letters_at_the_first_attempt() {
        let buried = Settlement::DeadLetter(GivenUp { because: "no orderNo".to_owned(), attempts: 1 });
        assert_eq!(settlement(Outcome::poison("no orderNo"), 1, false), buried);
    }

    #[test]
    fn a_dead_letter_is_never_given_up() {
        let longest = RetryPolicy::default().max_delay;
        assert_eq!(
            settlement(Outcome::poison("bad"), 99, true),
            Settlement::Again { delay: longest, attempt: 100 }
        );
        assert_eq!(
            settlement(Outcome::retry("away"), 99, true),
            Settlement::Again { delay: longest, attempt: 100 }
        );
    }
}
