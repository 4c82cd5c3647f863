//! The suites on every backend, and the functions as programs of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod embedded;
mod fakes;
mod programs;
