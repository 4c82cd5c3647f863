//! Prints how fast one file is: rows/s of a bare SQLite loop, rows/s through the writer, and what an order costs.
//!
//! `cargo run --release -p boxoffice-embedded --example writer_rate [orders] [power-loss|process-crash]`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use boxoffice_domain::ports::{
    Bus, OrderStore, Outbox, Outgoing, ReservationRequest, StockCache, StockLedger,
};
use boxoffice_domain::{
    Contact, Decimal, LedgerChange, LedgerOperation, Order, OrderNo, OrderState, OrderStep, SessionId,
    ShowId, TicketId, UserId,
};
use boxoffice_embedded::{Durability, Embedded, Options};
use boxoffice_messages::{group, tag, topic};
use boxoffice_runtime::{
    BatchLimits, ConsumerSettings, Delivery, Function, Outcome, Settle, Settled, Shutdown, Subscription,
    Transport,
};
use futures_util::future::join_all;
use jiff::Timestamp;

type Failure = Box<dyn Error + Send + Sync>;

const TICKET: TicketId = TicketId(7);
const BODY: &[u8] = &[b'x'; 330];

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let orders = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let durability = match arguments.next().as_deref() {
        None | Some("power-loss") => Durability::PowerLoss,
        Some("process-crash") => Durability::ProcessCrash,
        Some(other) => return Err(format!("{other} is neither power-loss nor process-crash").into()),
    };
    let folder = tempfile::tempdir()?;
    for rows in [1, 16, 256] {
        let rate = bare(&folder.path().join(format!("bare-{rows}.db")), durability, rows)?;
        println!("bare SQLite, {rows:>3} rows a commit: {rate:>8.0} rows/s");
    }
    for clients in [16, 256] {
        let store = open(&folder.path().join(format!("send-{clients}.db")), durability)?;
        let (rate, per_commit) = send(&store, clients).await?;
        println!(
            "through the writer, {clients:>3} clients: {rate:>8.0} messages/s, {per_commit:.0} a commit"
        );
        store.close().await?;
    }
    let store = open(&folder.path().join("orders.db"), durability)?;
    sale(&store, orders).await?;
    pace(&store).await?;
    store.close().await?;
    Ok(())
}

fn open(path: &Path, durability: Durability) -> Result<Embedded, Failure> {
    Ok(Embedded::open(path, Options { durability, ..Options::default() })?)
}

fn bare(path: &Path, durability: Durability, rows_per_commit: u32) -> Result<f64, Failure> {
    let connection = rusqlite::Connection::open(path)?;
    let synchronous = if durability == Durability::PowerLoss { "FULL" } else { "NORMAL" };
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 8192; \
         CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL)"
    ))?;
    let mut insert = connection.prepare("INSERT INTO rows (body) VALUES (?1)")?;
    let (begun, mut rows) = (Instant::now(), 0.0);
    while begun.elapsed() < Duration::from_secs(2) {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..rows_per_commit {
            insert.execute([&BODY[..300]])?;
            rows += 1.0;
        }
        connection.execute_batch("COMMIT")?;
    }
    Ok(rows / begun.elapsed().as_secs_f64())
}

