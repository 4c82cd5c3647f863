use std::fmt;

/// A backend cannot be opened. The text says what the person who started the program can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {because}")]
pub struct BackendError {
    /// The setting that names the backend: `BUS`, `STORE` or `STOCK`.
    pub setting: &'static str,
    /// Why not.
    pub because: String,
}

impl BackendError {
    /// The backend that `setting` names cannot be opened for this reason.
    pub fn new(setting: &'static str, because: impl fmt::Display) -> Self {
        Self { setting, because: because.to_string() }
    }
}
