use boxoffice_domain::ports::StoreError;
use futures_util::future::{FutureExt, join_all};

use super::WriteError;
use crate::{Embedded, Options};

fn open() -> (tempfile::TempDir, Embedded) {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path().join("boxoffice.db"), Options::default()).unwrap();
    (folder, store)
}

async fn put(store: &Embedded, ticket: i64, available: i64) -> Result<(), WriteError> {
    let work = move |tx: &mut crate::tx::Tx<'_>| {
        let sql = "INSERT INTO stock_cache (ticket_id, available, held, reservations) VALUES (?1, ?2, 0, 0)";
        tx.execute(sql, [ticket, available])?;
        Ok(())
    };
    store.writer()?.write(work).await
}

fn tickets(store: &Embedded) -> Vec<i64> {
    let sql = "SELECT ticket_id FROM stock_cache ORDER BY ticket_id";
    let read = store.inner.readers.read(|connection| {
        connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()
    });
    read.unwrap()
}

#[tokio::test]
async fn a_write_that_fails_does_not_fail_its_neighbours() {
    let (_folder, store) = open();
    let before = store.figures();
    // One of ten breaks the rule that stock is never negative.
    let writes = (0..100).map(|ticket| put(&store, ticket, if ticket % 10 == 3 { -1 } else { 1 }));
    let answers = join_all(writes).await;
    assert!(store.figures().commits - before.commits < 100, "they did not share a commit");
    for (ticket, answer) in answers.into_iter().enumerate() {
        if ticket % 10 == 3 {
            let error = answer.unwrap_err();
            assert!(matches!(&error, WriteError::Refused(why) if why.contains("CHECK")), "{error:?}");
        } else {
            answer.unwrap();
        }
    }
    let expected: Vec<i64> = (0..100).filter(|ticket| ticket % 10 != 3).collect();
    assert_eq!(tickets(&store), expected);
}

#[tokio::test]
async fn a_caller_that_goes_away_still_gets_its_write_made_or_not_at_all() {
    let (_folder, store) = open();
    for ticket in 0..20 {
        // Polled once, so that it is queued, then dropped.
        let _ = put(&store, ticket, 1).now_or_never();
    }
    put(&store, 100, 1).await.unwrap();
    assert_eq!(tickets(&store).len(), 21);
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_passes() {
    let (_folder, store) = open();
    let limit = |pages: i64| {
        let work = move |tx: &mut crate::tx::Tx<'_>| {
            tx.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
        };
        store.writer().unwrap().write(work)
    };
    limit(1).await.unwrap();
    let fill = |from: i64| {
        let store = store.clone();
        async move {
            for ticket in from..from + 5_000 {
                put(&store, ticket, 1).await.map_err(StoreError::from)?;
            }
            Ok::<(), StoreError>(())
        }
    };
    let error = fill(0).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("full")), "{error:?}");
    limit(1_000_000).await.unwrap();
    put(&store, 1_000_000, 1).await.unwrap();
}
