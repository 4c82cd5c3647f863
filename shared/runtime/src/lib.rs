//! What every function runs in: handlers and their outcomes, the batch engine, idempotency, retries, telemetry,
//! configuration and shutdown.
//!
//! A function is a [`Handler`] (or a [`BatchHandler`]) or a [`Sweeper`]. [`Engine`] makes a [`Function`] of a
//! handler: something that any transport can feed with [`Delivery`]s and that answers each with an [`Outcome`].

mod dead_letter;
mod delivery;
mod function;
mod handler;
mod outcome;
mod retry;
mod shutdown;
mod sweeper;
mod transport;

pub use dead_letter::{
    DEAD_LETTER_ATTEMPTS, DEAD_LETTER_GENERATION, DEAD_LETTER_GROUP, DEAD_LETTER_MESSAGE_ID, DEAD_LETTER_NO_GROUP,
    DEAD_LETTER_PREFIX, DEAD_LETTER_REASON, DEAD_LETTER_TAG, DEAD_LETTER_TOPIC,
};
pub use delivery::{Context, Deadline, Delivery, Subscription, TopicFilter};
pub use function::{Function, Settled, Settle};
pub use handler::{BatchHandler, Decode, Handler, Undecodable, Undecoded};
pub use outcome::Outcome;
pub use retry::RetryPolicy;
pub use shutdown::Shutdown;
pub use sweeper::{SweepError, SweepReport, Sweeper};
pub use transport::{ConsumerSettings, Transport, TransportError};
