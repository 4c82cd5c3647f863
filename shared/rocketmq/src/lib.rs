//! RocketMQ as the bus: [`open`] gives the parts that the host needs, [`connect`] the same as one value.
//!
//! The settings are always compiled. Everything else needs the feature `client`, which brings the client library.

// The types of the client library nest deeply.
#![recursion_limit = "512"]

mod settings;
#[cfg(not(feature = "client"))]
mod without_client;

#[cfg(feature = "client")]
mod admin;
#[cfg(feature = "client")]
mod audit;
#[cfg(feature = "client")]
mod boxed;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod cluster;
#[cfg(feature = "client")]
mod cluster_state;
#[cfg(feature = "client")]
mod consumer;
#[cfg(feature = "client")]
mod delay_levels;
#[cfg(feature = "client")]
mod errors;
#[cfg(feature = "client")]
mod heartbeats;
#[cfg(feature = "client")]
mod lag;
#[cfg(feature = "client")]
mod listener;
#[cfg(feature = "client")]
mod message;
#[cfg(feature = "client")]
mod names;
#[cfg(feature = "client")]
mod offsets;
#[cfg(feature = "client")]
mod producer;
#[cfg(feature = "client")]
mod provisioning;
#[cfg(feature = "client")]
mod push_consumer;
#[cfg(feature = "client")]
mod redelivery;
#[cfg(feature = "client")]
mod request_hook;
#[cfg(feature = "client")]
mod settling;

#[cfg(feature = "client")]
pub use cluster::{RocketMq, connect, open};
pub use settings::{ADVICE, Credentials, DEFAULT_DELAY_LEVELS, FirstOffset, RocketMqSettings, SCHEME, Tls};
#[cfg(not(feature = "client"))]
pub use without_client::open;
