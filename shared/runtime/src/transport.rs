use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Function, GroupLag, Readiness, RetryPolicy, Shutdown, Subscription};

/// How a transport feeds one function.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerSettings {
    /// Batches handled at the same time, at least 1.
    pub workers: usize,
    /// The most messages in one batch, at least 1.
    pub batch: usize,
    /// How long a message may be handled before it is delivered to another consumer.
    pub lease: Duration,
    /// When failed messages are delivered again.
    pub retry: RetryPolicy,
    /// How long a stop waits for messages in flight; what is not finished by then is redelivered.
    pub drain: Duration,
}

impl Default for ConsumerSettings {
    fn default() -> Self {
        Self {
            workers: 2,
            batch: 64,
            lease: Duration::from_secs(60),
            retry: RetryPolicy::default(),
            drain: Duration::from_secs(20),
        }
    }
}

/// Why a transport cannot continue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The consumer was refused for good: wrong credentials, a missing topic, an unusable file.
    #[error("the bus rejected this consumer: {0}")]
    Refused(String),
    /// The bus is unavailable, and the transport gave up waiting.
    #[error("the bus is unavailable: {0}")]
    Unavailable(String),
}

/// Feeds functions with messages.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Runs `function` as a consumer of its group until `shutdown` begins, then drains what is in flight. Several
    /// may run for one group, here or elsewhere: they compete.
    async fn run(
        &self,
        function: Arc<dyn Function>,
        settings: ConsumerSettings,
        shutdown: Shutdown,
    ) -> Result<(), TransportError>;

    /// The backlog of each group, in the order of `subscriptions`. On a broker this costs a few requests.
    async fn lag(&self, subscriptions: &[Subscription]) -> Result<Vec<GroupLag>, TransportError>;

    /// Whether messages can be sent and delivered at this moment, as far as this process knows; makes no request.
    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}
