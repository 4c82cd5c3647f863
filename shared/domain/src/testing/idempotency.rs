use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Crash, Faults, fault_switches, locked};
use crate::ports::{
    Claim, ClaimAnswer, Fence, IdempotencyKey, IdempotencyStore, StoreError, UncertainEffect,
};

#[derive(Debug, Clone)]
struct Record {
    owner: String,
    payload_hash: String,
    data: Option<String>,
    lease_until: Timestamp,
    expires_at: Timestamp,
    progress: Progress,
    taken_over: u32,
}

#[derive(Debug, Clone, PartialEq)]
enum Progress {
    Running,
    GivenBack,
    Completed(Option<String>),
}

/// Idempotency records in memory.
#[derive(Debug)]
pub struct FakeIdempotencyStore {
    faults: Faults<StoreError>,
    records: Mutex<HashMap<IdempotencyKey, Record>>,
}

impl Default for FakeIdempotencyStore {
    fn default() -> Self {
        Self::new(&Crash::default())
    }
}

impl FakeIdempotencyStore {
    /// Empty; dies with `crash`.
    pub fn new(crash: &Crash) -> Self {
        let dead = || StoreError::Unavailable("the process died".to_owned());
        Self { faults: Faults::new(crash.clone(), dead), records: Mutex::default() }
    }

    /// Whether the work of a key is recorded as done.
    pub fn is_completed(&self, key: &IdempotencyKey) -> bool {
        locked(&self.records).get(key).is_some_and(|record| matches!(record.progress, Progress::Completed(_)))
    }

    /// Number of records, expired ones included.
    pub fn len(&self) -> usize {
        locked(&self.records).len()
    }

    /// True when there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The effects that are unfinished, or that were taken over, in no order.
    pub fn uncertain(&self) -> Vec<UncertainEffect> {
        let records = locked(&self.records);
        let effects = records.iter().map(|(key, record)| UncertainEffect {
            key: key.to_string(),
            unfinished: record.progress == Progress::Running,
            taken_over: record.taken_over,
        });
        effects.filter(|effect| effect.unfinished || effect.taken_over > 0).collect()
    }

    /// Changes the record of a key if `owner` holds it.
    async fn fenced(
        &self,
        key: &IdempotencyKey,
        owner: &str,
        change: impl FnOnce(&mut Record) + Send,
    ) -> Result<Fence, StoreError> {
        self.faults
            .call(|| match locked(&self.records).get_mut(key) {
                Some(record) if record.owner == owner && record.progress == Progress::Running => {
                    change(record);
                    Ok(Fence::Held)
                }
                _ => Ok(Fence::Lost),
            })
            .await
    }
}

#[async_trait]
impl IdempotencyStore for FakeIdempotencyStore {
    async fn begin(&self, key: &IdempotencyKey, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        self.faults
            .call(|| {
                let mut records = locked(&self.records);
                let live = records.get(key).filter(|record| record.expires_at > claim.now);
                let (data, taken_over, times) = match live {
                    None => (claim.data.clone(), false, 0),
                    Some(record) if record.payload_hash != claim.payload_hash => {
                        return Ok(ClaimAnswer::PayloadDiffers);
                    }
                    Some(Record { progress: Progress::Completed(result), .. }) => {
                        return Ok(ClaimAnswer::Completed { result: result.clone() });
                    }
                    Some(record)
                        if record.progress == Progress::Running && record.lease_until > claim.now =>
                    {
                        return Ok(ClaimAnswer::InProgress { until: record.lease_until });
                    }
                    Some(record) => {
                        let taken_over = record.progress == Progress::Running;
                        (record.data.clone(), taken_over, record.taken_over + u32::from(taken_over))
                    }
                };
                let record = Record {
                    owner: claim.owner.clone(),
                    payload_hash: claim.payload_hash.clone(),
                    data: data.clone(),
                    lease_until: claim.lease_until,
                    expires_at: claim.expires_at,
                    progress: Progress::Running,
                    taken_over: times,
                };
                records.insert(key.clone(), record);
                Ok(ClaimAnswer::Started { data, taken_over })
            })
            .await
    }

    async fn complete(
        &self,
        key: &IdempotencyKey,
        owner: &str,
        result: Option<&str>,
        expires_at: Timestamp,
    ) -> Result<Fence, StoreError> {
        self.fenced(key, owner, |record| {
            record.progress = Progress::Completed(result.map(str::to_owned));
            record.expires_at = expires_at;
        })
        .await
    }

    async fn abandon(&self, key: &IdempotencyKey, owner: &str, now: Timestamp) -> Result<Fence, StoreError> {
        self.fenced(key, owner, |record| {
            record.progress = Progress::GivenBack;
            record.lease_until = now;
        })
        .await
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.faults
            .call(|| {
                let mut records = locked(&self.records);
                let mut purged = 0;
                records.retain(|_, record| {
                    let goes = purged < limit && record.expires_at < now;
                    purged += u32::from(goes);
                    !goes
                });
                Ok(purged)
            })
            .await
    }
}

fault_switches!(FakeIdempotencyStore, StoreError);
