//! The HTTP API of Boxoffice: create, show, list, pay and cancel orders, and show the stock of a ticket.
//!
//! [`OrderService`] has one type for each call ([`CreateOrder`], [`PayOrder`], [`CancelOrder`], [`ReadOrders`],
//! [`ReadStock`]); they know no HTTP, so that a test or a benchmark can call them in-process. [`router`] puts them
//! behind HTTP: JSON in camelCase, errors as `application/problem+json`.
//!
//! An order is accepted with one write: the order and the mark of its ORDER_CREATED message. What is slow
//! (price, seats, notifications) is done later by the functions that consume the messages.

mod cancel;
mod create;
mod error;
mod http;
mod idempotent;
mod order_changes;
mod pay;
mod read_orders;
mod read_stock;
mod requests;
mod responses;
mod service;
mod time;

#[cfg(test)]
mod testing;

/// The name of the function.
pub const NAME: &str = "order-api";

pub use cancel::CancelOrder;
pub use create::CreateOrder;
pub use error::{ApiError, InvalidField};
pub use http::{BusReadiness, RouterSettings, StoreReadiness, openapi_json, router, router_for};
pub use idempotent::IdempotentCalls;
pub use order_changes::OrderChanges;
pub use pay::PayOrder;
pub use read_orders::ReadOrders;
pub use read_stock::ReadStock;
pub use requests::{CallContext, ListOrders, NewOrder};
pub use responses::{OrderAccepted, OrderChanged, OrderPage, OrderView, Refund, StockView};
pub use service::OrderService;
