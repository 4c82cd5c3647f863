use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;

/// The name of one effect: a scope (who does it) and a business key (for what), and which redrive it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// `scope` is the function, `key` the business key, `generation` 0 unless a dead letter was redriven.
    pub fn new(scope: &str, key: &str, generation: u32) -> Self {
        Self(format!("{scope}/{key}/{generation}"))
    }

    /// The key as a store keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A worker's request to do the work of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// A name no other worker and no other try uses: the fencing token.
    pub owner: String,
    /// Hash of what the work depends on; the same key with another hash is refused.
    pub payload_hash: String,
    /// Kept with the record from the first claim on, and given to whoever takes over: for example the order number
    /// that a repeated request must use again.
    pub data: Option<String>,
    /// Now.
    pub now: Timestamp,
    /// After this instant another worker may take over.
    pub lease_until: Timestamp,
    /// After this instant the record may be forgotten.
    pub expires_at: Timestamp,
}

/// The answer to a [`Claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimAnswer {
    /// The work is this worker's.
    Started {
        /// The data of the first claim of this key: its own, or that of an owner whose lease ran out.
        data: Option<String>,
        /// True when an earlier owner's lease ran out: its effect may have happened.
        taken_over: bool,
    },
    /// Another worker has it, until this instant.
    InProgress {
        /// The end of the other's lease.
        until: Timestamp,
    },
    /// It was done before.
    Completed {
        /// What the first worker left as its result.
        result: Option<String>,
    },
    /// The key was used for another payload.
    PayloadDiffers,
}

/// Whether a worker was still the owner when it finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// It was; the record is changed.
    Held,
    /// It was not; the record is unchanged.
    Lost,
}

/// Records which effects were done: one request to begin, one to finish, one for a duplicate.
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Claims a key, in one conditional write. An expired record counts as none.
    async fn begin(&self, key: &IdempotencyKey, claim: &Claim) -> Result<ClaimAnswer, StoreError>;

    /// Marks the work as done, if `owner` still owns it.
    async fn complete(
        &self,
        key: &IdempotencyKey,
        owner: &str,
        result: Option<&str>,
        expires_at: Timestamp,
    ) -> Result<Fence, StoreError>;

    /// Gives the key back undone, if `owner` still owns it: the data of the first claim stays, the lease ends now.
    async fn abandon(&self, key: &IdempotencyKey, owner: &str, now: Timestamp) -> Result<Fence, StoreError>;

    /// Deletes at most `limit` records that expired before `now`; the number deleted. Stores with a time-to-live of
    /// their own answer 0.
    async fn purge(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError>;
}
