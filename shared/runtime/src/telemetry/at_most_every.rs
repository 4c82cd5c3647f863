use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tells whether a log line is due that would otherwise come by the hundred, as in an outage.
#[derive(Debug)]
pub struct AtMostEvery {
    period: Duration,
    last: Mutex<Option<Instant>>,
}

impl AtMostEvery {
    /// Due at once, and then at most once per `period`.
    pub const fn new(period: Duration) -> Self {
        Self { period, last: Mutex::new(None) }
    }

    /// Whether it is due; then it is not for a period.
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
        let rarely = AtMostEvery::new(Duration::from_secs(3_600));
        assert_eq!([rarely.is_due(), rarely.is_due(), rarely.is_due()], [true, false, false]);
        let always = AtMostEvery::new(Duration::ZERO);
        assert_eq!([always.is_due(), always.is_due()], [true, true]);
    }
}
