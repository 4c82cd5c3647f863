use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::IdempotencySettings;
use boxoffice_domain::ports::{
    Claim, ClaimAnswer, Clock, Fence, IdempotencyKey, IdempotencyStore, Ids, Ports, StoreError,
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::Outcome;

/// How many attempts are made to record a finished effect.
const RECORD_TRIES: u32 = 4;
/// The wait before the second attempt; it doubles with each further one.
const FIRST_RECORD_DELAY: Duration = Duration::from_millis(50);

/// Makes an external effect, such as sending a text message, happen once per key.
///
/// The vocabulary is that of Powertools' idempotency utility: the first call with a key *claims* it with a *lease*
/// and runs the work; a repeat gets the stored *result*; a repeat while the work runs must retry later; the
/// same key with another payload is rejected. Unlike Powertools, ending the work is *fenced*: only the owner of the
/// claim may complete it or give it back, so an owner that stalls past its lease cannot overwrite the next one.
///
/// A new key costs two store requests, a duplicate one.
#[derive(Clone)]
pub struct IdempotencyGuard {
    /// Where the records are.
    pub store: Arc<dyn IdempotencyStore>,
    /// Decides when a lease ends.
    pub clock: Arc<dyn Clock>,
    /// Generates the names of owners.
    pub ids: Arc<dyn Ids>,
    /// How long idempotency records are kept.
    pub settings: IdempotencySettings,
}

/// What the work learns from its claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The data of the first claim of this key: this call's own, or that of an earlier call that did not finish.
    pub data: Option<String>,
    /// True if the lease of an earlier owner ran out: its effect may have happened.
    pub taken_over: bool,
}

/// The result of one guarded call. `E` is the error of the work.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Guarded<E> {
    /// The work ran, and its result is recorded.
    Ran {
        /// The result of the work.
        result: Option<String>,
    },
    /// The work ran and its effect has happened, but a repeat may run it again: the lease ran out in the meantime, or the
    /// result could not be recorded in several tries.
    RanUnrecorded {
        /// The result of the work.
        result: Option<String>,
    },
    /// An earlier call did the work.
    Duplicate {
        /// Its result.
        result: Option<String>,
    },
    /// Another worker is doing it now.
    InProgress {
        /// The rest of its lease.
        retry_after: Duration,
    },
    /// The key was used for another payload.
    PayloadDiffers,
    /// The work failed; the key was given back, so that a repeat runs.
    Failed(E),
    /// The claim failed; nothing ran.
    Unavailable(StoreError),
}

/// The answer of a message handler.
impl From<Guarded<Self>> for Outcome {
    fn from(guarded: Guarded<Self>) -> Self {
        match guarded {
            // Redelivery would certainly repeat the effect; acknowledging repeats nothing.
            Guarded::Ran { .. } | Guarded::RanUnrecorded { .. } => Self::Done,
            Guarded::Duplicate { .. } => Self::Duplicate,
            Guarded::InProgress { retry_after } => {
                Self::retry_after(retry_after, "another worker is doing it now")
            }
            Guarded::PayloadDiffers => Self::poison("this idempotency key was used with another payload"),
            Guarded::Failed(outcome) => outcome,
            Guarded::Unavailable(error) => error.into(),
        }
    }
}

impl IdempotencyGuard {
    /// A guard on these ports.
    pub fn new(ports: &Ports, settings: IdempotencySettings) -> Self {
        Self {
            store: Arc::clone(&ports.idempotency),
            clock: Arc::clone(&ports.clock),
            ids: Arc::clone(&ports.ids),
            settings,
        }
    }

    /// Runs `work`, unless it was done, or is being done, under this `key`.
    ///
    /// `payload` is what the work depends on; its hash is kept, and the same key with another hash is refused.
    /// `data` is kept with the first claim and passed to the call that finishes the work. `work` returns its result, which
    /// later calls get. If it panics or is dropped, the claim stays until its lease ends, because the effect may have
    /// happened; the next call then sees [`Turn::taken_over`].
    pub async fn run<E, Work, Working>(
        &self,
        key: &IdempotencyKey,
        payload: &[u8],
        data: Option<String>,
        work: Work,
    ) -> Guarded<E>
    where
        Work: FnOnce(Turn) -> Working,
        Working: Future<Output = Result<Option<String>, E>>,
    {
        let now = self.clock.now();
        let owner = self.ids.unique();
        let claim = Claim {
            owner: owner.clone(),
            payload_hash: hash(payload),
            data,
            now,
            lease_until: later(now, self.settings.lease),
            expires_at: later(now, self.settings.keep),
        };
        let turn = match self.store.begin(key, &claim).await {
            Ok(ClaimAnswer::Started { data, taken_over }) => Turn { data, taken_over },
            Ok(ClaimAnswer::InProgress { until }) => {
                let retry_after = Duration::try_from(until.duration_since(now)).unwrap_or_default();
                return Guarded::InProgress { retry_after };
            }
            Ok(ClaimAnswer::Completed { result }) => return Guarded::Duplicate { result },
            Ok(ClaimAnswer::PayloadDiffers) => return Guarded::PayloadDiffers,
            Err(error) => return Guarded::Unavailable(error),
        };
        match work(turn).await {
            Ok(result) => self.complete(key, &owner, result).await,
            Err(failure) => {
                self.abandon(key, &owner).await;
                Guarded::Failed(failure)
            }
        }
    }

    /// Records the result. The effect has happened, so a store that is unavailable for a moment is tried again.
    async fn complete<E>(&self, key: &IdempotencyKey, owner: &str, result: Option<String>) -> Guarded<E> {
        let mut delay = FIRST_RECORD_DELAY;
        for remaining in (0..RECORD_TRIES).rev() {
            let expires_at = later(self.clock.now(), self.settings.keep);
            match self.store.complete(key, owner, result.as_deref(), expires_at).await {
                Ok(Fence::Held) => return Guarded::Ran { result },
                Ok(Fence::Lost) => {
                    tracing::warn!(%key, "the work is done, but another owner has the record: the lease ran out, or an earlier attempt succeeded");
                    return Guarded::RanUnrecorded { result };
                }
                Err(error) if remaining == 0 => {
                    tracing::error!(%key, %error, "the work is done but not recorded; a repeat would run it again");
                }
                Err(error) => {
                    tracing::warn!(%key, %error, remaining, "the work is done; recording it failed, retrying");
                    tokio::time::sleep(delay).await;
                    delay *= 2;
                }
            }
        }
        Guarded::RanUnrecorded { result }
    }

    /// Releases the key. A failure is harmless: the lease ends by itself.
    async fn abandon(&self, key: &IdempotencyKey, owner: &str) {
        match self.store.abandon(key, owner, self.clock.now()).await {
            Ok(Fence::Held) => {}
            Ok(Fence::Lost) => {
                tracing::warn!(%key, "the work failed after its lease; another worker has taken over");
            }
            Err(error) => {
                tracing::warn!(%key, %error, "the work failed, and so did releasing its key; the key is free when the lease ends");
            }
        }
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn hash(payload: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(payload) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests;
