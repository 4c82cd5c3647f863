//! Sends messages, and continues as soon as the cluster is back after an outage.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::ports::{MessageId, Outgoing, SendError};
use boxoffice_runtime::RetryPolicy;
use jiff::Timestamp;
use rocketmq_client_rust::{ClientError, ClientResult, DefaultMQProducer, SendResult, SendStatus};
use rocketmq_model::common::message::message_ext::MessageExt;
use rocketmq_model::common::message::message_single::Message;
use tokio::sync::RwLock;
use tokio::time::{Instant, sleep, timeout};

use crate::boxed::boxed;
use crate::client::Client;
use crate::cluster_state::Watch;
use crate::errors::{describe, is_busy, send_error};
use crate::message::outgoing;
use crate::offsets::{self, Offsets};

/// Our name as a producer.
const GROUP: &str = "boxoffice-producer-group";
/// How long the library may take to end a producer.
const ENDING: Duration = Duration::from_secs(5);
/// How long the brokers may take to confirm how far a group is.
const CONFIRMING: Duration = Duration::from_secs(3);
/// When a busy broker is asked again. How often is a matter of `ROCKETMQ_SEND_TIMEOUT`.
const WHEN_BUSY: RetryPolicy = RetryPolicy {
    max_attempts: u32::MAX,
    first_delay: Duration::from_millis(50),
    max_delay: Duration::from_secs(1),
};
/// Longest name of a topic.
const LONGEST_TOPIC: usize = 127;
/// Bodies are sent as they are.
const NEVER: u32 = i32::MAX as u32;

/// A producer, and the epoch of the cluster it was made in.
struct Made {
    epoch: u64,
    producer: Arc<DefaultMQProducer>,
}

/// The producer of this process. It is created at the first use, and again whenever the cluster is back.
pub(crate) struct Producer {
    client: Arc<Client>,
    watch: Arc<Watch>,
    made: RwLock<Option<Made>>,
}

impl Producer {
    pub(crate) fn new(client: Arc<Client>, watch: Arc<Watch>) -> Self {
        Self { client, watch, made: RwLock::new(None) }
    }

    /// Sends one message; returns once the broker has stored it.
    pub(crate) async fn send(&self, message: &Outgoing) -> Result<MessageId, SendError> {
        if !is_topic(&self.client.names.topic(&message.topic)) {
            let because = "a topic has 1 to 127 of the characters a-z A-Z 0-9 _ - % |";
            return Err(SendError::Rejected(format!("{:?}: {because}", message.topic)));
        }
        let settings = &self.client.settings;
        let built = outgoing(message, &self.client.names, settings.max_message_bytes, Timestamp::now())
            .map_err(|error| SendError::Rejected(format!("{}: {error}", message.topic)))?;
        self.send_built(built, &message.topic).await
    }

    /// The same, of a message that is built already.
    pub(crate) async fn send_built(&self, message: Message, topic: &str) -> Result<MessageId, SendError> {
        let producer = self.current().await?;
        let asked = self.ask(topic, || boxed(producer.send(message.clone()))).await;
        let answer = asked.and_then(|result| match result {
            Some(result) => stored(&result, topic),
            None => Err(SendError::OutcomeUnknown(format!("{topic}: the broker did not respond"))),
        });
        self.look_after(&answer);
        answer
    }

    async fn ask<T, F: Future<Output = ClientResult<T>>>(
        &self,
        topic: &str,
        request: impl Fn() -> F,
    ) -> Result<T, SendError> {
        answered(self.longest_send(), topic, self.retry_while_busy(request)).await
    }

    /// Retries while the send may last if the broker was too busy. It answers so when a request waited for more than
    /// `waitTimeMillsInSendQueue` (0.2 s), and then it has stored nothing.
    async fn retry_while_busy<T, F: Future<Output = ClientResult<T>>>(
        &self,
        ask: impl Fn() -> F,
    ) -> ClientResult<T> {
        let (begun, mut tries) = (Instant::now(), 1_u32);
        loop {
            let answer = ask().await;
            let pause = WHEN_BUSY.delay(tries, 1.0);
            let last = begun.elapsed() + pause >= self.client.settings.send_timeout;
            if last || !answer.as_ref().is_err_and(is_busy) {
                return answer;
            }
            sleep(pause).await;
            tries = tries.saturating_add(1);
        }
    }

