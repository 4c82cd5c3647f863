use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, MessageId, Outgoing, SendError};
use metrics::{Counter, counter};

use super::names;

/// Counts messages that were sent and messages that failed. The counters of known topics and tags are looked up once.
pub struct SendCounters {
    sent: Vec<(&'static str, &'static str, Counter)>,
    failed: Vec<(&'static str, Counter)>,
}

impl SendCounters {
    /// Counters of the recorder that is installed by now, for the topics and tags that are usually sent. Those of others
    /// are looked up with each message.
    pub fn new(usual: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        let (mut sent, mut failed) = (Vec::new(), Vec::<(&'static str, Counter)>::new());
        for (topic, tag) in usual {
            sent.push((topic, tag, counter!(names::MESSAGE_SENT, "topic" => topic, "tag" => tag)));
            if !failed.iter().any(|(known, _)| *known == topic) {
                failed.push((topic, counter!(names::SEND_FAILED, "topic" => topic)));
            }
        }
        Self { sent, failed }
    }

    /// Counts one message as sent. For a store that sends in the commit of its write, without a [`Bus`].
    pub fn sent(&self, topic: &str, tag: Option<&str>) {
        let tag = tag.unwrap_or_default();
        match self.sent.iter().find(|known| known.0 == topic && known.1 == tag) {
            Some((_, _, counter)) => counter.increment(1),
            None => {
                counter!(names::MESSAGE_SENT, "topic" => topic.to_owned(), "tag" => tag.to_owned())
                    .increment(1);
            }
        }
    }

    /// Counts one message as failed: not sent, or of unknown outcome.
    pub fn failed(&self, topic: &str) {
        match self.failed.iter().find(|known| known.0 == topic) {
            Some((_, counter)) => counter.increment(1),
            None => counter!(names::SEND_FAILED, "topic" => topic.to_owned()).increment(1),
        }
    }

    fn count<T>(&self, topic: &str, tag: Option<&str>, answer: &Result<T, SendError>) {
        match answer {
            Ok(_) => self.sent(topic, tag),
            Err(_) => self.failed(topic),
        }
    }
}

/// A bus that counts what goes through it.
pub struct CountedBus {
    bus: Arc<dyn Bus>,
    counters: SendCounters,
}

impl CountedBus {
    /// Counts what is sent through `bus`; `usual` as for [`SendCounters::new`]. Make it after [`super::init`].
    pub fn new(bus: Arc<dyn Bus>, usual: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        Self { bus, counters: SendCounters::new(usual) }
    }
}

#[async_trait]
impl Bus for CountedBus {
    fn longest_delay(&self) -> Option<Duration> {
        self.bus.longest_delay()
    }

    async fn send(&self, message: Outgoing) -> Result<MessageId, SendError> {
        let (topic, tag) = (message.topic.clone(), message.tag.clone());
        let answer = self.bus.send(message).await;
        self.counters.count(&topic, tag.as_deref(), &answer);
        answer
    }

    async fn send_all(&self, messages: Vec<Outgoing>) -> Vec<Result<MessageId, SendError>> {
        let routes: Vec<_> =
            messages.iter().map(|message| (message.topic.clone(), message.tag.clone())).collect();
        let answers = self.bus.send_all(messages).await;
        for ((topic, tag), answer) in routes.iter().zip(&answers) {
            self.counters.count(topic, tag.as_deref(), answer);
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_domain::testing::FakeBus;
    use boxoffice_messages::{tag, topic};

    use super::*;

    #[tokio::test]
    async fn every_message_is_counted_as_sent_or_failed() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let _installed = metrics::set_default_local_recorder(&recorder);
        let inner = FakeBus::default();
        inner.fail_next(1, SendError::Unavailable("restarting".to_owned()));
        let bus = CountedBus::new(Arc::new(inner), [(topic::ORDER, tag::ORDER_PAID)]);
        let paid = Outgoing::new(topic::ORDER, tag::ORDER_PAID, "T1", "");
        let strange = Outgoing::new("STRANGE_TOPIC", "STRANGE", "T1", "");

        assert!(bus.send(paid.clone()).await.is_err());
        assert!(bus.send(paid.clone()).await.is_ok());
        assert_eq!(bus.send_all(vec![paid, strange]).await.len(), 2);

        let text = recorder.handle().render();
        for line in [
            "mq_message_sent{topic=\"ORDER_TOPIC\",tag=\"ORDER_PAID\"} 2",
            "mq_message_sent{topic=\"STRANGE_TOPIC\",tag=\"STRANGE\"} 1",
            "mq_send_failed{topic=\"ORDER_TOPIC\"} 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
