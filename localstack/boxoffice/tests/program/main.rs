//! The real program, run as its user runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chaos;
mod sales;
mod support;
