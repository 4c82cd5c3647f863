use async_trait::async_trait;

use crate::{Deadline, Delivery, Outcome, Subscription};

/// One answered delivery of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its position in the batch.
    pub index: usize,
    /// The answer; `None` hands it back untouched: it was never started and this costs no attempt.
    pub outcome: Option<Outcome>,
}

/// Where the batch engine puts answers as they come, so that one slow message does not hold up its neighbours.
#[async_trait]
pub trait Settle: Send + Sync {
    /// Takes answers that became ready together. Called until every delivery of the batch has had exactly one.
    async fn settle(&self, settled: Vec<Settled>);
}

/// A handler behind the batch engine: what a transport feeds.
#[async_trait]
pub trait Function: Send + Sync + 'static {
    /// The function's name, such as `order-process`.
    fn name(&self) -> &'static str;

    /// What it consumes.
    fn subscription(&self) -> Subscription;

    /// Handles a batch, message by message or at once, and settles each. Past `deadline` nothing more is started.
    /// Never panics, whatever the handler does.
    async fn process(&self, batch: Vec<Delivery>, deadline: Option<Deadline>, settle: &dyn Settle);
}
