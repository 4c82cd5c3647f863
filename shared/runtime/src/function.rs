use async_trait::async_trait;

use crate::{BatchLimits, Delivery, Outcome, Subscription};

/// One answered delivery of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its position in the batch.
    pub index: usize,
    /// The answer. `None` hands the message back untouched, because it was never started: the transport gives it back to
    /// the group at once, whatever else of the batch still runs, and it comes again at the same attempt.
    pub outcome: Option<Outcome>,
}

/// Takes the answers of the batch engine as they come, so that one slow message does not hold up its neighbours.
#[async_trait]
pub trait Settle: Send + Sync {
    /// Takes answers that became ready together. Called until every delivery of the batch has had exactly one.
    async fn settle(&self, settled: Vec<Settled>);
}

/// A handler behind the batch engine: what a transport feeds with messages.
#[async_trait]
pub trait Function: Send + Sync + 'static {
    /// The function's name, such as `order-process`.
    fn name(&self) -> &'static str;

    /// What it consumes.
    fn subscription(&self) -> Subscription;

    /// Handles a batch, message by message or at once, and settles each. Once `limits` are reached it starts nothing
    /// more, hands back at once what it has not started, and finishes what runs. Never panics, whatever the handler
    /// does.
    async fn process(&self, batch: Vec<Delivery>, limits: BatchLimits, settle: &dyn Settle);
}
