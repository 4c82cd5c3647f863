use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

/// A message to be sent: already encoded, so that no port depends on a payload.
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
    /// RocketMQ's system flag: how the body is compressed. 0 for everything we write.
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

    /// Until when a bus that delays by at most `longest` holds this message back; `None` when it is due at `now`.
    /// For adapters: what cannot be waited for at once is left to the consumer, see [`Bus::longest_delay`].
    pub fn held_until(&self, now: Timestamp, longest: Option<Duration>) -> Option<Timestamp> {
        let wanted = self.deliver_at.filter(|wanted| *wanted > now)?;
        let latest = longest.and_then(|longest| now.checked_add(longest).ok());
        Some(latest.map_or(wanted, |latest| wanted.min(latest)))
    }
}

/// The bus' id of an accepted message. It is not an identity: a retried send gets another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(pub String);

/// Why a message was not sent, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The bus will never accept this message (too large, unknown topic, not permitted).
    #[error("the bus rejected the message: {0}")]
    Rejected(String),
    /// Not sent: try again later.
    #[error("the bus is unavailable: {0}")]
    Unavailable(String),
    /// The outcome is unknown: send again, consumers are idempotent.
    #[error("it is unknown whether the bus accepted the message: {0}")]
    OutcomeUnknown(String),
}

/// Sends messages. An accepted message is handled at least once, or ends in the dead letters.
#[async_trait]
pub trait Bus: Send + Sync {
    /// The longest time this bus holds a message back; `None` where there is no limit.
    ///
    /// A message with a later [`Outgoing::deliver_at`] is not refused: it is delivered after this time, too early. The
    /// consumer of such messages looks at the clock and sends one that is early again, with the same `deliver_at`, so
    /// that no sender needs to know the limit.
    fn longest_delay(&self) -> Option<Duration>;

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

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_message_is_held_until_its_time_or_for_as_long_as_the_bus_can() {
        let now = Timestamp::UNIX_EPOCH;
        let message = Outgoing::new("T", "t", "k", "");
        assert_eq!(message.held_until(now, None), None);
        assert_eq!(message.clone().deliver_at(now).held_until(now, None), None, "it is due");
        let late = message.deliver_at(now + 20 * MINUTE);
        assert_eq!(late.held_until(now, None), Some(now + 20 * MINUTE));
        assert_eq!(late.held_until(now, Some(15 * MINUTE)), Some(now + 15 * MINUTE));
        assert_eq!(late.held_until(now + 10 * MINUTE, Some(15 * MINUTE)), Some(now + 20 * MINUTE));
        assert_eq!(late.held_until(now, Some(Duration::MAX)), Some(now + 20 * MINUTE));
    }
}
