//! The HTTP API of Boxoffice: create, show, list, pay and cancel orders, and show the stock of a ticket.
//!
//! [`OrderService`] does the work and knows no HTTP, so that a demo or a benchmark can call it in-process.
//! [`router`] puts it behind HTTP: JSON in camelCase, errors as `application/problem+json`.
//!
//! An order is accepted with one write: the order and the mark of its ORDER_CREATED message. What is slow
//! (price, seats, notifications) is done later by the functions that consume the messages.

mod answers;
mod cancel;
mod create;
mod error;
mod events;
mod http;
mod pay;
mod repeats;
mod requests;
mod service;

#[cfg(test)]
mod testing;

pub use answers::{OrderAccepted, OrderMoved, OrderPage, OrderView, Refund, StockView};
pub use error::{ApiError, InvalidField};
pub use http::{BusReadiness, Readiness, RouterSettings, StoreReadiness, openapi_json, router, router_for};
pub use requests::{CallContext, ListOrders, NewOrder};
pub use service::{OrderService, ServiceLimits};
