//! The real program, run as its user runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod chaos;
mod files;
mod golden;
mod invariants;
mod operator;
mod sales;
mod support;