async fn send(store: &Embedded, clients: usize) -> Result<(f64, f64), Failure> {
    let begun = Instant::now();
    let before = store.figures();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let store = store.clone();
        tasks.spawn(async move {
            while begun.elapsed() < Duration::from_secs(2) {
                let message =
                    Outgoing::new(topic::STOCK, tag::STOCK_DEDUCT, "T20261122101530123456", &BODY[..300]);
                store.send(message).await?;
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let after = store.figures();
    let (writes, commits) = (after.writes - before.writes, after.commits - before.commits);
    #[allow(clippy::cast_precision_loss)]
    Ok((writes as f64 / begun.elapsed().as_secs_f64(), writes as f64 / commits as f64))
}

/// What order-process does with the stores, without decoding and pricing.
struct Process {
    store: Embedded,
    done: Arc<AtomicU64>,
}

#[async_trait]
impl Function for Process {
    fn name(&self) -> &'static str {
        "order-process"
    }

    fn subscription(&self) -> Subscription {
        Subscription::new(group::ORDER_PROCESS, topic::ORDER, &[tag::ORDER_CREATED])
    }

    async fn process(&self, batch: Vec<Delivery>, _: BatchLimits, settle: &dyn Settle) {
        let outcomes = join_all(batch.iter().map(|delivery| self.one(delivery))).await;
        let settled = outcomes.into_iter().enumerate().map(|(index, outcome)| {
            let outcome = outcome.unwrap_or_else(Outcome::retry);
            Settled { index, outcome: Some(outcome) }
        });
        settle.settle(settled.collect()).await;
    }
}

impl Process {
    async fn one(&self, delivery: &Delivery) -> Result<Outcome, Failure> {
        let key = delivery.key.as_deref().unwrap_or_default();
        let order_no = OrderNo::new(key)?;
        let request = ReservationRequest {
            ticket_id: TICKET,
            order_no: order_no.clone(),
            user_id: user_of(key),
            quantity: 1,
            per_user_limit: Some(4),
        };
        self.store.reserve(&request).await?;
        let due = Timestamp::now() + jiff::SignedDuration::from_mins(15);
        let outbox = Outbox::repeatable(vec![
            Outgoing::new(topic::STOCK, tag::STOCK_DEDUCT, key, &BODY[..200]),
            Outgoing::new(topic::ORDER, tag::ORDER_TIMEOUT, key, BODY).deliver_at(due),
        ]);
        let step = OrderStep::AwaitPayment { total_amount: Decimal::new(38_000, 2) };
        self.store.step(&order_no, step, outbox).await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(Outcome::Done)
    }
}

/// What stock-management does with the ledger.
struct Stock {
    store: Embedded,
}

#[async_trait]
impl Function for Stock {
    fn name(&self) -> &'static str {
        "stock-management"
    }

    fn subscription(&self) -> Subscription {
        Subscription::new(
            group::STOCK_MANAGEMENT,
            topic::STOCK,
            &[tag::STOCK_DEDUCT, tag::STOCK_ROLLBACK, tag::STOCK_SYNC],
        )
    }

    async fn process(&self, batch: Vec<Delivery>, _: BatchLimits, settle: &dyn Settle) {
        let changes: Vec<LedgerChange> = batch
            .iter()
            .filter_map(|delivery| OrderNo::new(delivery.key.as_deref().unwrap_or_default()).ok())
            .map(|order_no| LedgerChange { order_no, quantity: 1, operation: LedgerOperation::Deduct })
            .collect();
        let outcome = match self.store.apply(TICKET, &changes).await {
            Ok(_) => Outcome::Done,
            Err(error) => error.into(),
        };
        let settled = (0..batch.len()).map(|index| Settled { index, outcome: Some(outcome.clone()) });
        settle.settle(settled.collect()).await;
    }
}

/// A buyer drawn from the order number, as if at random.
fn user_of(order_no: &str) -> UserId {
    let hash = order_no.bytes().fold(7_i64, |hash, byte| hash.wrapping_mul(31).wrapping_add(i64::from(byte)));
    UserId(hash.rem_euclid(10_000_000) + 1)
}

async fn sale(store: &Embedded, orders: u64) -> Result<(), Failure> {
    StockCache::load(store, TICKET, u32::MAX / 2).await?;
    StockLedger::load(store, TICKET, u32::MAX / 2).await?;
    let (shutdown, done) = (Shutdown::new(), Arc::new(AtomicU64::new(0)));
    let process = Arc::new(Process { store: store.clone(), done: done.clone() });
    let mut consumers = tokio::task::JoinSet::new();
    let functions: [Arc<dyn Function>; 2] = [process, Arc::new(Stock { store: store.clone() })];
    for function in functions {
        let (store, shutdown) = (store.clone(), shutdown.clone());
        consumers.spawn(async move { store.run(function, ConsumerSettings::default(), shutdown).await });
    }
    let (begun, before, cpu) = (Instant::now(), store.figures(), cpu_time());
    let next = Arc::new(AtomicU64::new(0));
    let mut buyers = tokio::task::JoinSet::new();
    for _ in 0..256 {
        let (store, next) = (store.clone(), next.clone());
        buyers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= orders {
                    return Ok::<(), Failure>(());
                }
                create(&store, number).await?;
            }
        });
    }
    while let Some(ended) = buyers.join_next().await {
        ended??;
    }
    let created = begun.elapsed();
    while done.load(Ordering::Relaxed) < orders {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let elapsed = begun.elapsed();
    let (figures, cpu) = (store.figures(), cpu_time().saturating_sub(cpu));
    shutdown.begin();
    while let Some(ended) = consumers.join_next().await {
        ended??;
    }
    #[allow(clippy::cast_precision_loss)]
    let count = orders as f64;
    #[allow(clippy::cast_precision_loss)]
    let per_commit = (figures.writes - before.writes) as f64 / (figures.commits - before.commits) as f64;
    let busy = figures.busy.saturating_sub(before.busy).as_secs_f64();
    println!("{orders} orders: accepted {:>6.0}/s", count / created.as_secs_f64());
    println!("  brought to AwaitingPayment {:>6.0}/s", count / elapsed.as_secs_f64());
    println!(
        "  writer: {:.1} us an order, busy {:.0} %, {per_commit:.0} writes a commit",
        busy * 1e6 / count,
        100.0 * busy / elapsed.as_secs_f64()
    );
    println!("  process: {:.1} us of CPU an order", cpu.as_secs_f64() * 1e6 / count);
    Ok(())
}

/// 1,000 orders a second for ten seconds while nothing else runs: how long a buyer waits.
async fn pace(store: &Embedded) -> Result<(), Failure> {
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..10_000 {
        ticks.tick().await;
        let store = store.clone();
        tasks.spawn(async move {
            let begun = Instant::now();
            create(&store, 500_000_000 + number).await?;
            Ok::<_, Failure>(begun.elapsed())
        });
    }
    let mut waits = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        waits.push(ended??);
    }
    waits.sort_unstable();
    let at = |share: usize| waits.get(waits.len() * share / 1_000).copied().unwrap_or_default();
    println!("create at 1,000/s: p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999));
    Ok(())
}

async fn create(store: &Embedded, number: u64) -> Result<(), Failure> {
    let order_no = OrderNo::new(format!("T20261122101530{number:09}"))?;
    let now = Timestamp::now();
    let key = order_no.to_string();
    let order = Order {
        user_id: user_of(&key),
        order_no,
        show_id: ShowId(1),
        session_id: SessionId(2),
        ticket_id: TICKET,
        quantity: 1,
        total_amount: None,
        state: OrderState::Created,
        contact: Contact {
            phone: Some("13800138000".to_owned()),
            email: Some("buyer@example.com".to_owned()),
            device_token: None,
        },
        pay_type: None,
        remark: None,
        created_at: now,
        paid_at: None,
        expires_at: now + jiff::SignedDuration::from_mins(15),
        refund_due: None,
    };
    let outbox = Outbox::remembered(vec![Outgoing::new(topic::ORDER, tag::ORDER_CREATED, key, BODY)]);
    store.create(&order, outbox).await?;
    Ok(())
}

/// CPU time of this process so far, of user and system; zero where /proc is not available.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
