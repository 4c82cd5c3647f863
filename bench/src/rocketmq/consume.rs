//! Our consumer, with what a function's program has around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_host::QUIET_TARGETS;
use boxoffice_messages::OrderEventMessage;
use boxoffice_rocketmq::{RocketMqSettings, connect};
use boxoffice_runtime::telemetry::{self, LogFormat};
use boxoffice_runtime::{
    ConsumerSettings, Context, Engine, Handler, Outcome, Readiness, Shutdown, Subscription, TopicFilter,
    shutdown,
};
use dashmap::DashSet;
use serde_json::{Value, json};

use crate::measure::{Measure, SENT_AT, latency_ms, print, since_start_ms};
use crate::reading::Reading;

/// What to consume.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    reading: Reading,
    /// Batches at the same time; the default of every function.
    #[arg(long, default_value_t = boxoffice_rocketmq::ADVICE.workers)]
    workers: usize,
}

/// The work that is compared.
struct Orders {
    subscription: Subscription,
    /// The order numbers that were handled.
    handled: DashSet<Box<str>>,
    measure: Arc<Measure>,
    duplicates: Arc<AtomicUsize>,
}

#[async_trait]
impl Handler for Orders {
    type Message = OrderEventMessage;

    fn subscription(&self) -> Subscription {
        self.subscription.clone()
    }

    async fn handle(&self, message: OrderEventMessage, context: &Context) -> Outcome {
        let Some(order_no) = message.order_no else { return Outcome::poison("it has no orderNo") };
        if !self.handled.insert(order_no.into_boxed_str()) {
            self.duplicates.fetch_add(1, Ordering::Relaxed);
            return Outcome::Duplicate;
        }
        self.measure.record(latency_ms(context.delivery.property(SENT_AT)));
        Outcome::Done
    }
}

/// Consumes until it is stopped.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let telemetry = telemetry::init(LogFormat::Compact, "info", QUIET_TARGETS)?;
    let (ending, measure) =
        (Shutdown::new(), Arc::new(Measure::new(args.reading.count, args.reading.warmup)));
    shutdown::on_signals(ending.clone())?;
    let folding = tokio::spawn({
        let ending = ending.clone();
        async move { telemetry.keep_small(ending).await }
    });
    let rocketmq = connect(RocketMqSettings::new(&args.reading.namesrv)).await?;
    let duplicates = Arc::<AtomicUsize>::default();
    let tags = args.reading.tag.split("||").map(|tag| tag.to_owned().into()).collect();
    let orders = Orders {
        subscription: Subscription {
            group: args.reading.group.clone().leak(),
            topics: vec![TopicFilter { topic: args.reading.topic.clone().into(), tags }],
        },
        handled: DashSet::new(),
        measure: measure.clone(),
        duplicates: duplicates.clone(),
    };
    let engine = Arc::new(Engine::new("bench", orders));
    let settings = ConsumerSettings {
        batch: usize::try_from(args.reading.batch)?,
        workers: args.workers,
        ..ConsumerSettings::default()
    };
    let running = tokio::spawn({
        let (rocketmq, ending) = (rocketmq.clone(), ending.clone());
        async move { rocketmq.run(engine, settings, ending).await }
    });
    let telling = async {
        while rocketmq.readiness() != Readiness::Ready {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        print(&json!({ "ready": true, "sinceStartMs": since_start_ms() }));
        measure.done().await;
        let mut line = measure.result("cpuSecondsWhileHandling");
        line.insert("duplicates".to_owned(), duplicates.load(Ordering::Relaxed).into());
        print(&Value::from(line));
        if args.reading.exit {
            ending.begin();
        }
        ending.begun().await;
    };
    tokio::select! {
        () = telling => {}
        () = ending.begun() => {}
    }
    running.await??;
    rocketmq.close().await?;
    folding.await?;
    Ok(())
}
