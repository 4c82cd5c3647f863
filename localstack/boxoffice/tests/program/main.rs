//! The real program, run as its user runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod chaos;
mod golden;
mod sales;
mod support;
