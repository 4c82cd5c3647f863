use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::{SendError, StoreError};

/// What one sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Items that were examined.
    pub examined: u64,
    /// Items that were repaired.
    pub repaired: u64,
    /// Items that could not be repaired and are left for the next sweep.
    pub left: u64,
}

/// Why a sweep ended early. The next one starts over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bus failed.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// A function that runs at intervals instead of for each message.
#[async_trait]
pub trait Sweeper: Send + Sync + 'static {
    /// The function's name, such as `outbox-relay`.
    fn name(&self) -> &'static str;

    /// How long to wait between two sweeps.
    fn interval(&self) -> Duration;

    /// Makes one sweep. It must be safe to repeat, and to run beside another instance of itself.
    async fn sweep(&self) -> Result<SweepReport, SweepError>;
}
