//! What every function runs in: handlers and their outcomes, the batch engine, idempotency, retries, telemetry,
//! configuration and shutdown.
//!
//! A function is a [`Handler`] (or a [`BatchHandler`]) or a [`Sweeper`]. [`Engine`] makes a [`Function`] of a
//! handler: something that any transport can feed with [`Delivery`]s and that answers each with an [`Outcome`].

pub mod config;
mod dead_letter;
mod delivery;
mod engine;
mod function;
mod handler;
mod idempotency;
mod outbox;
mod outcome;
mod retry;
pub mod shutdown;
mod sweep_loop;
mod sweeper;
pub mod telemetry;
mod time_and_ids;
mod transport;

pub use config::Secret;
pub use dead_letter::{
    DEAD_LETTER_ATTEMPTS, DEAD_LETTER_GENERATION, DEAD_LETTER_GROUP, DEAD_LETTER_MESSAGE_ID,
    DEAD_LETTER_NO_GROUP, DEAD_LETTER_PREFIX, DEAD_LETTER_REASON, DEAD_LETTER_TAG, DEAD_LETTER_TOPIC,
};
pub use delivery::{Context, Deadline, Delivery, Subscription, TopicFilter};
pub use engine::{BatchEngine, Engine};
pub use function::{Function, Settle, Settled};
pub use handler::{BatchHandler, Decode, Handler, Undecodable, Undecoded};
pub use idempotency::{Guarded, IdempotencyGuard, IdempotencySettings, Turn};
pub use outbox::deliver_unsent;
pub use outcome::Outcome;
pub use retry::RetryPolicy;
pub use shutdown::Shutdown;
pub use sweep_loop::run_sweeper;
pub use sweeper::{SweepError, SweepReport, Sweeper};
pub use telemetry::{TRACEPARENT, TraceParent};
pub use time_and_ids::{NoRandomness, RandomIds, SystemClock};
pub use transport::{ConsumerSettings, Transport, TransportError};
