//! What the file promises, seen from outside.

mod commits;
mod crash;
mod dead_letters;
mod opening;
mod queue;
mod stores;
mod stress;
mod support;
