//! Messages of the port as messages of the client library, and back.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::ports::Outgoing;
use boxoffice_runtime::Delivery;
use jiff::Timestamp;
use rocketmq_model::common::message::STRING_HASH_SET as SYSTEM_PROPERTIES;
use rocketmq_model::common::message::message_ext::MessageExt;
use rocketmq_model::common::message::message_single::Message;
use rocketmq_model::common::message::{MessageConst, MessageTrait};

use crate::names::Names;
use crate::request_hook::SYS_FLAG;

/// The bits of the system flag that say how a body is compressed; the others belong to the broker.
pub(crate) const COMPRESSION_BITS: i32 = 0x701;
/// The property that counts the redrives of a message.
pub(crate) const GENERATION: &str = "BOXOFFICE_GENERATION";

/// The longest time a message is held back. A broker refuses more than three days (`timerMaxDelaySec`, unless that was
/// changed); a minute less, because it measures with its own clock.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_secs(3 * 24 * 3600 - 60);

/// Why a message can never be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsendable {
    #[error("the body has {found} bytes, the maximum is {allowed} (ROCKETMQ_MAX_MESSAGE)")]
    TooLarge { found: usize, allowed: usize },
    #[error("the body is empty, which RocketMQ does not accept")]
    Empty,
    #[error("property {0:?} is one of RocketMQ's own, or contains control characters")]
    Property(String),
    #[error("it cannot be built: {0}")]
    Invalid(String),
}

/// What is sent of a message.
pub(crate) fn outgoing(
    message: &Outgoing,
    names: &Names,
    max_bytes: usize,
    now: Timestamp,
) -> Result<Message, Unsendable> {
    if message.body.len() > max_bytes {
        return Err(Unsendable::TooLarge { found: message.body.len(), allowed: max_bytes });
    }
    if message.body.is_empty() {
        return Err(Unsendable::Empty);
    }
    let mut builder = Message::builder().topic(names.topic(&message.topic)).body(message.body.clone());
    if let Some(tag) = &message.tag {
        builder = builder.tags(tag.as_ref());
    }
    if let Some(key) = &message.key {
        builder = builder.key(key.as_str());
    }
    if let Some(until) = message.held_until(now, Some(LONGEST_DELAY)) {
        builder = builder.deliver_time_ms(u64::try_from(until.as_millisecond()).unwrap_or(0));
    }
    let invalid = |error: &dyn std::fmt::Display| Unsendable::Invalid(error.to_string());
    let mut built = builder.build().map_err(|error| invalid(&error))?;
    for (name, value) in &message.properties {
        let control = |text: &str| text.contains(['\u{1}', '\u{2}']);
        if SYSTEM_PROPERTIES.contains(name.as_str()) || name.is_empty() || control(name) || control(value) {
            return Err(Unsendable::Property(name.clone()));
        }
        built.put_property(name.as_str().into(), value.as_str().into());
    }
    if message.sys_flag & COMPRESSION_BITS != 0 {
        let flag = (message.sys_flag & COMPRESSION_BITS).to_string();
        built.put_property(SYS_FLAG.into(), flag.into());
    }
    Ok(built)
}

/// What a function sees of the messages of a batch. Most have the topic and the tag of the one before, which they share.
pub(crate) fn deliveries(messages: &[&MessageExt], names: &Names) -> Vec<Delivery> {
    let mut topic = Shared::default();
    let mut tag = Shared::default();
    messages.iter().map(|message| read(message, names, &mut topic, &mut tag)).collect()
}

/// What a function sees of one message.
pub(crate) fn delivery(message: &MessageExt, names: &Names) -> Delivery {
    read(message, names, &mut Shared::default(), &mut Shared::default())
}

/// The text of the message before.
#[derive(Default)]
struct Shared(Option<Arc<str>>);

impl Shared {
    fn of(&mut self, text: &str) -> Arc<str> {
        match &self.0 {
            Some(before) if **before == *text => before.clone(),
            _ => self.0.insert(Arc::from(text)).clone(),
        }
    }
}

fn read(message: &MessageExt, names: &Names, topics: &mut Shared, tags: &mut Shared) -> Delivery {
    let time = |millis: i64| Timestamp::from_millisecond(millis).ok().filter(|_| millis > 0);
    let (mut tag, mut key, mut message_id, mut generation) = (None, None, None, 0);
    let mut properties = Vec::new();
    // In one pass: this runs for every message, and a single look-up costs about as much.
    for (name, value) in message.properties() {
        match name.as_str() {
            MessageConst::PROPERTY_TAGS => tag = Some(value.as_str()).filter(|tag| !tag.is_empty()),
            // KEYS is a list with spaces in between.
            MessageConst::PROPERTY_KEYS => key = value.as_str().split(' ').find(|key| !key.is_empty()),
            MessageConst::PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX => message_id = Some(value.as_str()),
            GENERATION => generation = value.as_str().parse().unwrap_or(0),
            // Every message has these, and the set is slower.
            MessageConst::PROPERTY_WAIT_STORE_MSG_OK
            | MessageConst::PROPERTY_CLUSTER
            | MessageConst::PROPERTY_MIN_OFFSET
            | MessageConst::PROPERTY_MAX_OFFSET
            | MessageConst::PROPERTY_CONSUME_START_TIMESTAMP => {}
            system if SYSTEM_PROPERTIES.contains(system) => {}
            user => properties.push((user.to_owned(), value.to_string())),
        }
    }
    Delivery {
        topic: topics.of(&names.local(message.topic().as_str())),
        tag: tag.map(|tag| tags.of(tag)),
        key: key.map(Arc::from),
        // The id that its sender got. The broker's own id is its position, which changes with each redelivery.
        message_id: Arc::from(message_id.unwrap_or_else(|| message.msg_id().as_str())),
        body: message.body().unwrap_or_default(),
        sys_flag: message.sys_flag(),
        attempt: u32::try_from(message.reconsume_times()).unwrap_or(0).saturating_add(1),
        generation,
        sent_at: time(message.born_timestamp()),
        available_at: time(message.store_timestamp()),
        properties,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_longer_than_a_broker_takes_is_cut() {
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let held = |hours: u64| {
            let due = now + Duration::from_secs(hours * 3600);
            let message = Outgoing::new("ORDER_TOPIC", "ORDER_TIMEOUT", "T1", "{}").deliver_at(due);
            let built = outgoing(&message, &Names::default(), 1_024, now).unwrap();
            Duration::from_millis(built.get_deliver_time_ms() - 1_795_000_000_000)
        };
        assert_eq!(held(71), Duration::from_secs(71 * 3600));
        assert_eq!(held(72), LONGEST_DELAY);
        assert_eq!(held(24 * 365), LONGEST_DELAY);
    }
}
