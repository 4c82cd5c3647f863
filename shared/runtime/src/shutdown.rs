use std::sync::Arc;

use tokio::sync::watch;

/// Tells every part of a process that it is to stop: take nothing new, finish what is in flight, return.
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
