use std::collections::BTreeMap;

use async_trait::async_trait;
use boxoffice_domain::ports::{DeadLetter, DeadLetterFilter, DeadLetterStore, Page, StoreError};
use rusqlite::{OptionalExtension, Row, named_params};

use crate::Embedded;
use crate::columns::{instant, instant_cursor, nanos, parse_cursor, properties, properties_text};

/// The most letters that are looked at for one page, so that no read holds up the caller's thread for long.
const LOOKED_AT: u32 = 1_000;

const LETTER: &str = "SELECT id, topic, tag, group_name, message_id, key, attempts, error, sys_flag, \
    properties, generation, sent_at, stored_at, body FROM dead_letters";

#[async_trait]
impl DeadLetterStore for Embedded {
    async fn put(&self, letter: &DeadLetter) -> Result<bool, StoreError> {
        let letter = letter.clone();
        let properties = properties_text(&letter.properties);
        let stored = self.writer()?.write(move |tx| {
            tx.execute(
                "INSERT INTO dead_letters (id, stored_at, topic, tag, group_name, message_id, key, attempts, error, \
                 sys_flag, properties, generation, sent_at, body) VALUES (:id, :stored_at, :topic, :tag, :group_name, \
                 :message_id, :key, :attempts, :error, :sys_flag, :properties, :generation, :sent_at, :body) \
                 ON CONFLICT DO NOTHING",
                named_params! {
                    ":id": letter.id,
                    ":stored_at": nanos(letter.stored_at),
                    ":topic": letter.topic,
                    ":tag": letter.tag,
                    ":group_name": letter.group,
                    ":message_id": letter.message_id,
                    ":key": letter.key,
                    ":attempts": letter.attempts,
                    ":error": letter.error,
                    ":sys_flag": letter.sys_flag,
                    ":properties": properties,
                    ":generation": letter.generation,
                    ":sent_at": letter.sent_at.map(nanos),
                    ":body": &letter.body[..],
                },
            )
        });
        Ok(stored.await? > 0)
    }

    async fn list(
        &self,
        filter: &DeadLetterFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<DeadLetter>, StoreError> {
        let (since, after) = cursor.map_or(Ok((i64::MIN, "")), parse_cursor)?;
        let most = limit.max(1) as usize;
        let sql = format!("{LETTER} WHERE (stored_at, id) > (?1, ?2) ORDER BY stored_at, id LIMIT ?3");
        self.inner.readers.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query((since, after, LOOKED_AT + 1))?;
            let mut page = Page { items: Vec::new(), next: None };
            for _ in 0..LOOKED_AT {
                let Some(row) = rows.next()? else { return Ok(Page { next: None, ..page }) };
                page.next = Some(instant_cursor(row.get(12)?, row.get_ref(0)?.as_str()?));
                if matches(filter, row)? {
                    page.items.push(letter_from(row)?);
                }
                if page.items.len() == most {
                    break;
                }
            }
            let more = rows.next()?.is_some();
            Ok(Page { next: page.next.filter(|_| more), ..page })
        })
    }

    async fn get(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        let sql = format!("{LETTER} WHERE id = ?1");
        self.inner
            .readers
            .read(|connection| connection.prepare_cached(&sql)?.query_row([id], letter_from).optional())
    }

    async fn remove(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        let removed =
            self.writer()?.write(move |tx| tx.execute("DELETE FROM dead_letters WHERE id = ?1", [&id]));
        Ok(removed.await? > 0)
    }

    async fn counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.inner.readers.scan(|connection| {
            connection
                .prepare_cached("SELECT group_name, count(*) FROM dead_letters GROUP BY group_name")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }
}

/// Whether the letter of a row is meant. Reads no body, which may be large.
fn matches(filter: &DeadLetterFilter, row: &Row<'_>) -> rusqlite::Result<bool> {
    let wanted = [(1, &filter.topic), (2, &filter.tag), (3, &filter.group), (5, &filter.key)];
    for (column, wanted) in wanted {
        if wanted.is_some() && row.get_ref(column)?.as_str_or_null()? != wanted.as_deref() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn letter_from(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: row.get(0)?,
        topic: row.get(1)?,
        tag: row.get(2)?,
        group: row.get(3)?,
        message_id: row.get(4)?,
        key: row.get(5)?,
        attempts: row.get(6)?,
        error: row.get(7)?,
        body: row.get::<_, Vec<u8>>(13)?.into(),
        sys_flag: row.get(8)?,
        properties: properties(row, 9)?,
        generation: row.get(10)?,
        sent_at: row.get::<_, Option<i64>>(11)?.map(instant),
        stored_at: instant(row.get(12)?),
    })
}
