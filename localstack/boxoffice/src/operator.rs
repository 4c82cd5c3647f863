//! What an operator may ask, and how it is done.
//!
//! One [`Command`] goes in, one [`Answer`] comes out: the same call serves the command line that opened the file
//! itself and the admin API of a running server.

mod audit;
mod command;
mod operations;
mod verify;

pub use command::{
    Answer, Command, DeadLetterView, GroupView, LetterFilter, OperatorError, OrderView, RedriveView,
    RefundView, StockView, SyncView,
};
pub use operations::Operations;
pub use verify::{Invariant, Verification};
