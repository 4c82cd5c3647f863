use jiff::Timestamp;
use metrics::gauge;

use super::names;
use crate::GroupLag;

/// Gauges of the backlog of consumer groups.
#[derive(Debug, Default)]
pub struct LagGauges;

impl LagGauges {
    /// Sets the gauges of each group to the backlog that was measured at `now`.
    pub fn set(&self, lags: &[GroupLag], now: Timestamp) {
        for lag in lags {
            let group = || lag.group.clone();
            // A gauge is a float; no queue comes near the 2^53 from which that is inexact.
            #[expect(clippy::cast_precision_loss, reason = "see above")]
            let waiting = lag.waiting as f64;
            gauge!(names::WAITING, "consumer_group" => group()).set(waiting);
            let oldest = lag.oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64().max(0.0));
            gauge!(names::OLDEST, "consumer_group" => group()).set(oldest);
        }
    }
}
