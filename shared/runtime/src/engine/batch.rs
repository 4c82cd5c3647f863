use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::limits::{Failure, HandlerLimits};
use crate::telemetry::{ConsumerTelemetry, batch_span};
use crate::{
    BatchHandler, BatchLimits, Context, Decode, Delivery, Function, Outcome, Settle, Settled, Shutdown,
    Subscription,
};

/// Runs a [`BatchHandler`]: one call for all messages of a batch.
///
/// Every message is decoded by itself; one that cannot be is [`Outcome::Poison`] and the handler never sees it. If
/// the handler panics, each message is handled in a call of its own, so that one bad message never fails its
/// neighbours. A call that takes too long is a Retry of every message in it.
pub struct BatchEngine<H> {
    name: &'static str,
    handler: H,
    subscription: Subscription,
    limits: HandlerLimits,
    telemetry: ConsumerTelemetry,
}

/// The decoded messages of a batch, and where in the batch each stands.
struct Decoded<M> {
    messages: Vec<(M, Context)>,
    indices: Vec<usize>,
}

impl<H: BatchHandler> BatchEngine<H> {
    /// A function of this name that runs `handler`.
    pub fn new(name: &'static str, handler: H) -> Self {
        let subscription = handler.subscription();
        let telemetry = ConsumerTelemetry::new(&subscription);
        Self { name, handler, subscription, limits: HandlerLimits::default(), telemetry }
    }

    /// The longest one call may take; after that its messages are a Retry. 30 s by default.
    #[must_use]
    pub fn handler_timeout(mut self, limit: Duration) -> Self {
        self.limits.handler_timeout = limit;
        self
    }

    /// Decodes each message; those that cannot be decoded are answered here.
    async fn decode(&self, batch: Vec<Delivery>) -> (Decoded<H::Message>, Vec<Settled>) {
        let mut decoded = Decoded { messages: Vec::with_capacity(batch.len()), indices: Vec::new() };
        let mut answered = Vec::new();
        for (index, delivery) in batch.into_iter().enumerate() {
            let started = Instant::now();
            let context = Context { delivery: Arc::new(delivery), group: self.subscription.group };
            let outcome = match self.limits.call(async { H::Message::decode(&context.delivery) }).await {
                Ok(Ok(message)) => {
                    decoded.messages.push((message, context));
                    decoded.indices.push(index);
                    continue;
                }
                Ok(Err(undecodable)) => Outcome::poison(undecodable),
                Err(failure) => failure.into(),
            };
            self.telemetry.handled(&context.delivery, &outcome, started.elapsed());
            answered.push(Settled { index, outcome: Some(outcome) });
        }
        (decoded, answered)
    }

    /// One answer for each message, whatever the handler does; `None` for one that a stop keeps from being handled.
    async fn handle(&self, messages: &[(H::Message, Context)], limits: &BatchLimits) -> Vec<Option<Outcome>> {
        match self.call(messages).await {
            Ok(outcomes) => outcomes.into_iter().map(Some).collect(),
            Err(Failure::Panicked(message)) if messages.len() > 1 => {
                tracing::error!(
                    group = self.subscription.group,
                    messages = messages.len(),
                    message,
                    "the handler panicked on a batch; handling its messages one by one"
                );
                let mut outcomes = Vec::with_capacity(messages.len());
                for message in messages {
                    // The message that panics must not cost its neighbours an attempt. Only a stop ends this, not the
                    // deadline: a batch that always panics would come again for ever, with no attempt counted.
                    if limits.shutdown.as_ref().is_some_and(Shutdown::has_begun) {
                        outcomes.push(None);
                        continue;
                    }
                    match self.call(std::slice::from_ref(message)).await {
                        Ok(outcome) => outcomes.extend(outcome.into_iter().map(Some)),
                        Err(failure) => outcomes.push(Some(failure.into())),
                    }
                }
                outcomes
            }
            Err(failure) => vec![Some(failure.into()); messages.len()],
        }
    }

    /// One call of the handler; its answers are padded to the number of messages.
    async fn call(&self, messages: &[(H::Message, Context)]) -> Result<Vec<Outcome>, Failure> {
        // The future is created inside the guarded block, because a handler may panic before it returns one.
        let mut outcomes = self.limits.call(async { self.handler.handle_batch(messages).await }).await?;
        outcomes
            .resize_with(messages.len(), || Outcome::retry("the handler gave no answer for this message"));
        Ok(outcomes)
    }

    async fn run(&self, decoded: Decoded<H::Message>, limits: &BatchLimits) -> Vec<Settled> {
        let started = Instant::now();
        let span = batch_span(&decoded.messages, self.subscription.group);
        let outcomes = self.handle(&decoded.messages, limits).instrument(span).await;
        let elapsed = started.elapsed();
        for ((_, context), outcome) in decoded.messages.iter().zip(&outcomes) {
            if let Some(outcome) = outcome {
                self.telemetry.handled(&context.delivery, outcome, elapsed);
            }
        }
        let answer = |(index, outcome)| Settled { index, outcome };
        decoded.indices.into_iter().zip(outcomes).map(answer).collect()
    }
}

#[async_trait]
impl<H: BatchHandler> Function for BatchEngine<H> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn subscription(&self) -> Subscription {
        self.subscription.clone()
    }

    async fn process(&self, batch: Vec<Delivery>, limits: BatchLimits, settle: &dyn Settle) {
        if batch.is_empty() {
            return;
        }
        if limits.are_reached() {
            let untouched = (0..batch.len()).map(|index| Settled { index, outcome: None });
            return settle.settle(untouched.collect()).await;
        }
        self.telemetry.received(&batch);
        let (decoded, undecodable) = self.decode(batch).await;
        let settle_undecodable = async {
            if !undecodable.is_empty() {
                settle.settle(undecodable).await;
            }
        };
        let run_and_settle = async {
            if !decoded.messages.is_empty() {
                settle.settle(self.run(decoded, &limits).await).await;
            }
        };
        tokio::join!(settle_undecodable, run_and_settle);
    }
}
