//! What every function of Boxoffice runs in.
//!
//! A *function* handles one kind of message, or runs on the clock. You write a [`Handler`]: it gets a decoded message and
//! answers with an [`Outcome`]. This crate does the rest, the same on every transport: batches, order, panics, timeouts,
//! repeats, logs and metrics.
//!
//! # A function
//!
//! ```
//! use async_trait::async_trait;
//! use boxoffice_messages::{OrderEventMessage, group, tag, topic};
//! use boxoffice_runtime::{Context, Engine, Function, Handler, Outcome, Subscription};
//!
//! struct Thanks;
//!
//! #[async_trait]
//! impl Handler for Thanks {
//!     type Message = OrderEventMessage;
//!
//!     fn subscription(&self) -> Subscription {
//!         Subscription::new(group::ORDER_PAID, topic::ORDER, &[tag::ORDER_PAID])
//!     }
//!
//!     async fn handle(&self, message: OrderEventMessage, context: &Context) -> Outcome {
//!         thank(&message, context).into()
//!     }
//! }
//!
//! fn thank(message: &OrderEventMessage, context: &Context) -> Result<Outcome, Outcome> {
//!     let order_no = message.require_order_no()?; // a missing field makes the message poison
//!     tracing::info!(order_no, attempt = context.attempt(), "thank you");
//!     Ok(Outcome::Done)
//! }
//!
//! fn function() -> impl Function {
//!     Engine::new("thanks", Thanks)
//! }
//! ```
//!
//! 1. **Choose the message.** [`Handler::Message`] is a payload of `boxoffice_messages`, or any type that implements
//!    [`Decode`]. A body that cannot be decoded never reaches the handler.
//! 2. **Choose the outcome of each failure.** [`Outcome::Retry`] if it may work later, [`Outcome::Poison`] if it never will.
//!    Errors of ports convert with `?`.
//! 3. **Make effects safe to repeat.** A message may be delivered twice. Effects in a store are conditional on the business
//!    key; for effects elsewhere there is [`IdempotencyGuard`].
//! 4. **Run it.** [`Engine`] turns a handler into a [`Function`], which any [`Transport`] feeds. In Boxoffice a program's
//!    `main` is one call of `boxoffice_host::run_function`.
//! 5. **Test it** without a transport: call `handle` with the fakes of `boxoffice_domain::testing`.
//!
//! # Where to go from here
//!
//! | to | see |
//! | --- | --- |
//! | handle several messages with one write | [`BatchHandler`], [`BatchEngine`] |
//! | have an effect happen once | [`IdempotencyGuard`] |
//! | run something on the clock | [`Sweeper`], [`run_sweeper`] |
//! | read settings | [`config::Settings`] |
//! | stop in order | [`Shutdown`], [`shutdown::on_signals`] |
//! | log and count | [`telemetry`] |
//! | write a transport | [`Transport`], [`Function::process`], [`Settle`] |
//!
//! The folder `examples/` of this crate has a function, a batch handler and a guarded effect that run:
//! `cargo run -p boxoffice-runtime --example guarded_effect`.

mod batch_limits;
mod clock;
pub mod config;
mod dead_letter;
mod decode;
mod delivery;
mod engine;
mod function;
mod handler;
mod idempotency;
mod lag;
mod outcome;
mod readiness;
mod retry;
pub mod shutdown;
mod sweep_loop;
mod sweeper;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod transport;

pub use batch_limits::{BatchLimits, Deadline};
pub use boxoffice_domain::IdempotencySettings;
pub use clock::SystemClock;
pub use config::Secret;
pub use dead_letter::{
    DEAD_LETTER_ATTEMPTS, DEAD_LETTER_GENERATION, DEAD_LETTER_GROUP, DEAD_LETTER_MESSAGE_ID,
    DEAD_LETTER_NO_GROUP, DEAD_LETTER_PREFIX, DEAD_LETTER_REASON, DEAD_LETTER_TAG, DEAD_LETTER_TOPIC,
};
pub use decode::{Decode, Undecodable, Undecoded};
pub use delivery::{Context, Delivery, Subscription, TopicFilter};
pub use engine::{BatchEngine, Engine};
pub use function::{Function, Settle, Settled};
pub use handler::{BatchHandler, Handler};
pub use idempotency::{Guarded, IdempotencyGuard, Turn};
pub use lag::GroupLag;
pub use outcome::Outcome;
pub use readiness::Readiness;
pub use retry::RetryPolicy;
pub use shutdown::Shutdown;
pub use sweep_loop::run_sweeper;
pub use sweeper::{SweepError, SweepReport, Sweeper};
pub use telemetry::{TRACEPARENT, TraceParent};
pub use transport::{ConsumerSettings, Transport, TransportError};
