//! What the file promises, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod commits;
mod crash;
mod dead_letters;
mod opening;
mod queue;
mod sharing;
mod stores;
mod stress;
mod support;
