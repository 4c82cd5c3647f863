//! Logs, metrics and traces.
//!
//! Code logs with `tracing` and counts with `metrics`; [`init`] decides where both go. Addresses of people pass through
//! [`mask`] before they reach a log line.

mod consumer;
mod init;
mod lag_gauges;
mod log_limit;
pub mod mask;
pub mod names;
mod sent;
mod trace_parent;

pub(crate) use consumer::{ConsumerTelemetry, batch_span, message_span};
pub use init::{LogFormat, Telemetry, TelemetryError, UnknownLogFormat, init};
pub use lag_gauges::LagGauges;
pub use log_limit::LogLimit;
pub use sent::{CountedBus, SendCounters};
pub use trace_parent::{InvalidTraceParent, TRACEPARENT, TraceParent};
