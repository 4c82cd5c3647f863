use std::sync::Arc;

use boxoffice_messages::{dead_letter_topic, group};
use boxoffice_runtime::{
    DEAD_LETTER_ATTEMPTS, DEAD_LETTER_GENERATION, DEAD_LETTER_GROUP, DEAD_LETTER_MESSAGE_ID,
    DEAD_LETTER_NO_GROUP, DEAD_LETTER_REASON, DEAD_LETTER_TAG, DEAD_LETTER_TOPIC,
};
use rusqlite::{Connection, named_params};

use crate::columns::{properties, properties_text};
use crate::group::GroupState;
use crate::message::{GivenUp, Key, QueuedMessage, message_name};
use crate::message_counts::Accounts;
use crate::routing::SharedRouting;

/// What a job of the writer may do: everything between BEGIN and COMMIT.
pub(crate) struct Tx<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) routing: &'a SharedRouting,
    pub(crate) next_id: &'a mut i64,
    /// No message of this commit is due before this instant.
    pub(crate) stamp: i64,
    /// Groups that got a message, with its due time.
    pub(crate) woken: &'a mut Vec<(Arc<GroupState>, i64)>,
    /// What this commit adds to the account of each group.
    pub(crate) accounts: &'a mut Accounts,
}

const INSERT: &str = "INSERT INTO messages (group_id, due, id, topic, tag, key, attempt, generation, sent_at, \
    sys_flag, properties, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9, ?10, ?11)";

