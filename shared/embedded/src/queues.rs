//! The queues of the consumer groups, counted: for the lag, and for an operator.

use async_trait::async_trait;
use boxoffice_domain::ports::{AuditedGroup, BusAudit, BusUnavailable, GroupAccount, StoreError};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

use crate::Embedded;
use crate::columns::instant;
use crate::group::GroupState;

/// The queue of one consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupQueue {
    /// The group.
    pub group: String,
    /// Messages that are due and that nobody has.
    pub waiting: u64,
    /// Messages that are due later.
    pub delayed: u64,
    /// Messages that a worker has, or whose answer is being written.
    pub in_flight: u64,
    /// When the oldest message became due that is not handled; `None` when there is none.
    pub oldest: Option<Timestamp>,
    /// Messages ever put in this queue.
    pub queued: u64,
    /// Messages of it that were handled.
    pub handled: u64,
    /// Messages of it that were given up and moved to the dead letters.
    pub dead_lettered: u64,
}

impl GroupQueue {
    /// Every message of the group that is not handled.
    pub const fn total(&self) -> u64 {
        self.waiting + self.delayed + self.in_flight
    }
}

impl From<GroupQueue> for GroupAccount {
    fn from(queue: GroupQueue) -> Self {
        Self {
            group: queue.group,
            waiting: queue.waiting,
            delayed: Some(queue.delayed),
            in_flight: Some(queue.in_flight),
            oldest: queue.oldest,
            sent: Some(queue.queued),
            done: Some(queue.handled),
            dead: Some(queue.dead_lettered),
        }
    }
}

#[async_trait]
impl BusAudit for Embedded {
    async fn accounts(&self, groups: &[AuditedGroup]) -> Result<Vec<GroupAccount>, BusUnavailable> {
        let queues = self.queues().await.map_err(|error| BusUnavailable(error.to_string()))?;
        let mut known: Vec<GroupAccount> = queues.into_iter().map(GroupAccount::from).collect();
        let mut accounts = Vec::with_capacity(known.len().max(groups.len()));
        for group in groups {
            let place = known.iter().position(|account| account.group == group.name);
            accounts.push(place.map_or_else(|| empty(&group.name), |place| known.remove(place)));
        }
        accounts.extend(known);
        Ok(accounts)
    }
}

/// The account of a group that this file has not heard of.
fn empty(group: &str) -> GroupAccount {
    GroupAccount {
        group: group.to_owned(),
        waiting: 0,
        delayed: Some(0),
        in_flight: Some(0),
        oldest: None,
        sent: Some(0),
        done: Some(0),
        dead: Some(0),
    }
}

impl Embedded {
    /// The queues of all groups, by name. Counts rows: takes a second for each few million messages that wait.
    pub async fn queues(&self) -> Result<Vec<GroupQueue>, StoreError> {
        self.scan(|store| {
            let mut groups = store.inner.routing.groups();
            groups.sort_by(|one, other| one.name.cmp(&other.name));
            groups.iter().map(|group| store.queue(group)).collect()
        })
        .await
    }

    fn queue(&self, group: &GroupState) -> Result<GroupQueue, StoreError> {
        let now = self.inner.horizon.now();
        // One statement is one snapshot, in which the account agrees with the rows.
        let sql = "SELECT queued, handled, dead_lettered, \
                   (SELECT count(*) FROM messages WHERE group_id = ?1 AND due <= ?2), \
                   (SELECT count(*) FROM messages WHERE group_id = ?1 AND due > ?2) FROM groups WHERE id = ?1";
        let (queued, handled, dead_lettered, due, delayed): (u64, u64, u64, u64, u64) =
            self.inner.readers.scan(|connection| {
                connection.prepare_cached(sql)?.query_row([group.id, now], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                })
            })?;
        let in_flight = (group.in_flight() as u64).min(due);
        Ok(GroupQueue {
            group: group.name.clone(),
            waiting: due - in_flight,
            delayed,
            in_flight,
            oldest: self.oldest(group.id, now)?,
            queued,
            handled,
            dead_lettered,
        })
    }

    fn oldest(&self, group_id: i64, now: i64) -> Result<Option<Timestamp>, StoreError> {
        self.inner.readers.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT due FROM messages WHERE group_id = ?1 AND due <= ?2 ORDER BY due, id LIMIT 1",
                )?
                .query_row([group_id, now], |row| row.get(0).map(instant))
                .optional()
        })
    }

    /// Runs a scan on a blocking thread.
    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        let ended = tokio::task::spawn_blocking(move || work(&store)).await;
        ended.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }
}
