//! One consumer of the client library, a member of its group: its start, its queues, and its end.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_runtime::{ConsumerSettings, Function, Shutdown};
use rocketmq_client_rust::{DefaultMQPushConsumer, MQPushConsumer};
use rocketmq_model::common::consumer::consume_from_where::ConsumeFromWhere;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::FirstOffset;
use crate::boxed::boxed;
use crate::client::Client;
use crate::cluster::Cluster;
use crate::errors::describe;
use crate::heartbeats::{ConsumerHook, Heartbeats};
use crate::listener::Feeder;
use crate::offsets;
use crate::producer::Producer;
use crate::settling::Settling;

/// The most messages a broker gives at once.
const MOST_PER_PULL: u32 = 32;
/// Messages of one topic that wait in this process, at most.
const WAITING_MESSAGES: i32 = 2_048;
/// The same in MiB.
const WAITING_MEBIBYTES: i32 = 32;
/// How long the other members of a group have to release the queues that a new member gets.
const RELEASING_QUEUES: Duration = Duration::from_millis(150);
/// The pause between two checks whether queues are assigned, right after the start.
const REBALANCE_PAUSE: Duration = Duration::from_millis(50);
/// How often that is checked; afterwards the client library does it by itself.
const REBALANCE_CHECKS: u32 = 40;
/// How often offsets are committed to the brokers.
const COMMIT_OFFSETS_EVERY: Duration = Duration::from_millis(200);
/// How long a consumer may take to start; the library's own requests take 3 s at most.
const STARTING: Duration = Duration::from_secs(30);
/// How long a batch may take, in minutes: a year. The library drops a message that takes longer, whether or not its
/// broker took it back; here every message is settled by its handler, however long that takes.
const NEVER_FORGOTTEN: u64 = 365 * 24 * 60;
/// How much longer than the drain the client library may take to stop a consumer.
const ENDING: Duration = Duration::from_secs(5);

/// A started consumer.
pub(crate) struct Member {
    /// `None` once it is stopped.
    consumer: Option<DefaultMQPushConsumer>,
    leaving: Leaving,
}

/// What a member needs to leave its group.
#[derive(Clone)]
struct Leaving {
    group: &'static str,
    group_at_broker: String,
    topics_at_broker: Vec<String>,
    /// When it began.
    epoch: u64,
    drain: Duration,
    heartbeats: Arc<Heartbeats>,
    ended: Shutdown,
    producer: Arc<Producer>,
}

impl Member {
    /// Starts a member; the error says why it did not start.
    pub(crate) async fn start(
        cluster: &Cluster,
        epoch: u64,
        function: &Arc<dyn Function>,
        settings: &ConsumerSettings,
        shutdown: &Shutdown,
    ) -> Result<Self, String> {
        let (client, subscription) = (&cluster.client, function.subscription());
        let group_at_broker = client.names.group(subscription.group);
        let heartbeats = Arc::new(Heartbeats::default());
        let mut consumer = build(client, &group_at_broker, settings, heartbeats.clone());
        let mut topics_at_broker = vec![client.names.retry_topic(subscription.group)];
        for filter in &subscription.topics {
            // Spaces around the bars would match nothing.
            let tags = if filter.tags.is_empty() { "*".to_owned() } else { filter.tags.join("||") };
            let topic = client.names.topic(&filter.topic);
            let subscribed = boxed(consumer.subscribe(topic.as_str(), tags.as_str())).await;
            subscribed.map_err(|error| format!("{}: {}", filter.topic, describe(&error)))?;
            topics_at_broker.push(topic);
        }
        let ended = Shutdown::new();
        let settling = Settling {
            group: subscription.group,
            policy: settings.retry,
            delay_levels: client.settings.delay_levels.clone(),
            producer: cluster.producer.clone(),
            watch: cluster.watch.clone(),
            names: client.names.clone(),
            ended: ended.clone(),
        };
        let feeder = Feeder {
            function: function.clone(),
            settling,
            shutdown: shutdown.clone(),
            handle: Handle::current(),
        };
        consumer.register_message_listener_concurrently(feeder);
        let started = timeout(STARTING, boxed(consumer.start())).await;
        let leaving = Leaving {
            group: subscription.group,
            group_at_broker,
            topics_at_broker,
            epoch,
            drain: settings.drain,
            heartbeats,
            ended,
            producer: cluster.producer.clone(),
        };
        let mut member = Self { consumer: Some(consumer), leaving };
        let because = match started {
            Ok(Ok(())) => return Ok(member),
            Ok(Err(error)) => describe(&error),
            Err(_) => "no response in time".to_owned(),
        };
        // It may have joined the group by now.
        member.stop().await;
        Err(because)
    }

