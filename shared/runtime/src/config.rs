//! Configuration: settings from the environment and, locally, a TOML file.
//!
//! Each crate reads its settings into one typed struct with [`Settings`]; all errors are reported at once.

mod backend_url;
mod duration;
mod error;
mod secret;
mod settings;
mod similar;
mod source;

pub use backend_url::BackendUrl;
pub use duration::{InvalidDuration, parse_duration, write_duration};
pub use error::{ConfigError, ConfigErrors, Origin};
pub use secret::Secret;
pub use settings::{Setting, Settings, settings_table};