    /// Asks the broker that stores a message to deliver it to `group` again, after a delay level; -1 makes it a dead letter,
    /// and so does an attempt beyond `max_attempts`. The consumer that took the message could ask as well, but not after
    /// an outage, because its circuit breaker stays open.
    pub(crate) async fn send_back(
        &self,
        message: &MessageExt,
        group: &str,
        level: i32,
        max_attempts: u32,
    ) -> Result<(), SendError> {
        let producer = self.current().await?;
        let (topic, broker) = (message.topic().as_str(), message.store_host.to_string());
        let name = Some(message.broker_name.as_str()).filter(|name| !name.is_empty());
        let send_millis = u64::try_from(self.client.settings.send_timeout.as_millis()).unwrap_or(u64::MAX);
        let most = i32::try_from(max_attempts).unwrap_or(i32::MAX);
        let connection = || {
            producer
                .default_mq_producer_impl()
                .ok_or_else(ClientError::shutting_down)?
                .get_mq_client_factory()
        };
        let answer = self
            .ask(topic, async || {
                let api = connection()?.get_mq_client_api_impl()?;
                boxed(api.consumer_send_message_back(&broker, name, message, group, level, send_millis, most))
                    .await
            })
            .await;
        self.look_after(&answer);
        answer
    }

    /// Commits the offsets of a consumer that has ended, unless another epoch has begun since `epoch`: a broker that was
    /// unavailable may have lost messages, and would then skip new ones in their place.
    pub(crate) async fn confirm_offsets(
        &self,
        epoch: u64,
        group: &str,
        offsets: &Offsets,
    ) -> Result<(), SendError> {
        if offsets.is_empty() || self.watch.epoch(Duration::ZERO).await != Ok(epoch) {
            return Ok(());
        }
        let producer = self.current().await?;
        answered(CONFIRMING, group, boxed(offsets::confirm(&producer, group, offsets))).await
    }

    /// When the cluster did not respond, it is worth checking whether it can still be reached.
    fn look_after<T>(&self, answer: &Result<T, SendError>) {
        if matches!(answer, Err(SendError::Unavailable(_) | SendError::OutcomeUnknown(_))) {
            self.watch.look();
        }
    }

    /// The producer of the present epoch; a process that has just started waits until there is one. While the cluster is
    /// unavailable no producer is used: it would only open its circuit breaker while the caller waits in vain.
    async fn current(&self) -> Result<Arc<DefaultMQProducer>, SendError> {
        let patience = self.client.settings.send_timeout;
        let epoch = self.watch.epoch(patience).await.map_err(SendError::Unavailable)?;
        if let Some(made) = &*self.made.read().await
            && made.epoch == epoch
        {
            return Ok(made.producer.clone());
        }
        let mut made = self.made.write().await;
        if let Some(made) = &*made
            && made.epoch == epoch
        {
            return Ok(made.producer.clone());
        }
        let producer = Arc::new(self.make().await?);
        let before = made.replace(Made { epoch, producer: producer.clone() });
        drop(made);
        if let Some(before) = before {
            tokio::spawn(end(before.producer, self.longest_send()));
        }
        Ok(producer)
    }

    async fn make(&self) -> Result<DefaultMQProducer, SendError> {
        let settings = &self.client.settings;
        let send_millis = u32::try_from(settings.send_timeout.as_millis()).unwrap_or(u32::MAX);
        let mut producer = DefaultMQProducer::builder(self.client.runtime.clone())
            .client_config(self.client.config())
            .producer_group(GROUP)
            .rpc_hook(self.client.hook())
            .send_msg_timeout(send_millis)
            .retry_times_when_send_failed(settings.send_retries)
            .default_topic_queue_nums(settings.queues)
            .max_message_size(u32::try_from(settings.max_message_bytes).unwrap_or(u32::MAX))
            .compress_msg_body_over_howmuch(NEVER)
            .build();
        let started = timeout(settings.send_timeout, boxed(producer.start())).await;
        match started {
            Ok(Ok(())) => Ok(producer),
            Ok(Err(error)) => {
                Err(SendError::Unavailable(format!("the producer did not start: {}", describe(&error))))
            }
            Err(_) => Err(SendError::Unavailable("the producer did not start in time".to_owned())),
        }
    }

