//! The state machines of orders and of stock, under every order and repetition of what may happen to them.

// Helpers outside #[test] functions may unwrap as well: a failure there fails the test.
#![allow(clippy::unwrap_used)]

mod ledger;
mod order;
