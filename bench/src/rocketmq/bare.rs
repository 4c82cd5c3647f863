//! The limit: the client library alone, with a listener that only counts.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_runtime::{Shutdown, shutdown};
use cheetah_string::CheetahString;
use rocketmq_client_rust::{
    ClientConfig, ClientResult, ClientRuntime, ClientRuntimeConfig, ConsumeConcurrentlyContext,
    ConsumeConcurrentlyStatus, DefaultMQPushConsumer, MQPushConsumer as _, MessageListenerConcurrently,
};
use rocketmq_model::common::consumer::consume_from_where::ConsumeFromWhere;
use rocketmq_model::common::message::MessageTrait as _;
use rocketmq_model::common::message::message_ext::MessageExt;
use rocketmq_observability::TelemetryHandle;
use rocketmq_runtime::{BlockingPoolPolicy, RuntimeContext};
use serde_json::{Value, json};

use crate::measure::{Measure, SENT_AT, latency_ms, print, since_start_ms};
use crate::reading::Reading;

/// As our own consumer has it.
const A_LONG_TIME: Duration = Duration::from_secs(12 * 3600);
/// How long an end may take.
const ENDING: Duration = Duration::from_secs(5);

/// What to consume.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    reading: Reading,
    /// Reads from each message when it was sent, for latencies.
    #[arg(long)]
    latencies: bool,
}

struct Counting {
    measure: Arc<Measure>,
    latencies: bool,
}

impl MessageListenerConcurrently for Counting {
    fn consume_message(
        &self,
        messages: &[&MessageExt],
        _: &ConsumeConcurrentlyContext,
    ) -> ClientResult<ConsumeConcurrentlyStatus> {
        for message in messages {
            let sent_at = if self.latencies { message.property_ref(&SENT_AT.into()) } else { None };
            self.measure.record(latency_ms(sent_at.map(CheetahString::as_str)));
        }
        Ok(ConsumeConcurrentlyStatus::ConsumeSuccess)
    }
}

/// Consumes until it is stopped.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let (ending, measure) =
        (Shutdown::new(), Arc::new(Measure::new(args.reading.count, args.reading.warmup)));
    shutdown::on_signals(ending.clone())?;
    let policy = BlockingPoolPolicy {
        name: "rocketmq".to_owned(),
        max_concurrency: 512,
        max_queue_depth: 65_536,
        queue_timeout: A_LONG_TIME,
        task_timeout: A_LONG_TIME,
        warn_after: A_LONG_TIME,
    };
    let context = RuntimeContext::try_from_current_with_blocking_policy("bare", policy)?;
    let runtime = ClientRuntime::try_new(
        context.service_context("rocketmq"),
        ClientRuntimeConfig::default(),
        TelemetryHandle::noop(),
    )?;
    let mut config = ClientConfig::new();
    config.set_namesrv_addr(args.reading.namesrv.as_str().into());
    config.set_instance_name(format!("bare-{}", std::process::id()).into());
    config.set_decode_decompress_body(false);
    config.set_vip_channel_enabled(false);
    config.set_persist_consumer_offset_interval(1_000);
    let mut consumer = DefaultMQPushConsumer::builder(runtime.clone())
        .client_config(config)
        .consumer_group(args.reading.group.as_str())
        .consume_from_where(ConsumeFromWhere::ConsumeFromFirstOffset)
        .pull_batch_size(32)
        .consume_message_batch_max_size(args.reading.batch)
        .await_termination_millis_when_shutdown(5_000)
        .build();
    consumer.subscribe(args.reading.topic.as_str(), args.reading.tag.as_str()).await?;
    consumer.register_message_listener_concurrently(Counting {
        measure: measure.clone(),
        latencies: args.latencies,
    });
    consumer.start().await?;
    print(&json!({ "ready": true, "sinceStartMs": since_start_ms() }));
    let telling = async {
        measure.done().await;
        print(&Value::from(measure.result("cpuSecondsWhileHandling")));
        if !args.reading.exit {
            ending.begun().await;
        }
    };
    tokio::select! {
        () = telling => {}
        () = ending.begun() => {}
    }
    consumer.shutdown().await;
    runtime.shutdown().await;
    context.shutdown_tasks(ENDING).await;
    Ok(())
}
