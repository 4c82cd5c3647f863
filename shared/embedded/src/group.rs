use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use boxoffice_domain::ports::StoreError;
use boxoffice_runtime::Delivery;
use rusqlite::{Connection, OptionalExtension, Row};
use tokio::sync::Notify;

use crate::columns::{instant, properties};
use crate::horizon::Horizon;
use crate::message::{Key, message_name};
use crate::readers::Readers;

/// A claim ends early once its bodies come to this, so that a batch of large messages stays small in memory.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The part of a consumer group's queue that is not in the file: one process owns the file, so which worker has which
/// message need not be stored.
#[derive(Debug)]
pub(crate) struct GroupState {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// The last message taken. All before it are taken, handled or in `returned`. Held while a batch is read, so that
    /// two workers never read the same one.
    cursor: Mutex<Key>,
    /// The same for the writer, which must not wait for a read.
    claimed: Mutex<Option<Key>>,
    /// Messages that were taken and handed back untouched; never more than were in flight.
    returned: Mutex<VecDeque<Key>>,
    in_flight: AtomicUsize,
    /// When a sleeping worker looks again by itself.
    next_due: AtomicI64,
    notify: Notify,
}

/// What a worker got.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    pub(crate) messages: Vec<(Lease, Delivery)>,
    /// When there was less than asked for: the due time of the next message, if there is one.
    pub(crate) next_due: Option<i64>,
}

impl GroupState {
    pub(crate) fn new(id: i64, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            cursor: Mutex::new(Key::FIRST),
            claimed: Mutex::new(None),
            returned: Mutex::new(VecDeque::new()),
            in_flight: AtomicUsize::new(0),
            next_due: AtomicI64::new(i64::MAX),
            notify: Notify::new(),
        }
    }

    /// The last message taken since the file was opened.
    pub(crate) fn claimed(&self) -> Option<(i64, i64)> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).map(|key| (key.due, key.id))
    }

    /// Messages that workers have.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Wakes a worker for a message that became visible, unless all workers will be awake at its due time anyway.
    pub(crate) fn wake_for(&self, due: i64, now: i64) {
        if due <= now || due < self.next_due.load(Ordering::SeqCst) {
            self.notify.notify_one();
        }
    }

    /// Wakes one worker.
    pub(crate) fn wake(&self) {
        self.notify.notify_one();
    }

    /// Wakes every worker that sleeps.
    pub(crate) fn wake_all(&self) {
        self.notify.notify_waiters();
        self.notify.notify_one();
    }

    /// Returns when the group is woken, or at once if it was woken since the last call.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }

    /// Takes at most `most` messages that are due.
    pub(crate) fn claim(
        self: &Arc<Self>,
        most: usize,
        horizon: &Horizon,
        readers: &Readers,
    ) -> Result<Claimed, StoreError> {
        let mut claimed = Claimed::default();
        let mut bytes = 0;
        while claimed.messages.len() < most && bytes < MOST_BYTES {
            let Some(lease) = self.take_returned() else { break };
            match readers.read(|connection| read_one(connection, self.id, lease.key))? {
                Some(delivery) => {
                    bytes += delivery.body.len();
                    claimed.messages.push((lease, delivery));
                }
                None => lease.settled(),
            }
        }
        if claimed.messages.len() >= most || bytes >= MOST_BYTES {
            return Ok(claimed);
        }
        let wanted = most - claimed.messages.len();
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the snapshot: what is committed after it wakes a worker, because it is due earlier than never.
        self.next_due.store(i64::MAX, Ordering::SeqCst);
        let visible = horizon.visible();
        let (rows, next_due) = readers
            .read(|connection| read_due(connection, self.id, *cursor, visible, wanted, MOST_BYTES - bytes))?;
        if let Some((last, _)) = rows.last() {
            *cursor = *last;
            *self.claimed.lock().unwrap_or_else(PoisonError::into_inner) = Some(*last);
        }
        if let Some(due) = next_due {
            self.next_due.store(due, Ordering::SeqCst);
        }
        drop(cursor);
        claimed.next_due = next_due;
        claimed.messages.extend(rows.into_iter().map(|(key, delivery)| (Lease::new(self, key), delivery)));
        Ok(claimed)
    }

    fn take_returned(self: &Arc<Self>) -> Option<Lease> {
        let key = self.returned.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        Some(Lease::new(self, key))
    }
}

