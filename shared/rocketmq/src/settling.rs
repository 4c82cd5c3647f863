//! What becomes of each message of a batch.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::SendError;
use boxoffice_messages::DELIVERY_PROPERTIES;
use boxoffice_runtime::{
    DEAD_LETTER_ATTEMPTS, DEAD_LETTER_GENERATION, DEAD_LETTER_GROUP, DEAD_LETTER_MESSAGE_ID,
    DEAD_LETTER_REASON, DEAD_LETTER_TAG, DEAD_LETTER_TOPIC, Delivery, Outcome, Readiness, RetryPolicy,
    Settle, Settled, Shutdown,
};
use rocketmq_model::common::message::message_ext::MessageExt;
use rocketmq_model::common::message::message_single::Message;
use rocketmq_model::common::message::{MessageConst, MessageTrait};

use crate::cluster_state::Watch;
use crate::delay_levels::level;
use crate::message::{COMPRESSION_BITS, delivery};
use crate::names::Names;
use crate::producer::Producer;
use crate::request_hook::{ATTEMPTS_BEFORE, MOST_ATTEMPTS, SYS_FLAG};

/// The pause before something that failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest reason that travels with a dead letter, in characters.
const LONGEST_REASON: usize = 500;

/// What settling needs from the consumer that took the messages.
pub(crate) struct Settling {
    pub(crate) group: &'static str,
    pub(crate) names: Names,
    pub(crate) policy: RetryPolicy,
    pub(crate) delay_levels: Vec<Duration>,
    pub(crate) producer: Arc<Producer>,
    pub(crate) watch: Arc<Watch>,
    /// Begins when the consumer has ended: what is not settled by then is redelivered.
    pub(crate) ended: Shutdown,
}

/// A batch whose messages are being settled.
pub(crate) struct Batch<'a> {
    pub(crate) settling: &'a Settling,
    pub(crate) messages: &'a [&'a MessageExt],
}

#[async_trait]
impl Settle for Batch<'_> {
    async fn settle(&self, settled: Vec<Settled>) {
        for Settled { index, outcome } in settled {
            let Some(message) = self.messages.get(index) else { continue };
            match outcome {
                Some(Outcome::Done | Outcome::Duplicate) => {}
                Some(Outcome::Poison { because }) => self.settling.bury(message, &because).await,
                Some(Outcome::Retry { after, because }) => {
                    self.settling.retry(message, after, &because).await;
                }
                None => self.settling.hand_back(message).await,
            }
        }
    }
}

impl Settling {
    async fn retry(&self, message: &MessageExt, after: Option<Duration>, because: &str) {
        let attempt = attempt(message);
        if self.policy.is_last(attempt) {
            self.bury(message, because).await;
        } else {
            let jitter = f64::from(message.body_crc() % 1_000) / 1_000.0;
            self.again(message, after.unwrap_or_else(|| self.policy.delay(attempt, jitter))).await;
        }
    }

    /// Has a message delivered again, however long the broker is unavailable.
    async fn again(&self, message: &MessageExt, delay: Duration) {
        let level = level(delay, &self.delay_levels);
        self.until_done(message, || async {
            let Err(refused) = self.send_back(message, level).await else { return Ok(()) };
            // The broker that stores it may be unavailable while others are up: they take a copy.
            let mut copy = self.redelivery(message, message.reconsume_times().saturating_add(1));
            copy.set_delay_time_level(level);
            let sent = self.producer.send_built(copy, &self.names.retry_topic(self.group)).await;
            sent.map(|_| ()).map_err(|error| format!("sending it back failed: {refused}; {error}"))
        })
        .await;
    }

    async fn send_back(&self, message: &MessageExt, level: i32) -> Result<(), SendError> {
        let group = self.names.group(self.group);
        self.producer.send_back(message, &group, level, self.policy.max_attempts).await
    }

    /// Makes a message a dead letter, however long the broker is unavailable. It is sent from here and not by the broker, so
    /// that the reason travels with it.
    async fn bury(&self, message: &MessageExt, because: &str) {
        let (topic, letter) = (self.names.dead_letter_topic(self.group), self.letter(message, because));
        self.until_done(message, || async {
            let Err(refused) = self.producer.send_built(letter.clone(), &topic).await else { return Ok(()) };
            // The broker's own way carries no reason, but it may work.
            self.send_back(message, TO_THE_DEAD_LETTERS)
                .await
                .map_err(|error| format!("making it a dead letter failed: {refused}; {error}"))
        })
        .await;
    }

