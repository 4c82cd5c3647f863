use std::path::PathBuf;

use boxoffice_backend::BackendError;
use boxoffice_catalogue::CatalogueError;
use boxoffice_domain::ports::StoreError;
use boxoffice_flow::NoRandomness;
use boxoffice_http::ListenError;
use boxoffice_notify::{DirectoryError, SetupError};
use boxoffice_runtime::TransportError;
use boxoffice_runtime::config::ConfigErrors;
use boxoffice_runtime::telemetry::TelemetryError;

/// Why a program could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Settings are wrong: correct them and start again.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The bus, the stores or the stock cache cannot be opened.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The catalogue cannot be used.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// No catalogue was named, and there is none in the working directory.
    #[error("{0}; CATALOGUE names the file of shows and prices")]
    NoCatalogue(String),
    /// A provider cannot be set up.
    #[error("{setting}: {error}")]
    Provider {
        /// The setting that names it.
        setting: &'static str,
        /// Why not.
        error: SetupError,
    },
    /// The file of users cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Logging or metrics cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The system gives no random numbers.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// A store failed at start or when it was closed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The transport cannot go on.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A file cannot be written.
    #[error("{}: {because}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        because: String,
    },
    /// The operating system refused something else.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

impl HostError {
    /// The exit status: 2 for what the person who started it can correct in the configuration, 1 otherwise.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Catalogue(_)
            | Self::NoCatalogue(_)
            | Self::Provider { .. }
            | Self::Directory(_)
            | Self::Listen(_) => 2,
            _ => 1,
        }
    }
}
