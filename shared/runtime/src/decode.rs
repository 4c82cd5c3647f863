use boxoffice_messages::{DEFAULT_MAX_INFLATED_BYTES, DecodeError, InflateError, Payload, inflate};

use crate::Delivery;

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
