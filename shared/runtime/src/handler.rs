use async_trait::async_trait;
use boxoffice_messages::{DEFAULT_MAX_INFLATED_BYTES, DecodeError, InflateError, Payload, inflate};

use crate::{Context, Delivery, Outcome, Subscription};

/// Why no message could be made of a body: it is poison.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// The body is compressed and cannot be inflated.
    #[error("the body cannot be inflated: {0}")]
    Inflate(#[from] InflateError),
    /// The (inflated) body is not the payload that is expected.
    #[error("the body cannot be read: {0}")]
    Decode(#[from] DecodeError),
}

/// Makes a handler's message of a delivery.
pub trait Decode: Sized + Send + Sync + 'static {
    /// Decodes; an error makes the message poison.
    fn decode(delivery: &Delivery) -> Result<Self, Undecodable>;
}

/// A payload is inflated as the system flag says, at most to [`DEFAULT_MAX_INFLATED_BYTES`], then decoded.
impl<P: Payload + Send + Sync + 'static> Decode for P {
    fn decode(delivery: &Delivery) -> Result<Self, Undecodable> {
        let body = inflate(&delivery.body, delivery.sys_flag, DEFAULT_MAX_INFLATED_BYTES)?;
        Ok(P::decode(&body)?)
    }
}

/// The delivery as it is, whatever its body: for the function that keeps dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecoded;

impl Decode for Undecoded {
    fn decode(_: &Delivery) -> Result<Self, Undecodable> {
        Ok(Self)
    }
}

/// A function that handles one message at a time. It sees a decoded message, never a transport.
///
/// It may be called concurrently, and again for a message it handled: its effects are idempotent by business key.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// The decoded payload.
    type Message: Decode;

    /// What it consumes.
    fn subscription(&self) -> Subscription;

    /// Handles one message. A panic counts as [`Outcome::Retry`].
    async fn handle(&self, message: Self::Message, context: &Context) -> Outcome;
}

/// A function that gains from handling several messages at once.
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
