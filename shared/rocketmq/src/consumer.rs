//! Feeds a function with the messages of its consumer group.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use boxoffice_runtime::{
    ConsumerSettings, Deadline, Delivery, Function, Settle, Settled, Shutdown, TransportError,
};
use rocketmq_client_rust::{
    ClientResult, ConsumeConcurrentlyContext, ConsumeConcurrentlyStatus, DefaultMQPushConsumer,
    MQPushConsumer, MessageListenerConcurrently,
};
use rocketmq_model::common::consumer::consume_from_where::ConsumeFromWhere;
use rocketmq_model::common::message::message_ext::MessageExt;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::errors::describe;
use crate::message::deliveries;
use crate::names::DEAD_LETTERS;
use crate::preparing::{Prepared, prepare};
use crate::settling::{Batch, Settling};
use crate::{Cluster, FirstOffset};

/// The most messages a broker gives at once.
const MOST_PER_PULL: u32 = 32;
/// Messages of one topic that wait in this process, at most.
const WAITING_MESSAGES: i32 = 2_048;
/// The same in MiB.
const WAITING_MEBIBYTES: i32 = 32;
/// How long the other members of a group have to let go of the queues that a new one gets.
const LETTING_GO: Duration = Duration::from_millis(150);
/// The pause between two looks at whether queues were assigned, right after the start.
const ASSIGNING: Duration = Duration::from_millis(50);
/// How often that is looked at; afterwards the client library does it by itself.
const ASSIGNING_LOOKS: u32 = 40;
/// The pause before preparations or a start that failed are tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the brokers are told how far a group is.
const OFFSETS_TOLD_EVERY: Duration = Duration::from_millis(500);
/// How long a consumer may take to start; the library's own requests take 3 s at most.
const STARTING: Duration = Duration::from_secs(30);
/// How long a batch may take, in minutes: a year. The library forgets a message that takes longer, whether or not its
/// broker took it back; ours are settled by whoever handles them, however long that takes.
const NEVER_FORGOTTEN: u64 = 365 * 24 * 60;
/// How much longer than the drain the client library may take to end a consumer.
const ENDING: Duration = Duration::from_secs(5);

impl Cluster {
    /// Runs `function` until `shutdown` begins. Whenever the cluster came back from an outage the consumer is made
    /// anew: the client library's own recovery takes half a minute.
    pub(crate) async fn consume(
        &self,
        function: Arc<dyn Function>,
        settings: ConsumerSettings,
        shutdown: Shutdown,
    ) -> Result<(), TransportError> {
        let subscription = function.subscription();
        let group = subscription.group;
        loop {
            let starting = Starting::new(&self.starting);
            let epoch = tokio::select! {
                epoch = self.watch.up() => epoch,
                () = shutdown.begun() => return Ok(()),
            };
            let prepared = tokio::select! {
                prepared = prepare(&self.client, &subscription) => prepared,
                () = shutdown.begun() => return Ok(()),
            };
            match prepared {
                Prepared::Ready => {}
                Prepared::TryAgain(because) => {
                    tracing::warn!(group, because, "not ready to consume; trying again");
                    sleep(PAUSE).await;
                    continue;
                }
                Prepared::Refused(because) => return Err(TransportError::Refused(because)),
            }
            // Not given up in its middle: the library would not end what had started by then.
            let mut running = match Running::start(self, &function, &settings).await {
                Ok(running) => running,
                Err(because) => {
                    tracing::warn!(group, because, "the consumer did not start; trying again");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            tokio::select! {
                newer = self.watch.newer_than(epoch) => {
                    tracing::info!(group, epoch = newer, "RocketMQ is back; consuming anew");
                }
                () = running.go_on(starting) => {}
                () = shutdown.begun() => {}
            }
            running.stop().await;
            if shutdown.has_begun() {
                return Ok(());
            }
        }
    }
}

/// Counts a consumer that does not consume yet.
struct Starting<'a>(&'a AtomicUsize);

impl<'a> Starting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A started consumer.
struct Running {
    group: &'static str,
    /// `None` once it is stopped.
    consumer: Option<DefaultMQPushConsumer>,
    drain: Duration,
    ended: Shutdown,
}

impl Running {
    async fn start(
        cluster: &Cluster,
        function: &Arc<dyn Function>,
        settings: &ConsumerSettings,
    ) -> Result<Self, String> {
        let (client, subscription) = (&cluster.client, function.subscription());
        let mut consumer = build(client, &client.names.group(subscription.group), settings);
        for filter in &subscription.topics {
            // Spaces around the bars would match nothing.
            let tags = if filter.tags.is_empty() { "*".to_owned() } else { filter.tags.join("||") };
            let subscribed = consumer.subscribe(client.names.topic(&filter.topic), tags.as_str()).await;
            subscribed.map_err(|error| format!("{}: {}", filter.topic, describe(&error)))?;
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
        let feeder = Feeder { function: function.clone(), settling, handle: Handle::current() };
        consumer.register_message_listener_concurrently(feeder);
        let started = timeout(STARTING, consumer.start()).await;
        started.map_err(|_| "no answer in time".to_owned())?.map_err(|error| describe(&error))?;
        Ok(Self { group: subscription.group, consumer: Some(consumer), drain: settings.drain, ended })
    }

    /// Has queues assigned, and then tells the brokers now and then how far the group is; never returns. What was
    /// handled since is handled again after a crash, and is counted as waiting. The library begins with it only 10 s
    /// after the start.
    async fn go_on(&self, starting: Starting<'_>) {
        if let Some(consumer) = &self.consumer {
            assign(consumer).await;
        }
        drop(starting);
        tracing::info!(group = self.group, "consuming");
        loop {
            sleep(OFFSETS_TOLD_EVERY).await;
            let implementation =
                self.consumer.as_ref().and_then(|consumer| consumer.default_mq_push_consumer_impl());
            if let Some(instance) =
                implementation.and_then(|implementation| implementation.get_mq_client_factory())
            {
                instance.persist_all_consumer_offset().await;
            }
        }
    }

    /// Takes nothing new, waits for what is in flight, and tells the broker how far the group is.
    async fn stop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            end(consumer, self.drain, &self.ended).await;
        }
    }
}