/// The right to settle one message. If it is dropped unsettled, the message goes back to the queue at the same attempt.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) group: Arc<GroupState>,
    pub(crate) key: Key,
    settled: bool,
}

impl Lease {
    fn new(group: &Arc<GroupState>, key: Key) -> Self {
        group.in_flight.fetch_add(1, Ordering::SeqCst);
        Self { group: group.clone(), key, settled: false }
    }

    /// The message is settled in the file.
    pub(crate) fn settled(mut self) {
        self.settled = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.settled {
            self.group.returned.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.key);
            self.group.notify.notify_one();
        }
        self.group.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

const COLUMNS: &str = "due, id, topic, tag, key, attempt, generation, sent_at, sys_flag, properties, body";

/// Reads what is due after `cursor`; beside it, when that is all, when the next message is due.
#[allow(clippy::type_complexity)]
fn read_due(
    connection: &Connection,
    group_id: i64,
    cursor: Key,
    visible: i64,
    most: usize,
    most_bytes: usize,
) -> rusqlite::Result<(Vec<(Key, Delivery)>, Option<i64>)> {
    let sql = format!(
        "SELECT {COLUMNS} FROM messages WHERE group_id = ?1 AND (due, id) > (?2, ?3) ORDER BY due, id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([group_id, cursor.due, cursor.id])?;
    let mut found: Vec<(Key, Delivery)> = Vec::with_capacity(most.min(256));
    let mut bytes = 0;
    while found.len() < most && bytes < most_bytes {
        let Some(row) = rows.next()? else { break };
        let due: i64 = row.get(0)?;
        if due > visible {
            return Ok((found, Some(due)));
        }
        let delivery = delivery(row, found.last().map(|(_, before)| before))?;
        bytes += delivery.body.len();
        found.push((Key { due, id: row.get(1)? }, delivery));
    }
    Ok((found, None))
}

fn read_one(connection: &Connection, group_id: i64, key: Key) -> rusqlite::Result<Option<Delivery>> {
    let sql = format!("SELECT {COLUMNS} FROM messages WHERE group_id = ?1 AND due = ?2 AND id = ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_row([group_id, key.due, key.id], |row| delivery(row, None)).optional()
}

/// Converts a row to a delivery; `before` is the previous one, whose names it shares if they are equal.
fn delivery(row: &Row<'_>, before: Option<&Delivery>) -> rusqlite::Result<Delivery> {
    let shared = |column: usize, known: Option<&Arc<str>>| -> rusqlite::Result<Option<Arc<str>>> {
        let text =
            row.get_ref(column)?.as_str_or_null().map_err(|e| crate::columns::unreadable(column, e))?;
        Ok(text.map(|text| match known {
            Some(known) if **known == *text => known.clone(),
            _ => Arc::from(text),
        }))
    };
    let body = row.get_ref(10)?.as_blob().map_err(|error| crate::columns::unreadable(10, error))?;
    Ok(Delivery {
        topic: shared(2, before.map(|before| &before.topic))?.unwrap_or_default(),
        tag: shared(3, before.and_then(|before| before.tag.as_ref()))?,
        key: shared(4, None)?,
        message_id: message_name(row.get(1)?).into(),
        body: bytes::Bytes::copy_from_slice(body),
        sys_flag: row.get(8)?,
        attempt: row.get(5)?,
        generation: row.get(6)?,
        sent_at: Some(instant(row.get(7)?)),
        available_at: Some(instant(row.get(0)?)),
        properties: properties(row, 9)?,
    })
}
