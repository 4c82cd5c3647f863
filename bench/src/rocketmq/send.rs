//! Our producer: orders, as fast as they go or at a rate. A latency is from the call to the broker's answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use boxoffice_domain::ports::Outgoing;
use boxoffice_messages::{
    Decimal, EventTime, ExtData, OrderEventMessage, OrderEventType, Payload as _, default_zone,
};
use boxoffice_rocketmq::{RocketMqSettings, connect};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

use crate::measure::{Measure, SENT_AT, as_float, now_ms, print};

/// How long the first answer of the cluster may take.
const REACHING: Duration = Duration::from_secs(30);

/// What to send.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(long)]
    namesrv: String,
    #[arg(long)]
    topic: String,
    #[arg(long)]
    tag: String,
    /// Messages that are measured.
    #[arg(long)]
    count: usize,
    /// Messages before them that are not.
    #[arg(long, default_value_t = 0)]
    warmup: usize,
    /// Messages a second; as fast as they go without it.
    #[arg(long)]
    rate: Option<u32>,
    /// Messages on their way at the same time, at most.
    #[arg(long, default_value_t = 64)]
    inflight: usize,
    /// Bytes of one body, about.
    #[arg(long, default_value_t = 300)]
    body: usize,
    /// Begins every order number.
    #[arg(long, default_value = "B")]
    prefix: String,
}

/// Sends everything, and ends.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let rocketmq = connect(RocketMqSettings::new(&args.namesrv)).await?;
    timeout(REACHING, rocketmq.reached()).await?;
    let measure = Arc::new(Measure::new(args.count, args.warmup));
    let failures = Arc::<AtomicUsize>::default();
    let in_flight = Arc::new(Semaphore::new(args.inflight));
    let padding =
        "x".repeat(args.body.saturating_sub(order(args, 0, "").encode().len() + r#","note":"""#.len()));
    let begun = Instant::now();
    for number in 0..args.count + args.warmup {
        if let Some(rate) = args.rate {
            sleep_until(begun + Duration::from_secs_f64(as_float(number) / f64::from(rate))).await;
        }
        let permit = in_flight.clone().acquire_owned().await?;
        let (rocketmq, measure, failures) = (rocketmq.clone(), measure.clone(), failures.clone());
        let order = order(args, number, &padding);
        let key = order.order_no.clone().unwrap_or_default();
        let sent_at = now_ms();
        let mut message = Outgoing::new(args.topic.clone(), args.tag.clone(), key, order.encode());
        message.properties.push((SENT_AT.to_owned(), format!("{sent_at:.3}")));
        tokio::spawn(async move {
            if let Err(error) = rocketmq.send(message).await {
                failures.fetch_add(1, Ordering::Relaxed);
                eprintln!("{error}");
            }
            measure.record(Some(now_ms() - sent_at));
            drop(permit);
        });
    }
    measure.done().await;
    // Those that warm up were sent before, but may be answered after.
    let _ = in_flight.acquire_many(u32::try_from(args.inflight)?).await?;
    let mut line = measure.result("cpuSecondsWhileSending");
    line.insert("failures".to_owned(), failures.load(Ordering::Relaxed).into());
    print(&Value::from(line));
    rocketmq.close().await?;
    Ok(())
}

/// What the Java program sends too.
fn order(args: &Args, number: usize, padding: &str) -> OrderEventMessage {
    let mut ext_data = ExtData::new();
    ext_data.insert_str("channel", "app");
    ext_data.insert_str("seats", "A区12排08座");
    if !padding.is_empty() {
        ext_data.insert_str("note", padding);
    }
    OrderEventMessage {
        order_no: Some(format!("{}-{number:09}", args.prefix)),
        user_id: i64::try_from(number).ok().map(|number| 10_000 + number),
        show_id: Some(3_001),
        session_id: Some(30_011),
        ticket_id: Some(300_111),
        quantity: Some(2),
        total_amount: Some(Decimal::new(76_000, 2)),
        status: Some(0),
        event_time: Some(EventTime::from_timestamp(Timestamp::now(), &default_zone())),
        event_type: Some(OrderEventType::Created),
        ext_data: Some(ext_data),
    }
}
