//! Our consumer, with what a function's program has around it.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_host::LOUD_LIBRARIES;
use boxoffice_messages::OrderEventMessage;
use boxoffice_rocketmq::{RocketMq, RocketMqSettings};
use boxoffice_runtime::telemetry::{self, LogFormat};
use boxoffice_runtime::{
    ConsumerSettings, Context, Engine, Handler, Outcome, Readiness, Shutdown, Subscription, TopicFilter,
    Transport as _, shutdown,
};
use serde_json::{Value, json};

use crate::measure::{Measure, SENT_AT, latency_ms, print, since_start_ms};

/// Parts of the set of order numbers, so that two messages seldom wait for each other.
const PARTS: usize = 16;

/// What to consume.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(long)]
    namesrv: String,
    #[arg(long)]
    topic: String,
    /// Several are separated by `||`.
    #[arg(long)]
    tag: String,
    #[arg(long)]
    group: String,
    /// Messages that are measured.
    #[arg(long)]
    count: usize,
    /// Messages before them that are not.
    #[arg(long, default_value_t = 0)]
    warmup: usize,
    /// The most messages in one batch.
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Batches at the same time; as every function has it unless it is told otherwise.
    #[arg(long, default_value_t = ConsumerSettings::default().workers)]
    workers: usize,
    /// Ends after the last measured message, instead of when it is told to.
    #[arg(long)]
    exit: bool,
}

/// The order numbers that were handled.
struct Handled {
    hasher: RandomState,
    parts: [Mutex<HashSet<Box<str>>>; PARTS],
}

impl Handled {
    fn new() -> Self {
        Self { hasher: RandomState::new(), parts: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Whether this one is new.
    fn insert(&self, order_no: String) -> bool {
        let hash = usize::try_from(self.hasher.hash_one(&order_no) % PARTS as u64).unwrap_or(0);
        let part = self.parts.get(hash);
        part.is_some_and(|part| {
            part.lock().unwrap_or_else(PoisonError::into_inner).insert(order_no.into_boxed_str())
        })
    }
}

/// The work that is compared.
struct Orders {
    subscription: Subscription,
    handled: Handled,
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
        if !self.handled.insert(order_no) {
            self.duplicates.fetch_add(1, Ordering::Relaxed);
            return Outcome::Duplicate;
        }
        self.measure.record(latency_ms(context.delivery.property(SENT_AT)));
        Outcome::Done
    }
}

/// Consumes until it is told to end.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let telemetry = telemetry::init(LogFormat::Compact, "info", LOUD_LIBRARIES)?;
    let (ending, measure) = (Shutdown::new(), Arc::new(Measure::new(args.count, args.warmup)));
    shutdown::on_signals(ending.clone())?;
    let folding = tokio::spawn({
        let ending = ending.clone();
        async move { telemetry.keep_small(ending).await }
    });
    let rocketmq = RocketMq::connect(RocketMqSettings::new(&args.namesrv)).await?;
    let duplicates = Arc::<AtomicUsize>::default();
    let tags = args.tag.split("||").map(|tag| tag.to_owned().into()).collect();
    let orders = Orders {
        subscription: Subscription {
            group: args.group.clone().leak(),
            topics: vec![TopicFilter { topic: args.topic.clone().into(), tags }],
        },
        handled: Handled::new(),
        measure: measure.clone(),
        duplicates: duplicates.clone(),
    };
    let engine = Arc::new(Engine::new("bench", orders).stop_on(ending.clone()));
    let settings =
        ConsumerSettings { batch: args.batch, workers: args.workers, ..ConsumerSettings::default() };
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
        if args.exit {
            ending.begin();
        }
        ending.begun().await;
    };
    tokio::select! {
        () = telling => {}
        () = ending.begun() => {}
    }
    running.await??;
    rocketmq.close().await;
    folding.await?;
    Ok(())
}
