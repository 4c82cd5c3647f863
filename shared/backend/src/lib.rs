//! What an adapter opens into. `BUS`, `STORE` and `STOCK` are three independent URLs; the adapter of a URL's scheme turns
//! it into [`BusParts`], [`StoreParts`] or [`StockParts`], and the host puts the three together.
//!
//! An adapter is one crate: its settings (always compiled, without types of a client library, so that every program
//! knows their names), and functions that open its parts. The host has one match arm for each role that the adapter
//! can take.

mod bus;
mod error;
mod resource;
mod stores;

pub use bus::{BusAdvice, BusParts, SharedBus};
pub use error::BackendError;
pub use resource::Resource;
pub use stores::{StockParts, StoreParts};
