use std::net::SocketAddr;
use std::time::Duration;

use crate::admin::{AdminClient, ClientError};
use crate::operator::{Answer, Command, OperatorError};
use crate::operator_access::{Reach, ReachError};

/// Who carries out the commands of a sale, and where its buyers order.
pub struct Office {
    reach: Reach,
    api: SocketAddr,
    payment_window: Duration,
}

impl Office {
    /// A running server.
    pub fn of_server(admin: AdminClient) -> Self {
        let endpoint = admin.endpoint();
        let (api, window) = (endpoint.api, endpoint.payment_window_seconds);
        Self { api, payment_window: Duration::from_secs(window), reach: Reach::Server(Box::new(admin)) }
    }

    /// Programs of their own, whose stores this process opened as well.
    pub(super) fn of_programs(reach: Reach, api: SocketAddr, payment_window: Duration) -> Self {
        Self { reach, api, payment_window }
    }

    /// Where the API listens.
    pub(super) const fn api(&self) -> SocketAddr {
        self.api
    }

    /// How long a buyer may take to pay.
    pub(super) const fn payment_window(&self) -> Duration {
        self.payment_window
    }

    /// Has one command carried out; the error says whether it may be worth another try.
    pub(super) async fn run(&mut self, command: &Command) -> Result<Answer, CommandError> {
        let error = match self.reach.run(command).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match &error {
            ReachError::Client(ClientError::NobodyThere { .. } | ClientError::Unexpected { .. }) => {
                // A restarted server listens elsewhere, with another token.
                self.reach.locate_again();
                Err(CommandError::Away(error))
            }
            ReachError::Client(ClientError::Operator(OperatorError::Unavailable(_)))
            | ReachError::Operator(OperatorError::Unavailable(_)) => Err(CommandError::Away(error)),
            _ => Err(CommandError::Refused(error)),
        }
    }

    /// Closes the connection or the stores.
    pub(super) async fn close(self) -> Result<(), ReachError> {
        self.reach.close().await
    }
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A server is restarting: try again.
    #[error(transparent)]
    Away(ReachError),
    /// It can never succeed.
    #[error(transparent)]
    Refused(ReachError),
}
