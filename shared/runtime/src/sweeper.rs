use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{SendError, StoreError};

/// What one sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Things looked at.
    pub examined: u64,
    /// Things put right.
    pub repaired: u64,
    /// Things that could not be put right and are left for the next sweep.
    pub left: u64,
}

/// Why a sweep ended early. The next one starts anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// A store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bus did not answer.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// A function that is run by the clock instead of by a message.
#[async_trait]
pub trait Sweeper: Send + Sync + 'static {
    /// The function's name, such as `outbox-relay`.
    fn name(&self) -> &'static str;

    /// How long to wait between two sweeps.
    fn interval(&self) -> Duration;

    /// Runs once. Safe to run again, and beside another instance of itself.
    async fn sweep(&self) -> Result<SweepReport, SweepError>;
}
