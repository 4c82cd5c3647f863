//! Reaches the stores for an operator: through the running server, or by opening them when none runs.

use std::path::PathBuf;

use boxoffice_host::{Backends, HostError, HostSettings, open};

use crate::admin::{AdminClient, ClientError};
use crate::operator::{Answer, Command, Operations, OperatorError};

/// Why neither a server nor the stores could be reached.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// A running server did not carry out the command.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The stores could not be opened, or the settings are wrong.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The command failed.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The admin file of a running server cannot be read.
    #[error("{}: {because}", path.display())]
    EndpointFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        because: String,
    },
}

/// Who carries out commands.
pub enum Reach {
    /// A running server.
    Server(Box<AdminClient>),
    /// This process, on the stores themselves.
    File(Box<(Operations, Backends)>),
}

impl Reach {
    /// Looks for a running server, and opens the stores when there is none.
    pub async fn find(settings: &HostSettings, http: reqwest::Client) -> Result<Self, ReachError> {
        if let Some(client) = running_server(settings, http).await? {
            return Ok(Self::Server(Box::new(client)));
        }
        Self::open(settings).await
    }

    /// Has one command carried out.
    pub async fn run(&self, command: &Command) -> Result<Answer, ReachError> {
        match self {
            Self::Server(client) => Ok(client.run(command).await?),
            Self::File(file) => Ok(file.0.run(command.clone()).await?),
        }
    }

    /// Reads again where the server is: a restarted one listens elsewhere.
    pub fn locate_again(&mut self) {
        if let Self::Server(client) = self {
            client.locate_again();
        }
    }

    /// Opens the stores in this process.
    pub async fn open(settings: &HostSettings) -> Result<Self, ReachError> {
        let opened = open(settings).await?;
        Ok(Self::File(Box::new((Operations::new(&opened, settings.providers.deliveries()), opened))))
    }

    /// Leaves: closes the stores if this process opened them.
    pub async fn close(self) -> Result<(), ReachError> {
        match self {
            Self::Server(_) => Ok(()),
            Self::File(file) => Ok(file.1.close().await?),
        }
    }
}

/// The server that the setting `ADMIN_FILE` leads to, if it answers.
pub async fn running_server(
    settings: &HostSettings,
    http: reqwest::Client,
) -> Result<Option<AdminClient>, ReachError> {
    let path = &settings.admin.file;
    let client = AdminClient::locate(path, http)
        .map_err(|error| ReachError::EndpointFile { path: path.clone(), because: error.to_string() })?;
    let Some(client) = client else { return Ok(None) };
    match client.run(&Command::Ping).await {
        Ok(_) => Ok(Some(client)),
        // The file of a server that was killed.
        Err(ClientError::NobodyThere { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
