use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::AdminEndpoint;
use crate::operator::{Answer, Command, OperatorError};

/// How long a command may take. Checking the invariants of a large file is the longest.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// Why a running server did not carry out a command.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing listens there: the server is gone.
    #[error("no server responds at {address}: {because}")]
    NobodyThere {
        /// Where it was expected.
        address: String,
        /// The error of the connection.
        because: String,
    },
    /// The server rejected the command.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The server's response is not understood.
    #[error("the server at {address} sent an unexpected response: {because}")]
    Unexpected {
        /// Where it is.
        address: String,
        /// What was unexpected.
        because: String,
    },
}

/// Sends commands to a running server.
#[derive(Clone)]
pub struct AdminClient {
    file: PathBuf,
    endpoint: AdminEndpoint,
    http: reqwest::Client,
}

impl AdminClient {
    /// A client for the server that wrote `file`; `None` when there is none.
    pub fn locate(file: &Path, http: reqwest::Client) -> io::Result<Option<Self>> {
        let endpoint = AdminEndpoint::read(file)?;
        Ok(endpoint.map(|endpoint| Self { file: file.to_owned(), endpoint, http }))
    }

    /// Reads the server's address again, because a restarted one listens elsewhere. Keeps the old one when there is no file.
    pub fn locate_again(&mut self) {
        if let Ok(Some(endpoint)) = AdminEndpoint::read(&self.file) {
            self.endpoint = endpoint;
        }
    }

    /// The server it talks to.
    pub fn endpoint(&self) -> &AdminEndpoint {
        &self.endpoint
    }

    /// Has one command carried out.
    pub async fn run(&self, command: &Command) -> Result<Answer, ClientError> {
        let address = self.endpoint.address.to_string();
        let unexpected =
            |because: String| ClientError::Unexpected { address: self.endpoint.address.to_string(), because };
        let response = self
            .http
            .post(format!("http://{address}/admin/commands"))
            .bearer_auth(&self.endpoint.token)
            .timeout(COMMAND_TIMEOUT)
            .json(command)
            .send()
            .await
            .map_err(|error| {
                if error.is_connect() {
                    ClientError::NobodyThere { address: address.clone(), because: error.to_string() }
                } else {
                    unexpected(error.to_string())
                }
            })?;
        let ok = response.status().is_success();
        let body = response.bytes().await.map_err(|error| unexpected(error.to_string()))?;
        if ok {
            return serde_json::from_slice(&body).map_err(|error| unexpected(error.to_string()));
        }
        match serde_json::from_slice::<OperatorError>(&body) {
            Ok(error) => Err(error.into()),
            Err(_) => Err(unexpected(String::from_utf8_lossy(&body).chars().take(200).collect())),
        }
    }
}
