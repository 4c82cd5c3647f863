use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use metrics::{Counter, Histogram, counter, histogram};
use tracing::Span;

use super::{TRACEPARENT, mask, names};
use crate::{Context, Delivery, Outcome, Subscription};

/// Metrics and log lines about the messages of one consumer group.
///
/// The metrics are looked up once, with the first message, so that the recorder may be installed after the engine is made,
/// and later messages build no labels.
pub(crate) struct ConsumerTelemetry {
    group: &'static str,
    topics: Vec<Arc<str>>,
    handles: OnceLock<Handles>,
}

struct Handles {
    durations: Vec<(Arc<str>, Histogram)>,
    lag: Histogram,
    done: Counter,
    duplicate: Counter,
    retry: Counter,
    poison: Counter,
}

impl ConsumerTelemetry {
    pub(crate) fn new(subscription: &Subscription) -> Self {
        let topics = subscription.topics.iter().map(|filter| Arc::from(filter.topic.as_ref())).collect();
        Self { group: subscription.group, topics, handles: OnceLock::new() }
    }

    /// Records how long the messages of a batch had waited.
    pub(crate) fn received(&self, batch: &[Delivery]) {
        let now = Timestamp::now();
        let lag = &self.handles().lag;
        for available_at in batch.iter().filter_map(|delivery| delivery.available_at) {
            // Clocks of two machines differ: a message from the future counts as not having waited.
            lag.record(now.duration_since(available_at).as_secs_f64().max(0.0));
        }
    }

    /// Records the outcome of one message, and how long it took.
    pub(crate) fn handled(&self, delivery: &Delivery, outcome: &Outcome, took: Duration) {
        let handles = self.handles();
        match handles.durations.iter().find(|(topic, _)| **topic == *delivery.topic) {
            Some((_, duration)) => duration.record(took),
            None => consumed(delivery.topic.as_ref(), self.group).record(took),
        }
        match outcome {
            Outcome::Done => handles.done.increment(1),
            Outcome::Duplicate => handles.duplicate.increment(1),
            Outcome::Retry { after, because } => {
                handles.retry.increment(1);
                tracing::warn!(
                    topic = &*delivery.topic,
                    tag = delivery.tag.as_deref(),
                    group = self.group,
                    key = delivery.key.as_deref(),
                    message_id = &*delivery.message_id,
                    attempt = delivery.attempt,
                    after = after.map(tracing::field::debug),
                    because = mask::text(because),
                    "a message will be delivered again"
                );
            }
            Outcome::Poison { because } => {
                handles.poison.increment(1);
                tracing::error!(
                    topic = &*delivery.topic,
                    tag = delivery.tag.as_deref(),
                    group = self.group,
                    key = delivery.key.as_deref(),
                    message_id = &*delivery.message_id,
                    attempt = delivery.attempt,
                    because = mask::text(because),
                    "a message can never be handled and goes to the dead letters"
                );
            }
        }
    }

    fn handles(&self) -> &Handles {
        self.handles.get_or_init(|| {
            let outcome = |name: &'static str| {
                counter!(names::MESSAGE_OUTCOME, "consumer_group" => self.group, "outcome" => name)
            };
            Handles {
                durations: self.topics.iter().map(|topic| (Arc::clone(topic), consumed(topic, self.group))).collect(),
                lag: histogram!(names::LAG, "consumer_group" => self.group),
                done: outcome("done"),
                duplicate: outcome("duplicate"),
                retry: outcome("retry"),
                poison: outcome("poison"),
            }
        })
    }
}

fn consumed(topic: &str, group: &'static str) -> Histogram {
    histogram!(names::MESSAGE_CONSUMED, "topic" => topic.to_owned(), "consumer_group" => group)
}

/// The span of one message. Costs almost nothing unless the level debug is enabled.
pub(crate) fn message_span(delivery: &Delivery, group: &'static str) -> Span {
    tracing::debug_span!(
        "message",
        topic = &*delivery.topic,
        tag = delivery.tag.as_deref(),
        group,
        key = delivery.key.as_deref(),
        message_id = &*delivery.message_id,
        attempt = delivery.attempt,
        traceparent = delivery.property(TRACEPARENT),
    )
}

/// The span of a call with several messages; with the details of the message if there is only one.
pub(crate) fn batch_span<M>(messages: &[(M, Context)], group: &'static str) -> Span {
    if let [(_, context)] = messages {
        message_span(&context.delivery, group)
    } else {
        tracing::debug_span!("messages", group, messages = messages.len())
    }
}