impl Tx<'_> {
    /// Runs one statement; the number of rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(sql)?.execute(params)
    }

    fn new_id(&mut self) -> i64 {
        let id = *self.next_id;
        *self.next_id += 1;
        id
    }

    fn insert(
        &mut self,
        to: &Arc<GroupState>,
        id: i64,
        parcel: &QueuedMessage,
        generation: u32,
    ) -> rusqlite::Result<()> {
        let due = parcel.due.unwrap_or(self.stamp).max(self.stamp);
        self.connection.prepare_cached(INSERT)?.execute(rusqlite::params![
            to.id,
            due,
            id,
            parcel.topic,
            parcel.tag,
            parcel.key,
            generation,
            self.stamp,
            parcel.sys_flag,
            parcel.properties,
            &parcel.body[..],
        ])?;
        self.accounts.of(to.id).queued += 1;
        self.note(to, due);
        Ok(())
    }

    /// Remembers to wake a group, once per commit and for its earliest message.
    fn note(&mut self, group: &Arc<GroupState>, due: i64) {
        match self.woken.iter_mut().find(|(known, _)| known.id == group.id) {
            Some((_, earliest)) => *earliest = due.min(*earliest),
            None => self.woken.push((group.clone(), due)),
        }
    }

    /// Adds a message to the queue of every group that takes it; returns its id.
    pub(crate) fn send(&mut self, parcel: &QueuedMessage) -> rusqlite::Result<i64> {
        let id = self.new_id();
        let takers = self.routing.takers(&parcel.topic, parcel.tag.as_deref());
        for group in &takers {
            self.insert(group, id, parcel, 0)?;
        }
        if takers.is_empty() {
            let tag = parcel.tag.as_deref().unwrap_or("(none)");
            let because = format!("no consumer group takes topic {} with tag {tag}", parcel.topic);
            let given_up = GivenUp { because, attempts: 0 };
            let given = parcel.properties.as_deref().and_then(|text| serde_json::from_str(text).ok());
            self.insert_dead(parcel, given.unwrap_or_default(), DEAD_LETTER_NO_GROUP, id, 0, &given_up)?;
        }
        Ok(id)
    }

    /// Adds a message to the queue of one group only, as redrive `generation`. False when the group does not exist.
    pub(crate) fn send_to(
        &mut self,
        name: &str,
        parcel: &QueuedMessage,
        generation: u32,
    ) -> rusqlite::Result<bool> {
        let Some(group) = self.routing.group(name) else { return Ok(false) };
        let id = self.new_id();
        self.insert(&group, id, parcel, generation)?;
        Ok(true)
    }

    /// Makes the message of `key` due again at `due`. False when it is gone: another worker settled it.
    pub(crate) fn reschedule(
        &mut self,
        group: &Arc<GroupState>,
        key: Key,
        due: i64,
        attempt: u32,
    ) -> rusqlite::Result<bool> {
        let due = due.max(self.stamp);
        let changed = self.execute(
            "UPDATE messages SET due = ?4, attempt = ?5 WHERE group_id = ?1 AND due = ?2 AND id = ?3",
            (group.id, key.due, key.id, due, attempt),
        )?;
        if changed > 0 {
            self.note(group, due);
        }
        Ok(changed > 0)
    }

    /// Deletes a message that was handled. False when it is gone.
    pub(crate) fn done(&mut self, group: &GroupState, key: Key) -> rusqlite::Result<bool> {
        let deleted = self.delete(group, key)?;
        self.accounts.of(group.id).handled += i64::from(deleted);
        Ok(deleted)
    }

    fn delete(&self, group: &GroupState, key: Key) -> rusqlite::Result<bool> {
        let deleted = self.execute(
            "DELETE FROM messages WHERE group_id = ?1 AND due = ?2 AND id = ?3",
            [group.id, key.due, key.id],
        )?;
        Ok(deleted > 0)
    }

    /// Moves a message to the dead letters of its group. False when it is gone.
    pub(crate) fn bury(
        &mut self,
        group: &GroupState,
        key: Key,
        given_up: &GivenUp,
    ) -> rusqlite::Result<bool> {
        let read = self
            .connection
            .prepare_cached(
                "SELECT topic, tag, key, generation, sys_flag, properties, body FROM messages \
                 WHERE group_id = ?1 AND due = ?2 AND id = ?3",
            )?
            .query_row([group.id, key.due, key.id], |row| {
                let parcel = QueuedMessage {
                    topic: row.get(0)?,
                    tag: row.get(1)?,
                    key: row.get(2)?,
                    due: None,
                    sys_flag: row.get(4)?,
                    properties: None,
                    body: row.get::<_, Vec<u8>>(6)?.into(),
                };
                Ok((parcel, row.get::<_, u32>(3)?, properties(row, 5)?))
            });
        let (parcel, generation, given) = match read {
            Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(false),
            other => other?,
        };
        self.insert_dead(&parcel, given, &group.name, key.id, generation, given_up)?;
        self.accounts.of(group.id).dead_lettered += 1;
        self.delete(group, key)
    }

    fn insert_dead(
        &mut self,
        parcel: &QueuedMessage,
        mut properties: Vec<(String, String)>,
        group_name: &str,
        message_id: i64,
        generation: u32,
        given_up: &GivenUp,
    ) -> rusqlite::Result<()> {
        let mut add = |name: &str, value: String| properties.push((name.to_owned(), value));
        add(DEAD_LETTER_REASON, given_up.because.clone());
        add(DEAD_LETTER_GROUP, group_name.to_owned());
        add(DEAD_LETTER_TOPIC, parcel.topic.to_string());
        if let Some(tag) = &parcel.tag {
            add(DEAD_LETTER_TAG, tag.to_string());
        }
        add(DEAD_LETTER_MESSAGE_ID, message_name(message_id));
        add(DEAD_LETTER_ATTEMPTS, given_up.attempts.to_string());
        add(DEAD_LETTER_GENERATION, generation.to_string());
        let letter = QueuedMessage {
            topic: dead_letter_topic(group_name).into(),
            tag: None,
            due: None,
            properties: properties_text(&properties),
            ..parcel.clone()
        };
        // Two groups may give up one message in one commit: each letter is a message of its own.
        let id = self.new_id();
        let mut takers = self.routing.takers(&letter.topic, None);
        if takers.is_empty() {
            takers.extend(self.routing.group(group::DLQ_HANDLER));
        }
        for taker in &takers {
            self.insert(taker, id, &letter, 0)?;
        }
        Ok(())
    }

    /// Stores a message that the caller has to send; returns the number of its mark.
    pub(crate) fn mark(&self, parcel: &QueuedMessage) -> rusqlite::Result<i64> {
        self.connection
            .prepare_cached(
                "INSERT INTO marks (made_at, topic, tag, key, due, sys_flag, properties, body) \
                 VALUES (:made_at, :topic, :tag, :key, :due, :sys_flag, :properties, :body)",
            )?
            .execute(named_params! {
                ":made_at": self.stamp, ":topic": parcel.topic, ":tag": parcel.tag, ":key": parcel.key,
                ":due": parcel.due, ":sys_flag": parcel.sys_flag, ":properties": parcel.properties,
                ":body": &parcel.body[..],
            })?;
        Ok(self.connection.last_insert_rowid())
    }
}
