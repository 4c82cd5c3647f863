use std::time::Duration;

use super::plan::Plan;
use super::tally::Latency;
use crate::operator::Verification;

/// How the sale ended.
pub(super) struct Outcome {
    pub(super) plan: Plan,
    pub(super) took: Duration,
    pub(super) accepted: u64,
    pub(super) paid: u64,
    pub(super) sold_out: u64,
    pub(super) timed_out: u64,
    pub(super) still_reserved: u64,
    pub(super) failed: Vec<String>,
    pub(super) illegal_moves: u64,
    pub(super) repeated_numbers: u64,
    pub(super) create: Latency,
    pub(super) process: Latency,
    pub(super) pay: Latency,
    pub(super) seats_taken: u64,
    /// Orders paid in this sale whose seats were gone. Nothing in a sale makes the stock cache forget, so there is none.
    pub(super) paid_then_refunded: u64,
    /// Notifications that are neither sent nor to be seen anywhere.
    pub(super) missing_notifications: u64,
    pub(super) verification: Verification,
}

impl Outcome {
    /// Whether all invariants hold.
    pub(super) fn is_good(&self) -> bool {
        !self.verification.is_broken()
            && self.verification.quiet
            && self.seats_taken == u64::from(self.plan.seats)
            && self.paid_then_refunded == 0
            && self.missing_notifications == 0
            && self.failed.is_empty()
            && self.illegal_moves == 0
            && self.repeated_numbers == 0
    }
}