    pub(crate) async fn close(&self) {
        if let Some(made) = self.made.write().await.take() {
            end(made.producer, self.longest_send()).await;
        }
    }

    /// When a request is abandoned that the library should have abandoned earlier.
    fn longest_send(&self) -> Duration {
        self.client.settings.send_timeout + Duration::from_secs(1)
    }
}

/// The response about `what`, unless it takes longer than `patience`.
async fn answered<T>(
    patience: Duration,
    what: &str,
    asked: impl Future<Output = ClientResult<T>>,
) -> Result<T, SendError> {
    match timeout(patience, asked).await {
        Ok(answer) => answer.map_err(|error| send_error(&error, what)),
        Err(_) => Err(SendError::OutcomeUnknown(format!("{what}: no response in time"))),
    }
}

/// Whether RocketMQ allows a topic of this name. The library rejects one without saying why.
fn is_topic(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '%' | '|');
    (1..=LONGEST_TOPIC).contains(&name.len()) && name.chars().all(allowed)
}

/// Stops a producer once nothing is sent through it any more, which takes at most as long as the `longest` send.
async fn end(producer: Arc<DefaultMQProducer>, longest: Duration) {
    let begun = Instant::now();
    let mut producer = producer;
    while begun.elapsed() <= longest {
        match Arc::try_unwrap(producer) {
            Ok(mut alone) => {
                let _ = timeout(ENDING, boxed(alone.shutdown())).await;
                return;
            }
            Err(shared) => producer = shared,
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// What the broker's answer to a message says.
fn stored(result: &SendResult, topic: &str) -> Result<MessageId, SendError> {
    let id = MessageId(result.msg_id.as_ref().map(ToString::to_string).unwrap_or_default());
    match result.send_status {
        SendStatus::SendOk => Ok(id),
        // It is stored as safely as possible while the slave is unavailable; sending it again would not change that.
        SendStatus::SlaveNotAvailable => {
            tracing::warn!(
                topic,
                message_id = id.0,
                "a message is stored on one broker only: its slave is unavailable"
            );
            Ok(id)
        }
        SendStatus::FlushDiskTimeout => Err(SendError::OutcomeUnknown(format!(
            "{topic}: message {} is stored, but the broker's disk did not confirm it in time",
            id.0
        ))),
        SendStatus::FlushSlaveTimeout => Err(SendError::OutcomeUnknown(format!(
            "{topic}: message {} is stored, but the broker's slave did not confirm it in time",
            id.0
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: SendStatus) -> Result<MessageId, SendError> {
        let result = SendResult { send_status: status, msg_id: Some("7F01".into()), ..SendResult::default() };
        stored(&result, "ORDER_TOPIC")
    }

    #[test]
    fn every_answer_of_a_broker_is_distinguished() {
        let id = || MessageId("7F01".to_owned());
        assert_eq!(answer(SendStatus::SendOk), Ok(id()));
        // It is stored: a second copy would not be any safer.
        assert_eq!(answer(SendStatus::SlaveNotAvailable), Ok(id()));
        for (status, who) in
            [(SendStatus::FlushDiskTimeout, "disk"), (SendStatus::FlushSlaveTimeout, "slave")]
        {
            let Err(SendError::OutcomeUnknown(text)) = answer(status) else { panic!("{status:?}") };
            assert!(text.contains("ORDER_TOPIC") && text.contains("7F01") && text.contains(who), "{text}");
        }
    }

    #[test]
    fn names_that_no_topic_can_have_are_rejected_at_once() {
        for name in ["ORDER_TOPIC", "%DLQ%order-group", "a|b", &"x".repeat(127)] {
            assert!(is_topic(name), "{name}");
        }
        for name in ["", "ORDER TOPIC", "order.topic", "Bücher", &"x".repeat(128)] {
            assert!(!is_topic(name), "{name}");
        }
    }
}
