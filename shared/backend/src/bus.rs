use std::sync::Arc;

use boxoffice_domain::ports::{Bus, BusAudit, Redeliver};
use boxoffice_runtime::Transport;

use crate::Resource;

/// What `BUS` opens into.
#[derive(Clone)]
pub struct BusParts {
    /// Sends messages.
    pub bus: Arc<dyn Bus>,
    /// Delivers dead letters once more.
    pub redeliver: Arc<dyn Redeliver>,
    /// Feeds functions.
    pub transport: Arc<dyn Transport>,
    /// Counts messages for operators.
    pub audit: Arc<dyn BusAudit>,
    /// What must be closed at the end.
    pub resource: Arc<dyn Resource>,
}

/// What a bus recommends to the programs that consume from it. It is known before the bus is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusAdvice {
    /// Batches that one function handles at the same time.
    pub workers: usize,
    /// Threads of the async runtime in a function's own program; `None` is one for each core.
    pub threads: Option<usize>,
}

/// The settings with which another program uses the same bus, where that is possible.
#[derive(Debug, Clone)]
pub struct SharedBus {
    /// Settings and their values; secrets among them.
    pub variables: Vec<(&'static str, String)>,
    /// The setting that gives a program topics and groups of its own.
    pub prefix: &'static str,
}