impl Drop for Running {
    /// A consumer that nobody waits for still leaves its group, so that others get its queues.
    fn drop(&mut self) {
        if let (Some(consumer), Ok(handle)) = (self.consumer.take(), Handle::try_current()) {
            let (drain, ended) = (self.drain, self.ended.clone());
            handle.spawn(async move { end(consumer, drain, &ended).await });
        }
    }
}

/// Ends a consumer; whatever it has in flight after `drain` is not acknowledged and comes again.
async fn end(mut consumer: DefaultMQPushConsumer, drain: Duration, ended: &Shutdown) {
    if timeout(drain + ENDING, consumer.shutdown()).await.is_err() {
        tracing::warn!("a consumer did not end in time; what it had in flight is delivered again");
    }
    // Only now: a batch that is given up before would be acknowledged or sent back.
    ended.begin();
}

/// Has queues assigned soon, instead of at the library's next tick.
async fn assign(consumer: &DefaultMQPushConsumer) {
    // Members that were there before are being told of this one: first they let go of the queues it gets, or both would
    // consume them for a moment.
    sleep(LETTING_GO).await;
    for _ in 0..ASSIGNING_LOOKS {
        let implementation = consumer.default_mq_push_consumer_impl();
        let Some(instance) = implementation.and_then(|implementation| implementation.get_mq_client_factory())
        else {
            return;
        };
        if matches!(instance.do_rebalance().await, Ok(true)) {
            return;
        }
        sleep(ASSIGNING).await;
    }
}

fn build(client: &Client, group: &str, settings: &ConsumerSettings) -> DefaultMQPushConsumer {
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
        .rpc_hook(Some(client.hook()))
        .build()
}

/// The listener: hands batches to the function, on a thread of their own, and lets each message be settled by itself.
struct Feeder {
    function: Arc<dyn Function>,
    settling: Settling,
    handle: Handle,
}

impl MessageListenerConcurrently for Feeder {
    fn consume_message(
        &self,
        messages: &[&MessageExt],
        _: &ConsumeConcurrentlyContext,
    ) -> ClientResult<ConsumeConcurrentlyStatus> {
        let handled = self.handle.block_on(async {
            tokio::select! {
                () = self.handle_batch(messages) => true,
                () = self.settling.ended.begun() => false,
            }
        });
        // The library has stopped listening where it was not handled; this only must not acknowledge.
        Ok(if handled {
            ConsumeConcurrentlyStatus::ConsumeSuccess
        } else {
            ConsumeConcurrentlyStatus::ReconsumeLater
        })
    }
}

impl Feeder {
    async fn handle_batch(&self, messages: &[&MessageExt]) {
        let deliveries = deliveries(messages, &self.settling.names);
        if deliveries.iter().any(|delivery| delivery.topic.starts_with(DEAD_LETTERS)) {
            return self.handle_letters(deliveries).await;
        }
        let batch = Batch { settling: &self.settling, messages };
        self.function.process(deliveries, None::<Deadline>, &batch).await;
    }

    /// A dead letter that is sent back loses the name of its group, so what fails is tried again right here, until
    /// it is kept or this consumer ends.
    async fn handle_letters(&self, mut letters: Vec<Delivery>) {
        for attempt in 1.. {
            let answers = Failed::default();
            self.function.process(letters.clone(), None, &answers).await;
            let failed = answers.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            if failed.is_empty() {
                return;
            }
            letters = failed.into_iter().filter_map(|index| letters.get(index).cloned()).collect();
            for letter in &mut letters {
                letter.attempt = letter.attempt.saturating_add(1);
            }
            tokio::select! {
                () = sleep(self.settling.policy.delay(attempt, 1.0)) => {}
                () = self.settling.ended.begun() => return,
            }
        }
    }
}

/// Notes which messages of a batch were not done.
#[derive(Default)]
struct Failed(std::sync::Mutex<Vec<usize>>);

#[async_trait::async_trait]
impl Settle for Failed {
    async fn settle(&self, settled: Vec<Settled>) {
        use boxoffice_runtime::Outcome::{Done, Duplicate};
        let failed = settled.into_iter().filter(|settled| !matches!(settled.outcome, Some(Done | Duplicate)));
        let mut noted = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        noted.extend(failed.map(|settled| settled.index));
    }
}
