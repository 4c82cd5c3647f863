//! The loads.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use boxoffice_domain::{Contact, SessionId, ShowId, TicketId, UserId};
use hdrhistogram::Histogram;
use order_api::{CallContext, NewOrder, OrderService};
use tokio::task::JoinSet;

use crate::limits::{CONNECTIONS, rate};
use crate::process;
use crate::server::{Scratch, TICKET, start};

/// Accepted orders that may wait to be processed; a caller that finds more waits, as a shop would.
const BACKLOG: i64 = 2_000;

/// The whole pipeline under as much load as it takes.
pub struct Pipeline {
    /// Orders accepted a second.
    pub accepted: f64,
    /// Orders brought to AwaitingPayment a second, over the same time.
    pub reserved: f64,
    /// Accepted orders that were not processed yet when the load ended.
    pub backlog: u64,
    /// CPU time for 10,000 orders, the callers included.
    pub cpu: Duration,
    /// How long one in-process call took.
    pub create: Histogram<u64>,
    /// The most memory the process held, in MiB.
    pub peak_memory_mib: u64,
    /// Commits a second.
    pub commits: f64,
    /// Writes in one commit, on average.
    pub writes_per_commit: f64,
    /// The share of the time that the writer was at work, waiting for the disk included.
    pub writer_busy: f64,
}

/// Orders over HTTP.
pub struct OverHttp {
    /// Orders a second.
    pub rate: f64,
    /// From the instant a request was due until its answer was there.
    pub latency: Histogram<u64>,
    /// Requests that were not answered with 201.
    pub failed: u64,
}

/// An HTTP client with as many connections as it likes.
pub fn client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?)
}

fn order(user: i64) -> NewOrder {
    let (show, session, ticket) = TICKET;
    NewOrder {
        user_id: UserId(user),
        show_id: ShowId(show),
        session_id: SessionId(session),
        ticket_id: TicketId(ticket),
        quantity: 1,
        contact: Contact::default(),
    }
}

