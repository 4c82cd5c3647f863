//! The one place that knows every adapter: reads the configuration, builds the ports, and runs functions on the
//! configured transport.
//!
//! A function's `main` is one call: [`run_function`] for a consumer, [`run_sweeper_function`] for a sweeper,
//! [`run`] for anything else. Each exits with 0 after an orderly stop, 1 when it could not go on, and 2 when the
//! configuration cannot be used.

/// Where libraries log that are not worth hearing, see [`boxoffice_runtime::telemetry::init`]. RocketMQ's client says
/// thousands of things during one outage; what they mean for us is said once, by us.
pub const LOUD_LIBRARIES: &[&str] = &["rocketmq_"];

mod error;
mod forgetting;
mod health;
mod http;
mod lag;
mod main_loop;
mod ports;
mod settings;

pub use error::HostError;
pub use forgetting::forget_idempotency_records;
pub use http::{listen, serve, serve_http};
pub use lag::measure_lag;
pub use main_loop::{Host, run, run_function, run_sweeper_function, runtime};
pub use ports::{Opened, load_new_stock, open};
pub use settings::{
    ApiSettings, BusSettings, CatalogueSource, HostSettings, ProviderSettings, WORKERS_ON_ROCKETMQ,
};