    /// Gets queues assigned soon, instead of at the library's next tick.
    pub(crate) async fn rebalance_now(&self) {
        // The broker is notifying the other members. They must first release the queues that this one gets, or both would
        // consume them for a moment.
        sleep(RELEASING_QUEUES).await;
        for _ in 0..REBALANCE_CHECKS {
            let implementation =
                self.consumer.as_ref().and_then(|consumer| consumer.default_mq_push_consumer_impl());
            let connection = implementation.and_then(|implementation| implementation.get_mq_client_factory());
            let Some(connection) = connection else { return };
            if matches!(boxed(connection.do_rebalance()).await, Ok(true)) {
                return;
            }
            sleep(REBALANCE_PAUSE).await;
        }
    }

    /// Commits offsets at short intervals; never returns. What was handled after the last commit is handled again after
    /// a crash, and counts as waiting. The library by itself starts with this 10 s after the start.
    pub(crate) async fn commit_offsets(&self) {
        loop {
            sleep(COMMIT_OFFSETS_EVERY).await;
            let implementation =
                self.consumer.as_ref().and_then(|consumer| consumer.default_mq_push_consumer_impl());
            if let Some(connection) =
                implementation.and_then(|implementation| implementation.get_mq_client_factory())
            {
                boxed(connection.persist_all_consumer_offset()).await;
            }
        }
    }

    /// Takes nothing new, waits for what is in flight, and commits the last offsets.
    pub(crate) async fn stop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            self.leaving.end(consumer).await;
        }
    }
}

impl Drop for Member {
    /// A member that is dropped still leaves its group, so that others get its queues.
    fn drop(&mut self) {
        if let (Some(consumer), Ok(handle)) = (self.consumer.take(), Handle::try_current()) {
            let leaving = self.leaving.clone();
            handle.spawn(async move { leaving.end(consumer).await });
        }
    }
}

impl Leaving {
    /// Stops a consumer; what it still has in flight after `drain` is not acknowledged and is redelivered.
    async fn end(&self, mut consumer: DefaultMQPushConsumer) {
        let (group, store) = (self.group, offsets::store_of(&consumer));
        self.heartbeats.end().await;
        if timeout(self.drain + ENDING, boxed(consumer.shutdown())).await.is_err() {
            tracing::warn!(group, "the consumer did not stop in time; its messages will be redelivered");
        }
        // Only now: a batch that is abandoned earlier would be acknowledged or sent back.
        self.ended.begin();
        if let Some(store) = store {
            let offsets = offsets::read(&store, &self.topics_at_broker).await;
            let confirmed = self.producer.confirm_offsets(self.epoch, &self.group_at_broker, &offsets).await;
            if let Err(because) = confirmed {
                tracing::warn!(group, %because, "the last offsets may not have reached the broker; those messages will be redelivered");
            }
        }
    }
}

fn build(
    client: &Client,
    group: &str,
    settings: &ConsumerSettings,
    heartbeats: Arc<Heartbeats>,
) -> DefaultMQPushConsumer {
    let workers = u32::try_from(settings.workers.max(1)).unwrap_or(u32::MAX);
    let batch = u32::try_from(settings.batch.max(1)).unwrap_or(u32::MAX).min(MOST_PER_PULL);
    let drain = u64::try_from(settings.drain.as_millis()).unwrap_or(u64::MAX);
    let first = match client.settings.first_offset {
        FirstOffset::First => ConsumeFromWhere::ConsumeFromFirstOffset,
        FirstOffset::Last => ConsumeFromWhere::ConsumeFromLastOffset,
    };
    DefaultMQPushConsumer::builder(client.runtime.clone())
        .client_config(client.config())
        .consumer_group(group)
        .consume_from_where(first)
        .consume_thread_min(workers)
        .consume_thread_max(workers)
        .pull_batch_size(MOST_PER_PULL)
        .consume_message_batch_max_size(batch)
        .pull_threshold_for_topic(WAITING_MESSAGES)
        .pull_threshold_size_for_topic(WAITING_MEBIBYTES)
        .consume_timeout(NEVER_FORGOTTEN)
        .max_reconsume_times(i32::try_from(settings.retry.max_attempts).unwrap_or(i32::MAX))
        .await_termination_millis_when_shutdown(drain)
        .rpc_hook(Some(Arc::new(ConsumerHook { heartbeats, all: client.hook() })))
        .build()
}
