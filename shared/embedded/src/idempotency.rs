use async_trait::async_trait;
use boxoffice_domain::ports::{Claim, ClaimAnswer, Fence, IdempotencyKey, IdempotencyStore, StoreError};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

use crate::Embedded;
use crate::columns::{instant, nanos};
use crate::tx::Tx;

pub(crate) const IN_PROGRESS: i64 = 0;
const GIVEN_BACK: i64 = 1;
const DONE: i64 = 2;

#[async_trait]
impl IdempotencyStore for Embedded {
    async fn begin(&self, key: &IdempotencyKey, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        let (key, claim) = (key.clone(), claim.clone());
        Ok(self.writer()?.write(move |tx| begin(tx, key.as_str(), &claim)).await?)
    }

    async fn complete(
        &self,
        key: &IdempotencyKey,
        owner: &str,
        result: Option<&str>,
        expires_at: Timestamp,
    ) -> Result<Fence, StoreError> {
        let (key, owner, expires_at) = (key.clone(), owner.to_owned(), nanos(expires_at));
        let result = result.map(str::to_owned);
        let changed = self.writer()?.write(move |tx| {
            tx.execute(
                "UPDATE idempotency SET state = ?3, result = ?4, expires_at = ?5 \
                 WHERE key = ?1 AND owner = ?2 AND state = ?6",
                (key.as_str(), &owner, DONE, &result, expires_at, IN_PROGRESS),
            )
        });
        Ok(fence(changed.await?))
    }

    async fn abandon(&self, key: &IdempotencyKey, owner: &str, now: Timestamp) -> Result<Fence, StoreError> {
        let (key, owner, now) = (key.clone(), owner.to_owned(), nanos(now));
        let changed = self.writer()?.write(move |tx| {
            tx.execute(
                "UPDATE idempotency SET state = ?3, lease_until = ?4 WHERE key = ?1 AND owner = ?2 AND state = ?5",
                (key.as_str(), &owner, GIVEN_BACK, now, IN_PROGRESS),
            )
        });
        Ok(fence(changed.await?))
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        let purged = self.writer()?.write(move |tx| {
            tx.execute(
                "DELETE FROM idempotency WHERE key IN \
                 (SELECT key FROM idempotency WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
                (nanos(now), limit),
            )
        });
        Ok(u32::try_from(purged.await?).unwrap_or(u32::MAX))
    }
}

const fn fence(changed: usize) -> Fence {
    if changed > 0 { Fence::Held } else { Fence::Lost }
}

struct Record {
    payload_hash: String,
    data: Option<String>,
    result: Option<String>,
    state: i64,
    lease_until: i64,
    taken_over: i64,
}

fn begin(tx: &Tx<'_>, key: &str, claim: &Claim) -> rusqlite::Result<ClaimAnswer> {
    let live = tx
        .connection
        .prepare_cached(
            "SELECT payload_hash, data, result, state, lease_until, taken_over FROM idempotency \
             WHERE key = ?1 AND expires_at > ?2",
        )?
        .query_row((key, nanos(claim.now)), |row| {
            Ok(Record {
                payload_hash: row.get(0)?,
                data: row.get(1)?,
                result: row.get(2)?,
                state: row.get(3)?,
                lease_until: row.get(4)?,
                taken_over: row.get(5)?,
            })
        })
        .optional()?;
    let (data, taken_over, times) = match live {
        None => (claim.data.clone(), false, 0),
        Some(record) if record.payload_hash != claim.payload_hash => return Ok(ClaimAnswer::PayloadDiffers),
        Some(record) if record.state == DONE => return Ok(ClaimAnswer::Completed { result: record.result }),
        Some(record) if record.state == IN_PROGRESS && record.lease_until > nanos(claim.now) => {
            return Ok(ClaimAnswer::InProgress { until: instant(record.lease_until) });
        }
        Some(record) => {
            let taken_over = record.state == IN_PROGRESS;
            (record.data, taken_over, record.taken_over + i64::from(taken_over))
        }
    };
    tx.execute(
        "INSERT OR REPLACE INTO idempotency (key, owner, payload_hash, data, result, state, lease_until, expires_at, taken_over) \
         VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6, ?7, ?8)",
        (
            key,
            &claim.owner,
            &claim.payload_hash,
            &data,
            IN_PROGRESS,
            nanos(claim.lease_until),
            nanos(claim.expires_at),
            times,
        ),
    )?;
    Ok(ClaimAnswer::Started { data, taken_over })
}
