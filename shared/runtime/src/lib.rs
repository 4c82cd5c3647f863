//! What every function runs in: handlers and their outcomes, the batch engine, idempotency, retries, telemetry,
//! configuration and shutdown.
//!
//! A function is a [`Handler`] (or a [`BatchHandler`]) or a [`Sweeper`]. [`Engine`] makes a [`Function`] of a
//! handler: something that any transport can feed with [`Delivery`]s and that answers each with an [`Outcome`].
//!
//! ```
//! # use std::{sync::Arc, time::Duration};
//! # use async_trait::async_trait;
//! # use boxoffice_domain::ports::{IdempotencyKey, Notice, NotificationProvider};
//! # use boxoffice_messages::{NotificationMessage, group, tag, topic};
//! # use boxoffice_runtime::{Context, Engine, Function, Handler, IdempotencyGuard, Outcome, Subscription};
//! # fn greeting(order_no: &str) -> Notice {
//! #     let text = || "Welcome".to_owned();
//! #     Notice { idempotency_key: order_no.to_owned(), to: text(), template: text(), title: text(), content: text() }
//! # }
//! struct Welcome {
//!     guard: IdempotencyGuard,
//!     provider: Arc<dyn NotificationProvider>,
//! }
//!
//! #[async_trait]
//! impl Handler for Welcome {
//!     type Message = NotificationMessage;
//!
//!     fn subscription(&self) -> Subscription {
//!         Subscription::new(group::SMS_NOTIFICATION, topic::NOTIFICATION, &[tag::SMS])
//!     }
//!
//!     async fn handle(&self, message: NotificationMessage, context: &Context) -> Outcome {
//!         self.welcome(&message, context).await.into()
//!     }
//! }
//!
//! impl Welcome {
//!     async fn welcome(&self, message: &NotificationMessage, context: &Context) -> Result<Outcome, Outcome> {
//!         let order_no = message.require_order_no()?; // missing: poison
//!         let notice = Notice { to: message.require_phone()?.to_owned(), ..greeting(order_no) };
//!         let key = IdempotencyKey::new("welcome", order_no, context.generation());
//!         let send = |_| async { self.provider.deliver(&notice).await.map(|()| None).map_err(Outcome::from) };
//!         Ok(self.guard.run(&key, order_no.as_bytes(), None, send).await.into())
//!     }
//! }
//!
//! fn function(welcome: Welcome) -> impl Function {
//!     Engine::new("welcome", welcome).concurrency(64).handler_time_out(Duration::from_secs(10))
//! }
//! ```

mod batch_limits;
pub mod config;
mod dead_letter;
mod delivery;
mod engine;
mod function;
mod handler;
mod idempotency;
mod lag;
mod notification;
mod outbox;
mod outcome;
mod retry;
pub mod shutdown;
mod sweep_loop;
mod sweeper;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod time_and_ids;
mod transport;
pub mod wire;

pub use batch_limits::{BatchLimits, Deadline};
pub use boxoffice_domain::IdempotencySettings;
pub use config::Secret;
pub use dead_letter::{
    DEAD_LETTER_ATTEMPTS, DEAD_LETTER_GENERATION, DEAD_LETTER_GROUP, DEAD_LETTER_MESSAGE_ID,
    DEAD_LETTER_NO_GROUP, DEAD_LETTER_PREFIX, DEAD_LETTER_REASON, DEAD_LETTER_TAG, DEAD_LETTER_TOPIC,
};
pub use delivery::{Context, Delivery, Subscription, TopicFilter};
pub use engine::{BatchEngine, Engine};
pub use function::{Function, Settle, Settled};
pub use handler::{BatchHandler, Decode, Handler, Undecodable, Undecoded};
pub use idempotency::{Guarded, IdempotencyGuard, Turn};
pub use lag::{GroupLag, Readiness};
pub use notification::ChannelNotifier;
pub use outbox::deliver_unsent;
pub use outcome::Outcome;
pub use retry::RetryPolicy;
pub use shutdown::Shutdown;
pub use sweep_loop::run_sweeper;
pub use sweeper::{SweepError, SweepReport, Sweeper};
pub use telemetry::{TRACEPARENT, TraceParent};
pub use time_and_ids::{NoRandomness, RandomIds, SystemClock};
pub use transport::{ConsumerSettings, Transport, TransportError};
