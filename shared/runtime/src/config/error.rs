use std::fmt;

/// Where a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An environment variable.
    Environment,
    /// The configuration file.
    File,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Environment => "environment",
            Self::File => "configuration file",
        })
    }
}

/// One configuration error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file cannot be read.
    #[error("configuration file {path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why, with the line if it is not valid TOML.
        reason: String,
    },
    /// The value is not allowed.
    #[error("{name} ({origin}): found {found}; allowed: {allowed}")]
    NotAllowed {
        /// The setting.
        name: String,
        /// Where the value was found.
        origin: Origin,
        /// The value; only its kind if it is a secret.
        found: String,
        /// The allowed values.
        allowed: String,
    },
    /// A required value is missing.
    #[error("{name}: missing; required: {allowed}")]
    Missing {
        /// The setting.
        name: String,
        /// The allowed values.
        allowed: String,
    },
    /// No setting has this name.
    #[error("{name} ({origin}): no such setting{}", suggestion(did_you_mean.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// Where it was found.
        origin: Origin,
        /// The setting that may have been meant.
        did_you_mean: Option<String>,
    },
}

fn suggestion(name: Option<&str>) -> String {
    name.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// All configuration errors, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The errors, at least one.
    pub errors: Vec<ConfigError>,
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the configuration is invalid:")?;
        for error in &self.errors {
            write!(formatter, "\n  {error}")?;
        }
        Ok(())
    }
}
