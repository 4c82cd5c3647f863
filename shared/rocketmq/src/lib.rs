//! RocketMQ as the bus.

// The types of the client library nest deeply.
#![recursion_limit = "512"]

mod admin;
mod audit;
mod boxed;
mod client;
mod consumer;
mod delay_levels;
mod errors;
mod feeder;
mod heartbeats;
mod hook;
mod lag;
mod member;
mod message;
mod names;
mod offsets;
mod preparing;
mod producer;
mod redelivery;
mod settings;
mod settling;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{
    AuditedGroup, Bus, BusAudit, BusUnavailable, DeadLetter, GroupAccount, MessageId, Outgoing, Redeliver,
    SendError,
};
use boxoffice_runtime::{
    ConsumerSettings, Function, GroupLag, Readiness, Shutdown, Subscription, Transport, TransportError,
};
use futures_util::StreamExt as _;

use client::Client;
use producer::Producer;
use watch::Watch;

pub use settings::{Credentials, DEFAULT_DELAY_LEVELS, FirstOffset, RocketMqSettings, Tls};

/// Messages of one call that are on their way at the same time.
const SENDS_AT_ONCE: usize = 64;

/// A RocketMQ cluster: sends to it and consumes from it. Clones share everything.
#[derive(Clone)]
pub struct RocketMq {
    // Without its type, or every crate that holds one would need the recursion limit of this crate.
    cluster: Arc<dyn Connected>,
}

/// What a connected cluster can do.
#[async_trait]
trait Connected: Bus + BusAudit + Redeliver + Transport {
    async fn reached(&self);
    async fn close(&self);
}

pub(crate) struct Cluster {
    client: Arc<Client>,
    watch: Arc<Watch>,
    producer: Arc<Producer>,
    /// Consumers that do not consume yet.
    starting: AtomicUsize,
}

impl RocketMq {
    /// Makes ready to use a cluster. Connects when first used, and watches from now on whether the cluster can be
    /// reached, so it may be away. [`TransportError::Refused`] when the client library does not take the settings.
    #[expect(clippy::unused_async, reason = "it must run inside a runtime, which an async function says")]
    pub async fn connect(settings: RocketMqSettings) -> Result<Self, TransportError> {
        let client = Arc::new(Client::new(settings)?);
        let watch = Arc::new(Watch::start(client.clone()));
        let producer = Arc::new(Producer::new(client.clone(), watch.clone()));
        Ok(Self { cluster: Arc::new(Cluster { client, watch, producer, starting: AtomicUsize::new(0) }) })
    }

    /// Returns once a broker can be reached.
    pub async fn reached(&self) {
        self.cluster.reached().await;
    }

    /// Ends every connection. Consumers must have been stopped before.
    pub async fn close(&self) {
        self.cluster.close().await;
    }
}

#[async_trait]
impl Bus for RocketMq {
    fn longest_delay(&self) -> Option<Duration> {
        self.cluster.longest_delay()
    }

    async fn send(&self, message: Outgoing) -> Result<MessageId, SendError> {
        self.cluster.send(message).await
    }

    async fn send_all(&self, messages: Vec<Outgoing>) -> Vec<Result<MessageId, SendError>> {
        self.cluster.send_all(messages).await
    }
}

#[async_trait]
impl Redeliver for RocketMq {
    async fn redeliver(&self, letter: &DeadLetter) -> Result<(), SendError> {
        self.cluster.redeliver(letter).await
    }
}

#[async_trait]
impl BusAudit for RocketMq {
    async fn accounts(&self, groups: &[AuditedGroup]) -> Result<Vec<GroupAccount>, BusUnavailable> {
        self.cluster.accounts(groups).await
    }
}

#[async_trait]
impl Transport for RocketMq {
    async fn run(
        &self,
        function: Arc<dyn Function>,
        settings: ConsumerSettings,
        shutdown: Shutdown,
    ) -> Result<(), TransportError> {
        self.cluster.run(function, settings, shutdown).await
    }

    async fn lag(&self, subscriptions: &[Subscription]) -> Result<Vec<GroupLag>, TransportError> {
        self.cluster.lag(subscriptions).await
    }

    fn readiness(&self) -> Readiness {
        self.cluster.readiness()
    }
}

#[async_trait]
impl Connected for Cluster {
    async fn reached(&self) {
        self.watch.up().await;
    }

    async fn close(&self) {
        self.watch.stop();
        self.producer.close().await;
        self.client.close().await;
    }
}

#[async_trait]
impl Bus for Cluster {
    fn longest_delay(&self) -> Option<Duration> {
        Some(message::LONGEST_DELAY)
    }

    async fn send(&self, message: Outgoing) -> Result<MessageId, SendError> {
        self.producer.send(&message).await
    }

    async fn send_all(&self, messages: Vec<Outgoing>) -> Vec<Result<MessageId, SendError>> {
        let sends = messages.into_iter().map(|message| {
            let producer = self.producer.clone();
            async move { producer.send(&message).await }
        });
        futures_util::stream::iter(sends).buffered(SENDS_AT_ONCE).collect().await
    }
}

#[async_trait]
impl Redeliver for Cluster {
    async fn redeliver(&self, letter: &DeadLetter) -> Result<(), SendError> {
        redelivery::redeliver(&self.client, &self.producer, letter).await
    }
}

#[async_trait]
impl BusAudit for Cluster {
    async fn accounts(&self, groups: &[AuditedGroup]) -> Result<Vec<GroupAccount>, BusUnavailable> {
        audit::of(&self.client, groups).await.map_err(BusUnavailable)
    }
}

#[async_trait]
impl Transport for Cluster {
    async fn run(
        &self,
        function: Arc<dyn Function>,
        settings: ConsumerSettings,
        shutdown: Shutdown,
    ) -> Result<(), TransportError> {
        self.consume(function, settings, shutdown).await
    }

    async fn lag(&self, subscriptions: &[Subscription]) -> Result<Vec<GroupLag>, TransportError> {
        lag::of(&self.client, subscriptions).await.map_err(TransportError::Unavailable)
    }

    fn readiness(&self) -> Readiness {
        match (self.watch.readiness(), self.starting.load(Ordering::Relaxed)) {
            (Readiness::Ready, 1..) => Readiness::NotReady { because: "a consumer is starting".to_owned() },
            (readiness, _) => readiness,
        }
    }
}
