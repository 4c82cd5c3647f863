//! Orders, stock and the ports that functions call.
//!
//! Nothing here does I/O: the state machines are pure, and a port is a trait that an adapter implements.
//! Every port promises only what DynamoDB, Redis and SQLite can all keep: single-record conditional writes,
//! a batch of ledger records with one counter change, point reads, and a few named, paged queries.

mod ids;
pub mod ledger;
mod order;
pub mod ports;
mod rules;
mod settings;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use ids::{InvalidOrderNo, OrderNo, SessionId, ShowId, TicketId, UserId};
pub use ledger::{Counters, LedgerChange, LedgerEntry, LedgerOperation, LedgerOutcome, LedgerState};
pub use order::{
    Contact, Order, OrderState, OrderStep, PayType, RefundDue, StepOutcome, StepRefused, UnknownPayType,
};
pub use rules::BusinessRules;
pub use rust_decimal::Decimal;
pub use settings::{FunctionSettings, IdempotencySettings};
