//! The demonstration: a sale opens, more buyers than seats arrive at once, most pay, some never do.
//!
//! It talks to the server as buyers and operators do, over HTTP, so it may run against a server that is killed and
//! restarted meanwhile.

mod buyer;
mod report;
mod sale;
mod shop;

pub use sale::{Plan, SaleError, run};
