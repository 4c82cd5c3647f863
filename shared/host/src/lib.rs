//! The one place that knows every adapter: reads the configuration, builds the ports, and runs functions on the
//! configured transport.
//!
//! A function's `main` is one call: [`run_function`] for a consumer, [`run_sweeper_function`] for a sweeper,
//! [`run`] for anything else. Each exits with 0 after an orderly stop, 1 when it could not go on, and 2 when the
//! configuration cannot be used.

/// Log targets that are silenced by default, see [`boxoffice_runtime::telemetry::init`]. RocketMQ's client logs
/// thousands of lines during one outage; the adapter logs once what they mean.
pub const QUIET_TARGETS: &[&str] = &["rocketmq_"];

mod backends;
mod background;
mod error;
mod health;
mod idempotency_purge;
mod lag;
mod program;
mod providers;
mod settings;

pub use backends::{Backends, open, open_with};
pub use background::Background;
pub use error::HostError;
pub use program::{Host, run, run_function, run_sweeper_function, runtime, serve_http};
pub use settings::{
    AdminSettings, BackendSettings, CatalogueSource, ChannelSettings, HostSettings, ProviderSettings,
};
