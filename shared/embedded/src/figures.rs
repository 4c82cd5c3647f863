//! What the writer did, for benchmarks and tests.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::Embedded;

/// What the writer did since the file was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Commits made.
    pub commits: u64,
    /// Writes in them.
    pub writes: u64,
    /// Time spent making them, waiting for the disk included.
    pub busy: Duration,
}

impl Embedded {
    /// What the writer did since the file was opened.
    pub fn figures(&self) -> Figures {
        let figures = &self.inner.figures;
        Figures {
            commits: figures.commits.load(Ordering::Relaxed),
            writes: figures.jobs.load(Ordering::Relaxed),
            busy: Duration::from_nanos(figures.busy.load(Ordering::Relaxed)),
        }
    }
}
