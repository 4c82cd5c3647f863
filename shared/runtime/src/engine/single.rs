use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::limits::HandlerLimits;
use super::pump::pump;
use crate::telemetry::{ConsumerTelemetry, message_span};
use crate::{BatchLimits, Context, Decode, Delivery, Function, Handler, Outcome, Settle, Subscription};

/// Runs a [`Handler`] over batches of messages.
///
/// Every message is decoded by itself; one that cannot be is [`Outcome::Poison`]. Messages with the same key are
/// handled one after another in their order, all others concurrently on the task of the caller. A message that
/// answers [`Outcome::Retry`] does not hold up later ones with its key (so does RocketMQ's concurrent mode): handlers
/// must accept any order. A panic and a timeout are a Retry of that message alone.
pub struct Engine<H> {
    name: &'static str,
    handler: H,
    subscription: Subscription,
    limits: HandlerLimits,
    telemetry: ConsumerTelemetry,
}

impl<H: Handler> Engine<H> {
    /// A function of this name that runs `handler`.
    pub fn new(name: &'static str, handler: H) -> Self {
        let subscription = handler.subscription();
        let telemetry = ConsumerTelemetry::new(&subscription);
        Self { name, handler, subscription, limits: HandlerLimits::default(), telemetry }
    }

    /// How many messages of one batch are handled at the same time, at least 1; 64 by default.
    #[must_use]
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.limits.concurrency = messages.max(1);
        self
    }

    /// The longest one message may take; after that it is a Retry. 30 s by default.
    #[must_use]
    pub fn handler_timeout(mut self, limit: Duration) -> Self {
        self.limits.handler_timeout = limit;
        self
    }

    async fn handle(&self, delivery: Arc<Delivery>) -> Outcome {
        let started = Instant::now();
        let span = message_span(&delivery, self.subscription.group);
        let context = Context { delivery, group: self.subscription.group };
        let call = async {
            match H::Message::decode(&context.delivery) {
                Ok(message) => self.handler.handle(message, &context).await,
                Err(undecodable) => Outcome::poison(undecodable),
            }
        };
        let outcome = self.limits.call(call.instrument(span)).await.unwrap_or_else(Outcome::from);
        self.telemetry.handled(&context.delivery, &outcome, started.elapsed());
        outcome
    }
}

#[async_trait]
impl<H: Handler> Function for Engine<H> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn subscription(&self) -> Subscription {
        self.subscription.clone()
    }

    async fn process(&self, batch: Vec<Delivery>, limits: BatchLimits, settle: &dyn Settle) {
        self.telemetry.received(&batch);
        let batch: Vec<_> = batch.into_iter().map(Arc::new).collect();
        pump(&batch, self.limits.concurrency, &limits, settle, |delivery| self.handle(delivery)).await;
    }
}
