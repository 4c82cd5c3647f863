//! The suites that every backend must pass: the same assertions on each.
//!
//! A suite is a function that takes what it tests and panics where the contract of a port is broken. A backend is
//! added by a module in `tests/it` that makes its bus and its stores and calls the suites, each on a fresh one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

pub mod bus;
pub mod http;
pub mod java_peer;
pub mod rocketmq;
mod running;
pub mod server;
pub mod size;
pub mod stores;
mod support;

pub use running::Running;
pub use support::{Recorder, eventually, eventually_all, recorder, settings, until};
