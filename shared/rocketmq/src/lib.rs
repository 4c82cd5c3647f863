//! RocketMQ as the bus.

mod settings;

pub use settings::{Credentials, DEFAULT_DELAY_LEVELS, FirstOffset, RocketMqSettings, Tls};

use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_domain::ports::{Bus, DeadLetter, MessageId, Outgoing, Redeliver, SendError};
use boxoffice_runtime::{ConsumerSettings, Function, GroupLag, Shutdown, Subscription, Transport, TransportError};

/// A RocketMQ cluster.
#[derive(Clone)]
pub struct RocketMq {}

impl RocketMq {
    /// Makes ready to use a cluster; connects when first used, so the broker may be away.
    pub async fn connect(_: RocketMqSettings) -> Result<Self, TransportError> {
        Ok(Self {})
    }

    /// Ends every connection.
    pub async fn close(&self) {}
}

#[async_trait]
impl Bus for RocketMq {
    async fn send(&self, _: Outgoing) -> Result<MessageId, SendError> {
        Err(SendError::Unavailable("not yet".to_owned()))
    }
}

#[async_trait]
impl Redeliver for RocketMq {
    async fn redeliver(&self, _: &DeadLetter) -> Result<(), SendError> {
        Err(SendError::Unavailable("not yet".to_owned()))
    }
}

#[async_trait]
impl Transport for RocketMq {
    async fn run(&self, _: Arc<dyn Function>, _: ConsumerSettings, _: Shutdown) -> Result<(), TransportError> {
        Err(TransportError::Unavailable("not yet".to_owned()))
    }

    async fn lag(&self, _: &[Subscription]) -> Result<Vec<GroupLag>, TransportError> {
        Err(TransportError::Unavailable("not yet".to_owned()))
    }
}
