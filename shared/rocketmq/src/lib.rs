//! RocketMQ as the bus.

// The types of the client library nest deeply.
#![recursion_limit = "512"]

mod admin;
mod client;
mod consumer;
mod delay_levels;
mod errors;
mod hook;
mod lag;
mod message;
mod names;
mod preparing;
mod producer;
mod redelivery;
mod settings;
mod settling;
mod watch;

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, MessageId, Outgoing, SendError};
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
    inner: Arc<Inner>,
}

struct Inner {
    client: Arc<Client>,
    watch: Arc<Watch>,
    producer: Arc<Producer>,
}

impl RocketMq {
    /// Makes ready to use a cluster. Connects when first used, and watches from now on whether the cluster can be
    /// reached, so it may be away. [`TransportError::Refused`] when the client library does not take the settings.
    #[expect(clippy::unused_async, reason = "it must run inside a runtime, which an async function says")]
    pub async fn connect(settings: RocketMqSettings) -> Result<Self, TransportError> {
        let client = Arc::new(Client::new(settings)?);
        let watch = Arc::new(Watch::start(client.clone()));
        let producer = Arc::new(Producer::new(client.clone(), watch.clone()));
        Ok(Self { inner: Arc::new(Inner { client, watch, producer }) })
    }

    /// Ends every connection. Consumers must have been stopped before.
    pub async fn close(&self) {
        // Its type is hidden here, or every caller would need the recursion limit of this crate.
        let ending: Pin<Box<dyn Future<Output = ()> + Send + '_>> = Box::pin(async {
            self.inner.watch.stop();
            self.inner.producer.close().await;
            self.inner.client.close().await;
        });
        ending.await;
    }
}

#[async_trait]
impl Bus for RocketMq {
    async fn send(&self, message: Outgoing) -> Result<MessageId, SendError> {
        self.inner.producer.send(&message).await
    }

    async fn send_all(&self, messages: Vec<Outgoing>) -> Vec<Result<MessageId, SendError>> {
        let sends = messages.into_iter().map(|message| {
            let producer = self.inner.producer.clone();
            async move { producer.send(&message).await }
        });
        futures_util::stream::iter(sends).buffered(SENDS_AT_ONCE).collect().await
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
        self.consume(function, settings, shutdown).await
    }

    async fn lag(&self, subscriptions: &[Subscription]) -> Result<Vec<GroupLag>, TransportError> {
        lag::of(&self.inner.client, subscriptions).await.map_err(TransportError::Unavailable)
    }

    fn readiness(&self) -> Readiness {
        self.inner.watch.readiness()
    }
}
