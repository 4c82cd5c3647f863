//! What functions share of the business: reading and writing messages, notifications, outbox delivery.
//!
//! A function reads a message with [`reading`], calls its ports, and writes what follows with a [`MessageWriter`].
//! What a store left to its caller goes out with [`deliver_unsent`]; what a buyer must get once goes out with a
//! [`ChannelNotifier`].
//!
//! ```
//! use boxoffice_domain::Order;
//! use boxoffice_domain::ports::Outgoing;
//! use boxoffice_flow::{MessageWriter, reading};
//! use boxoffice_messages::{OrderEventMessage, StockOperation};
//! use boxoffice_runtime::{Context, Outcome};
//! use jiff::Timestamp;
//! use jiff::tz::TimeZone;
//!
//! /// Gives back the seats that a message names: without an order number or a quantity it is poison.
//! fn rollback(
//!     message: &OrderEventMessage,
//!     order: &Order,
//!     now: Timestamp,
//!     zone: &TimeZone,
//!     context: &Context,
//! ) -> Result<Outgoing, Outcome> {
//!     let order_no = reading::order_no(message.require_order_no())?;
//!     let quantity = reading::quantity(message.require_quantity())?;
//!     let writer = MessageWriter::new(now, zone).in_trace_of(context);
//!     Ok(writer.stock_change(StockOperation::Rollback, &order_no, order.ticket_id, quantity))
//! }
//! ```

pub mod ext_key;
mod ids;
mod notifier;
mod outbox;
pub mod reading;
mod seats_reserved;
#[cfg(feature = "testing")]
mod testing;
mod writer;

pub use ids::{NoRandomness, RandomIds};
pub use notifier::ChannelNotifier;
pub use outbox::deliver_unsent;
pub use seats_reserved::SeatsReserved;
pub use writer::{BuyerText, MessageWriter};
