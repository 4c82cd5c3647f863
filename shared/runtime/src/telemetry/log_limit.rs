use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Limits a log line that would otherwise be repeated hundreds of times, as in an outage.
#[derive(Debug)]
pub struct LogLimit {
    period: Duration,
    last: Mutex<Option<Instant>>,
}

impl LogLimit {
    /// Allows one line now, and then at most one per `period`.
    pub const fn new(period: Duration) -> Self {
        Self { period, last: Mutex::new(None) }
    }

    /// Whether the line may be logged now. If it may, the next one may after a period.
    pub fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|at| at.elapsed() >= self.period);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_once_per_period() {
        let rarely = LogLimit::new(Duration::from_secs(3_600));
        assert_eq!([rarely.is_due(), rarely.is_due(), rarely.is_due()], [true, false, false]);
        let always = LogLimit::new(Duration::ZERO);
        assert_eq!([always.is_due(), always.is_due()], [true, true]);
    }
}
