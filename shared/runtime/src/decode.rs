use boxoffice_messages::{DEFAULT_MAX_INFLATED_BYTES, DecodeError, InflateError, Payload, inflate};

use crate::Delivery;

/// Why a body cannot be decoded. Its message is poison.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// The body is compressed and cannot be inflated.
    #[error("the body cannot be inflated: {0}")]
    Inflate(#[from] InflateError),
    /// The (inflated) body is not the expected payload.
    #[error("the body cannot be read: {0}")]
    Decode(#[from] DecodeError),
}

/// A message that can be decoded from a delivery.
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

/// Stands for a message that is not decoded, for a function that handles deliveries whatever their bodies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecoded;

impl Decode for Undecoded {
    fn decode(_: &Delivery) -> Result<Self, Undecodable> {
        Ok(Self)
    }
}
