//! Consumers of tests.

use std::sync::Arc;

use boxoffice_runtime::{ConsumerSettings, Function, Shutdown, Transport, TransportError};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::PATIENCE;

/// A consumer that runs until it is stopped.
pub struct Running {
    shutdown: Shutdown,
    task: JoinHandle<Result<(), TransportError>>,
}

impl Running {
    /// Starts it.
    pub fn start(
        transport: Arc<dyn Transport>,
        function: Arc<dyn Function>,
        settings: ConsumerSettings,
    ) -> Self {
        Self::start_until(transport, function, settings, Shutdown::new())
    }

    /// The same with a signal that others may give too.
    pub(crate) fn start_until(
        transport: Arc<dyn Transport>,
        function: Arc<dyn Function>,
        settings: ConsumerSettings,
        shutdown: Shutdown,
    ) -> Self {
        let begun = shutdown.clone();
        let task = tokio::spawn(async move { transport.run(function, settings, begun).await });
        Self { shutdown, task }
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops it and waits until it has.
    pub async fn stop(self) {
        self.shutdown.begin();
        self.ended().await.expect("a consumer that is asked to stop ends cleanly");
    }

    /// Waits until it has ended; returns how.
    pub async fn ended(self) -> Result<(), TransportError> {
        timeout(PATIENCE, self.task).await.expect("the consumer ends in time").expect("it does not panic")
    }

    /// Ends it as a crash does: nothing is drained.
    pub async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()), "it had ended before");
    }
}
