//! What the machine could do at best.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use rusqlite::Connection;
use tokio::net::TcpListener;

use crate::server::scratch;

/// Rows in one transaction.
const GROUP: usize = 256;
/// Bytes of one row.
const ROW_BYTES: usize = 300;
/// Connections that ask the empty handler.
pub const CONNECTIONS: usize = 64;

/// Rows of 300 bytes a second, in transactions of 256, with the same durability and nothing else going on.
pub fn row_writes(durability: &str, span: Duration) -> anyhow::Result<f64> {
    let folder = scratch()?;
    let connection = Connection::open(folder.path().join("limit.db"))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(
        None,
        "synchronous",
        if durability == "process-crash" { "normal" } else { "full" },
    )?;
    connection.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")?;
    let body = vec![b'x'; ROW_BYTES];
    let begun = Instant::now();
    let mut rows = 0_u64;
    while begun.elapsed() < span {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut insert = connection.prepare_cached("INSERT INTO rows (body) VALUES (?1)")?;
        for _ in 0..GROUP {
            insert.execute([&body])?;
        }
        rows += GROUP as u64;
        connection.execute_batch("COMMIT")?;
    }
    Ok(rate(rows, begun.elapsed()))
}

/// Requests a second that an axum handler answers which does nothing, asked by the client that also loads Boxoffice.
pub async fn empty_handler(span: Duration) -> anyhow::Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let router = Router::new().route("/", get(async || "ok"));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let client = crate::load::client()?;
    let begun = Instant::now();
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, url) = (client.clone(), url.clone());
        askers.spawn(async move {
            let mut count = 0_u64;
            while begun.elapsed() < span {
                client.get(&url).send().await?.bytes().await?;
                count += 1;
            }
            anyhow::Ok(count)
        });
    }
    let mut requests = 0;
    while let Some(count) = askers.join_next().await {
        requests += count??;
    }
    serving.abort();
    Ok(rate(requests, begun.elapsed()))
}

/// Events a second.
#[expect(clippy::cast_precision_loss, reason = "a rate is shown to three digits")]
pub fn rate(events: u64, span: Duration) -> f64 {
    events as f64 / span.as_secs_f64().max(f64::EPSILON)
}
