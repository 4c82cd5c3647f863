//! Graceful stops: one signal for every part of a process.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells every part of a process to stop: take nothing new, finish what is in flight, return.
///
/// Clones share one signal. Once begun it stays begun.
#[derive(Debug, Clone)]
pub struct Shutdown {
    begun: Arc<watch::Sender<bool>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// A signal that has not been given.
    pub fn new() -> Self {
        Self { begun: Arc::new(watch::Sender::new(false)) }
    }

    /// Gives the signal.
    pub fn begin(&self) {
        self.begun.send_replace(true);
    }

    /// Whether it was given.
    pub fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Returns once it is given.
    pub async fn begun(&self) {
        let mut receiver = self.begun.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail before the signal is given.
        let _ = receiver.wait_for(|begun| *begun).await;
    }
}

/// Exit status after a second signal.
const STOPPED_AT_ONCE: i32 = 130;

/// Begins `shutdown` when the process receives SIGTERM or SIGINT (Ctrl-C). A second signal makes the process exit at once,
/// with status 130. Watches for signals in the background; fails if the operating system does not allow that.
#[cfg(unix)]
pub fn on_signals(shutdown: Shutdown) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        loop {
            let signal = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if shutdown.has_begun() {
                tracing::warn!(signal, "received a second signal; exiting at once");
                std::process::exit(STOPPED_AT_ONCE);
            }
            tracing::info!(signal, "stopping: finishing what is in flight; a second signal stops at once");
            shutdown.begin();
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everyone_who_waits_learns_of_it_also_afterwards() {
        let shutdown = Shutdown::new();
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.begun().await }
        });
        assert!(!shutdown.has_begun());
        shutdown.begin();
        waiting.await.unwrap();
        shutdown.begun().await;
        assert!(shutdown.has_begun());
    }
}
