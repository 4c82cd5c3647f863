use async_trait::async_trait;
use boxoffice_domain::ports::{DeadLetter, DeadLetterFilter, DeadLetterStore, Page, StoreError};
use rusqlite::{OptionalExtension, Row, named_params};

use crate::Embedded;
use crate::convert::{
    instant, instant_cursor, nanos, page, parse_cursor, properties, properties_text, rows_for,
};

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
        let sql = format!(
            "{LETTER} WHERE (stored_at, id) > (:since, :after) AND (:id IS NULL OR id = :id) \
             AND (:group IS NULL OR group_name = :group) AND (:topic IS NULL OR topic = :topic) \
             AND (:tag IS NULL OR tag = :tag) AND (:key IS NULL OR key = :key) \
             ORDER BY stored_at, id LIMIT :rows"
        );
        let letters: Vec<DeadLetter> = self.inner.readers.read(|connection| {
            connection
                .prepare_cached(&sql)?
                .query_map(
                    named_params! {
                        ":since": since,
                        ":after": after,
                        ":id": filter.id,
                        ":group": filter.group,
                        ":topic": filter.topic,
                        ":tag": filter.tag,
                        ":key": filter.key,
                        ":rows": rows_for(limit),
                    },
                    letter_from,
                )?
                .collect()
        })?;
        Ok(page(letters, limit, |letter| instant_cursor(nanos(letter.stored_at), &letter.id)))
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

    async fn count(&self) -> Result<u64, StoreError> {
        self.inner.readers.read(|connection| {
            connection.query_row("SELECT count(*) FROM dead_letters", [], |row| row.get::<_, u64>(0))
        })
    }
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
