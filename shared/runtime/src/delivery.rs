use std::borrow::Cow;
use std::sync::Arc;

use boxoffice_domain::ports::AuditedGroup;
use bytes::Bytes;
use jiff::Timestamp;

/// A topic and the tags that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicFilter {
    /// The topic.
    pub topic: Cow<'static, str>,
    /// The tags wanted; empty means every message, tagged or not.
    pub tags: Vec<Cow<'static, str>>,
}

/// What a function consumes, and as which consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The consumer group: each message reaches each group once.
    pub group: &'static str,
    /// The topics, with their tags.
    pub topics: Vec<TopicFilter>,
}

impl Subscription {
    /// One topic, some of its tags.
    pub fn new(group: &'static str, topic: &'static str, tags: &[&'static str]) -> Self {
        let tags = tags.iter().map(|tag| Cow::Borrowed(*tag)).collect();
        Self { group, topics: vec![TopicFilter { topic: Cow::Borrowed(topic), tags }] }
    }
}

/// The group, for an operator who asks the bus about it.
impl From<&Subscription> for AuditedGroup {
    fn from(subscription: &Subscription) -> Self {
        let topics = subscription.topics.iter().map(|filter| filter.topic.to_string());
        Self { name: subscription.group.to_owned(), topics: topics.collect() }
    }
}

/// A message as a transport delivers it: the body is not decoded and may be compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The topic it was sent to (never a retry topic of the broker).
    pub topic: Arc<str>,
    /// Its tag.
    pub tag: Option<Arc<str>>,
    /// Its first key.
    pub key: Option<Arc<str>>,
    /// The bus' id. It is not an identity; the business key is.
    pub message_id: Arc<str>,
    /// The body as it was on the wire.
    pub body: Bytes,
    /// RocketMQ's system flag: how the body is compressed. 0 on every other transport.
    pub sys_flag: i32,
    /// Which delivery this is, from 1.
    pub attempt: u32,
    /// Which redrive from the dead letters this is: 0 for none. Part of every idempotency key.
    pub generation: u32,
    /// When it was sent, if the transport knows.
    pub sent_at: Option<Timestamp>,
    /// When the transport made it available to consumers (a delayed message: its due time); lag counts from here.
    pub available_at: Option<Timestamp>,
    /// User properties.
    pub properties: Vec<(String, String)>,
}

impl Delivery {
    /// The value of a user property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a handler may know about the delivery, besides the decoded message.
#[derive(Debug, Clone)]
pub struct Context {
    /// The delivery itself, body included.
    pub delivery: Arc<Delivery>,
    /// The group that handles it.
    pub group: &'static str,
}

impl Context {
    /// Which delivery this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.delivery.attempt
    }

    /// Which redrive this is: 0 for none.
    pub fn generation(&self) -> u32 {
        self.delivery.generation
    }
}
