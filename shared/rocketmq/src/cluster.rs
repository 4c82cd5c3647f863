//! A cluster as the ports see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_backend::{BackendError, BusParts, Resource};
use boxoffice_domain::ports::{
    AuditedGroup, Bus, BusAudit, BusUnavailable, DeadLetter, GroupAccount, MessageId, Outgoing, Redeliver,
    SendError, StoreError,
};
use boxoffice_runtime::{
    ConsumerSettings, Function, GroupLag, Readiness, Shutdown, Subscription, Transport, TransportError,
};
use futures_util::StreamExt as _;

use crate::client::Client;
use crate::cluster_state::Watch;
use crate::producer::Producer;
use crate::{RocketMqSettings, audit, lag, message, redelivery};

/// Messages of one call that are on their way at the same time.
const SENDS_AT_ONCE: usize = 64;

/// A RocketMQ cluster: sends to it and consumes from it.
///
/// A trait and not a type, or every crate that holds one would need the recursion limit of this crate.
#[async_trait]
pub trait RocketMq: Bus + BusAudit + Redeliver + Transport + Resource {
    /// Returns once a broker can be reached.
    async fn reached(&self);
}

pub(crate) struct Cluster {
    pub(crate) client: Arc<Client>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) producer: Arc<Producer>,
    /// Consumers that are still starting.
    pub(crate) starting: AtomicUsize,
}

/// Prepares the use of a cluster, which may be unreachable. Connects at the first use, and from now on watches whether the
/// cluster can be reached. [`TransportError::Refused`] when the client library rejects the settings.
pub async fn connect(settings: RocketMqSettings) -> Result<Arc<dyn RocketMq>, TransportError> {
    let client = Arc::new(Client::new(settings)?);
    let watch = Arc::new(Watch::start(client.clone()));
    let producer = Arc::new(Producer::new(client.clone(), watch.clone()));
    Ok(Arc::new(Cluster { client, watch, producer, starting: AtomicUsize::new(0) }))
}

/// The bus of a cluster, as [`connect`] makes it.
pub async fn open(settings: &RocketMqSettings) -> Result<BusParts, BackendError> {
    let cluster = connect(settings.clone()).await.map_err(|error| BackendError::new("BUS", error))?;
    Ok(BusParts {
        bus: cluster.clone(),
        redeliver: cluster.clone(),
        transport: cluster.clone(),
        audit: cluster.clone(),
        resource: cluster,
    })
}

#[async_trait]
impl RocketMq for Cluster {
    async fn reached(&self) {
        self.watch.up().await;
    }
}

#[async_trait]
impl Resource for Cluster {
    /// Ends every connection.
    async fn close(&self) -> Result<(), StoreError> {
        self.watch.stop();
        self.producer.close().await;
        self.client.close().await;
        Ok(())
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