/// Microseconds up to an hour, three digits of precision.
fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 3_600_000_000, 3)?)
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Orders in-process as fast as the pipeline brings orders to AwaitingPayment.
pub async fn pipeline(durability: &str, callers: usize, span: Duration) -> anyhow::Result<Pipeline> {
    let Scratch { server, file, folder: _folder } = start(durability).await?;
    let service = Arc::new(OrderService::new(server.ports(), server.functions()));
    let stock_cache = Arc::clone(&server.ports().stock_cache);
    let accepted = Arc::new(AtomicU64::new(0));
    let backlog = Arc::new(AtomicI64::new(0));
    let cpu_before = process::cpu();
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (service, accepted, backlog) =
            (Arc::clone(&service), Arc::clone(&accepted), Arc::clone(&backlog));
        tasks.spawn(async move {
            let mut latency = histogram()?;
            let mut user = i64::try_from(caller)? * 1_000_000_000 + 1;
            while begun.elapsed() < span {
                if backlog.load(Ordering::Relaxed) > BACKLOG {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    continue;
                }
                let asked = Instant::now();
                service.create.run(&order(user), &CallContext::default()).await?;
                latency.saturating_record(micros(asked.elapsed()));
                accepted.fetch_add(1, Ordering::Relaxed);
                user += 1;
            }
            anyhow::Ok(latency)
        });
    }
    // One row has the number of orders that hold seats: cheap enough to read often.
    let reserved = async || -> anyhow::Result<u64> {
        Ok(stock_cache.stock(TicketId(TICKET.2)).await?.map_or(0, |stock| u64::from(stock.reservations)))
    };
    while begun.elapsed() < span {
        let waiting = accepted.load(Ordering::Relaxed).saturating_sub(reserved().await?);
        backlog.store(i64::try_from(waiting)?, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = begun.elapsed();
    let processed = reserved().await?;
    let accepted_in_time = accepted.load(Ordering::Relaxed);
    let cpu = process::cpu().saturating_sub(cpu_before);
    let figures = file.figures();
    let mut create = histogram()?;
    while let Some(latency) = tasks.join_next().await {
        create.add(latency??)?;
    }
    server.stop().await?;
    Ok(Pipeline {
        accepted: rate(accepted_in_time, took),
        reserved: rate(processed, took),
        backlog: accepted_in_time.saturating_sub(processed),
        cpu: Duration::from_secs_f64(
            cpu.as_secs_f64() * 10_000.0 / rate(processed.max(1), Duration::from_secs(1)),
        ),
        create,
        peak_memory_mib: process::peak_memory() / (1024 * 1024),
        commits: rate(figures.commits, took),
        writes_per_commit: rate(figures.writes, Duration::from_secs(figures.commits.max(1))),
        writer_busy: figures.busy.as_secs_f64() / took.as_secs_f64(),
    })
}

/// Orders over HTTP at a fixed rate, whether or not the answers come.
pub async fn http_at_rate(durability: &str, per_second: u64, span: Duration) -> anyhow::Result<OverHttp> {
    let Scratch { server, folder: _folder, .. } = start(durability).await?;
    let (client, url) = (client()?, format!("http://{}/orders", server.api));
    let shutdown = server.shutdown.clone();
    let running = tokio::spawn(server.run());
    let begun = Instant::now();
    let total = per_second * span.as_secs();
    let mut requests = JoinSet::new();
    for number in 0..total {
        let due = begun + Duration::from_secs_f64(rate(number, Duration::from_secs(per_second)));
        tokio::time::sleep_until(due.into()).await;
        let (client, url) = (client.clone(), url.clone());
        requests.spawn(async move { (ask(&client, &url, number).await, due.elapsed()) });
    }
    let mut latency = histogram()?;
    let mut failed = 0;
    while let Some(answer) = requests.join_next().await {
        let (accepted, took) = answer?;
        latency.saturating_record(micros(took));
        failed += u64::from(!accepted);
    }
    let took = begun.elapsed();
    shutdown.begin();
    running.await??;
    Ok(OverHttp { rate: rate(total - failed, took), latency, failed })
}

/// Orders over HTTP as fast as the answers come.
pub async fn http_at_most(durability: &str, span: Duration) -> anyhow::Result<OverHttp> {
    let Scratch { server, folder: _folder, .. } = start(durability).await?;
    let (client, url) = (client()?, format!("http://{}/orders", server.api));
    let shutdown = server.shutdown.clone();
    let running = tokio::spawn(server.run());
    let begun = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut askers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, url, next) = (client.clone(), url.clone(), Arc::clone(&next));
        askers.spawn(async move {
            let mut latency = histogram()?;
            let mut failed = 0_u64;
            while begun.elapsed() < span {
                let asked = Instant::now();
                failed += u64::from(!ask(&client, &url, next.fetch_add(1, Ordering::Relaxed)).await);
                latency.saturating_record(micros(asked.elapsed()));
            }
            anyhow::Ok((latency, failed))
        });
    }
    let (mut latency, mut failed) = (histogram()?, 0);
    while let Some(asked) = askers.join_next().await {
        let (one, one_failed) = asked??;
        latency.add(one)?;
        failed += one_failed;
    }
    let took = begun.elapsed();
    shutdown.begin();
    running.await??;
    Ok(OverHttp { rate: rate(latency.len() - failed, took), latency, failed })
}

async fn ask(client: &reqwest::Client, url: &str, number: u64) -> bool {
    let (show, session, ticket) = TICKET;
    let body = format!(
        r#"{{"userId":{},"showId":{show},"sessionId":{session},"ticketId":{ticket},"quantity":1}}"#,
        number + 1
    );
    let request = client.post(url).header("content-type", "application/json").body(body);
    match request.send().await {
        Ok(response) => response.status().as_u16() == 201 && response.bytes().await.is_ok(),
        Err(_) => false,
    }
}
