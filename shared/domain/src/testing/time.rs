use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::locked;
use crate::OrderNo;
use crate::ports::{Clock, Ids};

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct VirtualClock(Mutex<Timestamp>);

impl VirtualClock {
    /// Stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves forward; stops at the end of time.
    pub fn advance(&self, by: Duration) {
        let mut now = locked(&self.0);
        *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
    }

    /// Moves to an instant, forward or backward.
    pub fn set(&self, now: Timestamp) {
        *locked(&self.0) = now;
    }
}

impl Default for VirtualClock {
    /// Stands at 2026-11-22T02:15:30Z: 10:15:30 in Shanghai.
    fn default() -> Self {
        Self::new(Timestamp::from_second(1_795_313_730).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *locked(&self.0)
    }
}

/// Counts: order numbers T00000001, T00000002, ..., and unique names u1, u2, ...
#[derive(Debug, Default)]
pub struct SequentialIds {
    orders: AtomicU64,
    names: AtomicU64,
}

impl Ids for SequentialIds {
    fn order_no(&self, _now: Timestamp) -> OrderNo {
        let number = self.orders.fetch_add(1, Ordering::Relaxed) + 1;
        OrderNo::from_trusted(format!("T{number:08}"))
    }

    fn unique(&self) -> String {
        format!("u{}", self.names.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
