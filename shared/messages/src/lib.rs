//! The wire of Boxoffice: names of topics, tags and consumer groups, the three payloads, and inflating bodies.
//!
//! Java services write the same messages in several dialects ([`Payload::decode`] reads all of them);
//! [`Payload::encode`] writes exactly one form, which every Java listener reads. No I/O happens here.
//!
//! ```
//! use boxoffice_messages::{OrderEventMessage, Payload};
//!
//! let body = br#"{"orderNo":20261122,"totalAmount":"380.00","eventTime":[2026,11,22,10,15]}"#;
//! let event = OrderEventMessage::decode(body)?;
//! assert_eq!(event.require_order_no()?, "20261122");
//! assert_eq!(event.require_total_amount()?.to_string(), "380.00");
//! assert_eq!(event.require_user_id().unwrap_err().to_string(), "OrderEventMessage has no userId");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codes;
mod delivery_properties;
mod error;
mod event_time;
mod ext_data;
mod inflate;
mod json;
mod kinds;
mod notification;
mod number;
mod order_event;
mod payload;
mod reading;
mod routes;
mod stock_event;
mod writing;

pub use codes::{pay_type, status};
pub use delivery_properties::DELIVERY_PROPERTIES;
pub use error::{DecodeError, FieldError, UnknownName};
pub use event_time::{DEFAULT_ZONE, EventTime, default_zone};
pub use ext_data::ExtData;
pub use inflate::{DEFAULT_MAX_INFLATED_BYTES, InflateError, inflate};
pub use kinds::{Channel, OrderEventType, StockOperation};
pub use notification::NotificationMessage;
pub use number::{parse_decimal, write_decimal};
pub use order_event::OrderEventMessage;
pub use payload::{MissingField, Payload};
pub use routes::{
    DEAD_LETTER_TOPIC_PREFIX, ROUTES, Route, dead_letter_topic, destinations, group, tag, topic,
};
pub use stock_event::StockEventMessage;

pub use jiff;
pub use rust_decimal::Decimal;
pub use serde_json::value::RawValue;
