//! The demonstration: a sale opens, more buyers than seats arrive at once, most pay, some never do.
//!
//! It talks to the server as buyers and operators do, over HTTP, so it may run against a server that is killed and
//! restarted meanwhile.

mod buyer;
mod outcome;
mod plan;
pub mod programs;
mod report;
mod sale;
mod sale_operator;
mod shop;
mod tally;
mod temporary;

pub use plan::Plan;
pub use sale::{SaleError, run};
pub use sale_operator::{CommandError, Office};
pub use temporary::{Scratch, on_programs, on_server};