    async fn until_done<F: Future<Output = Result<(), String>>>(
        &self,
        message: &MessageExt,
        work: impl Fn() -> F,
    ) {
        let (mut tries, mut said) = (0_u32, false);
        loop {
            let done = tokio::select! {
                done = work() => done,
                () = self.ended.begun() => return,
            };
            let Err(because) = done else { return };
            tries = tries.saturating_add(1);
            // An outage is logged once for all messages; it is known by the second attempt.
            if tries > 1 && !said && self.watch.readiness() == Readiness::Ready {
                let (group, message_id) = (self.group, message.msg_id().as_str());
                tracing::warn!(
                    group,
                    message_id,
                    because,
                    "a message cannot be settled; retrying until it can"
                );
                said = true;
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = self.ended.begun() => return,
            }
        }
    }

    /// Has a message that was never started delivered to the group again without costing it an attempt. The broker's own
    /// way would count one.
    async fn hand_back(&self, message: &MessageExt) {
        let topic = self.names.retry_topic(self.group);
        let copy = self.redelivery(message, message.reconsume_times());
        self.until_done(message, || async {
            let sent = self.producer.send_built(copy.clone(), &topic).await;
            sent.map(|_| ()).map_err(|error| format!("handing it back failed: {error}"))
        })
        .await;
    }

    /// A copy for the group alone that carries the original topic.
    fn redelivery(&self, message: &MessageExt, attempts_before: i32) -> Message {
        let mut copy = copy(message, &self.names.retry_topic(self.group));
        copy.put_property(MessageConst::PROPERTY_RETRY_TOPIC.into(), message.topic().clone());
        for (name, count) in [
            (ATTEMPTS_BEFORE, attempts_before.to_string()),
            (MOST_ATTEMPTS, self.policy.max_attempts.to_string()),
        ] {
            copy.put_property(name.into(), count.into());
        }
        copy
    }

    /// The dead letter of a message: its body, its properties, and what an operator wants to know.
    fn letter(&self, message: &MessageExt, because: &str) -> Message {
        let mut letter = copy(message, &self.names.dead_letter_topic(self.group));
        for (name, value) in self.dead_letter_properties(&delivery(message, &self.names), because) {
            letter.put_property(name.into(), value.into());
        }
        // As the broker names them, for tools that know only these.
        let (topic, id) = (message.topic().clone(), message.msg_id().clone());
        letter.put_property(MessageConst::PROPERTY_RETRY_TOPIC.into(), topic.clone());
        letter.put_property(MessageConst::PROPERTY_DLQ_ORIGIN_TOPIC.into(), topic);
        letter.put_property(MessageConst::PROPERTY_DLQ_ORIGIN_MESSAGE_ID.into(), id);
        letter
    }

    fn dead_letter_properties(&self, origin: &Delivery, because: &str) -> Vec<(&'static str, String)> {
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let reason: String = because.chars().map(printable).take(LONGEST_REASON).collect();
        let mut dead_letter_properties = vec![
            (DEAD_LETTER_REASON, reason),
            (DEAD_LETTER_GROUP, self.group.to_owned()),
            (DEAD_LETTER_TOPIC, origin.topic.to_string()),
            (DEAD_LETTER_MESSAGE_ID, origin.message_id.to_string()),
            (DEAD_LETTER_ATTEMPTS, origin.attempt.to_string()),
            (DEAD_LETTER_GENERATION, origin.generation.to_string()),
        ];
        dead_letter_properties.extend(origin.tag.as_ref().map(|tag| (DEAD_LETTER_TAG, tag.to_string())));
        dead_letter_properties
    }
}

/// A message with the same body and properties.
fn copy(message: &MessageExt, topic: &str) -> Message {
    let body = message.body().unwrap_or_default();
    let mut copy = Message::builder().topic(topic).body(body).build().unwrap_or_default();
    for (name, value) in message.properties() {
        if !DELIVERY_PROPERTIES.contains(&name.as_str()) {
            copy.put_property(name.clone(), value.clone());
        }
    }
    let flag = message.sys_flag() & COMPRESSION_BITS;
    if flag != 0 {
        copy.put_property(SYS_FLAG.into(), flag.to_string().into());
    }
    copy
}

/// The delay level that makes a dead letter.
const TO_THE_DEAD_LETTERS: i32 = -1;

/// Which delivery this is, from 1.
pub(crate) fn attempt(message: &MessageExt) -> u32 {
    u32::try_from(message.reconsume_times()).unwrap_or(0).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_not_held_back_as_its_original_was() {
        for instruction in [
            MessageConst::PROPERTY_DELAY_TIME_LEVEL,
            MessageConst::PROPERTY_TIMER_DELIVER_MS,
            MessageConst::PROPERTY_TIMER_DELAY_MS,
            MessageConst::PROPERTY_TIMER_DELAY_SEC,
            MessageConst::PROPERTY_TRANSACTION_PREPARED,
            MessageConst::PROPERTY_WAIT_STORE_MSG_OK,
        ] {
            assert!(DELIVERY_PROPERTIES.contains(&instruction), "{instruction}");
        }
    }
}
