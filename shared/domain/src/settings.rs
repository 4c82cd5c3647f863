use std::time::Duration;

use crate::BusinessRules;

/// How long the records of [`IdempotencyStore`](crate::ports::IdempotencyStore) live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencySettings {
    /// How long one worker may take before another may take over. Choose it longer than the handler's timeout, so that
    /// only a worker that died or stalled loses its turn.
    pub lease: Duration,
    /// How long a record is kept after its work began or was done; a repeat after that runs again.
    pub keep: Duration,
}

impl Default for IdempotencySettings {
    /// A lease of one minute, records kept for seven days.
    fn default() -> Self {
        Self { lease: Duration::from_secs(60), keep: Duration::from_secs(7 * 24 * 3600) }
    }
}

/// The settings of functions, beside their [`Ports`](crate::ports::Ports): each takes what it needs.
#[derive(Debug, Clone, Default)]
pub struct FunctionSettings {
    /// Zone, time to pay, quantity.
    pub rules: BusinessRules,
    /// How long a notification that was delivered, or an answer that was given, is remembered.
    pub idempotency: IdempotencySettings,
}
