//! The batch engine: turns handlers into [`crate::Function`]s that any transport can feed.

mod batch;
mod lanes;
mod limits;
mod pump;
mod single;

pub use batch::BatchEngine;
pub(crate) use limits::panic_text;
pub use single::Engine;

#[cfg(test)]
mod tests;
