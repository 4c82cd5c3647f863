use std::borrow::Cow;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

/// A message on its way out: already encoded, so that no port needs to know a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub topic: Cow<'static, str>,
    /// Which kind of message; `None` for an untagged one.
    pub tag: Option<Cow<'static, str>>,
    /// KEYS: the business key, so that an operator finds it.
    pub key: Option<String>,
    /// The encoded payload.
    pub body: Bytes,
    /// RocketMQ's system flag: tells how the body is compressed. 0 for everything we write.
    pub sys_flag: i32,
    /// Not before this instant; `None` is now.
    pub deliver_at: Option<Timestamp>,
    /// User properties that travel with it (`traceparent`, ...).
    pub properties: Vec<(String, String)>,
}

impl Outgoing {
    /// A message for immediate delivery, without user properties.
    pub fn new(
        topic: impl Into<Cow<'static, str>>,
        tag: impl Into<Cow<'static, str>>,
        key: impl Into<String>,
        body: impl Into<Bytes>,
    ) -> Self {
        Self {
            topic: topic.into(),
            tag: Some(tag.into()),
            key: Some(key.into()),
            body: body.into(),
            sys_flag: 0,
            deliver_at: None,
            properties: Vec::new(),
        }
    }

    /// The same message, not delivered before `instant`.
    #[must_use]
    pub fn deliver_at(mut self, instant: Timestamp) -> Self {
        self.deliver_at = Some(instant);
        self
    }
}

/// What the bus calls an accepted message. No identity: a retried send has another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(pub String);

/// Why a message was not, or perhaps not, sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The bus will never take this message (too large, no such topic, not allowed).
    #[error("the bus refused the message: {0}")]
    Rejected(String),
    /// Not sent: try again later.
    #[error("the bus is unavailable: {0}")]
    Unavailable(String),
    /// Perhaps sent: send again, consumers are idempotent.
    #[error("it is unknown whether the bus took the message: {0}")]
    OutcomeUnknown(String),
}

/// Sends messages. An accepted message is handled at least once, or ends in the dead letters.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Sends one message; returns once the bus has made it durable.
    async fn send(&self, message: Outgoing) -> Result<MessageId, SendError>;

    /// Sends several; each succeeds or fails by itself, the answers come in the order of the messages.
    async fn send_all(&self, messages: Vec<Outgoing>) -> Vec<Result<MessageId, SendError>> {
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages {
            answers.push(self.send(message).await);
        }
        answers
    }
}
