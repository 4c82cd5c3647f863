use async_trait::async_trait;

use crate::{Context, Decode, Outcome, Subscription};

/// A function that handles one message at a time. It sees a decoded message, never a transport.
///
/// It may be called concurrently, and again for a message that it has handled, so its effects must be idempotent by
/// business key.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// The decoded payload.
    type Message: Decode;

    /// What it consumes.
    fn subscription(&self) -> Subscription;

    /// Handles one message. A panic counts as [`Outcome::Retry`].
    async fn handle(&self, message: Self::Message, context: &Context) -> Outcome;
}

/// A function that benefits from handling several messages at once.
#[async_trait]
pub trait BatchHandler: Send + Sync + 'static {
    /// The decoded payload.
    type Message: Decode;

    /// What it consumes.
    fn subscription(&self) -> Subscription;

    /// Handles a batch and answers each message, in the order given. A missing answer, or a panic, counts as
    /// [`Outcome::Retry`] for the messages concerned.
    async fn handle_batch(&self, batch: &[(Self::Message, Context)]) -> Vec<Outcome>;
}
