use std::time::Duration;

/// When a message that could not be handled is delivered again, and when it becomes a dead letter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Deliveries before the message is a dead letter, at least 1.
    pub max_attempts: u32,
    /// The delay after the first failed delivery; it doubles with each further one.
    pub first_delay: Duration,
    /// The longest delay.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    /// 16 attempts, as RocketMQ makes by default, with delays from 200 ms to 5 minutes: about 40 minutes in all.
    fn default() -> Self {
        Self {
            max_attempts: 16,
            first_delay: Duration::from_millis(200),
            max_delay: Duration::from_secs(300),
        }
    }
}

impl RetryPolicy {
    /// The delay before the next delivery after delivery `attempt` (from 1) failed. `jitter` in `0.0..1.0` spreads
    /// messages that failed together over the upper half of the delay.
    pub fn delay(&self, attempt: u32, jitter: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(30);
        let full = self.first_delay.saturating_mul(1 << doublings).min(self.max_delay);
        full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }

    /// Whether delivery `attempt` (from 1) was the last one.
    pub fn is_last(&self, attempt: u32) -> bool {
        attempt >= self.max_attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_stay_in_their_upper_half() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(1, 1.0), Duration::from_millis(200));
        assert_eq!(policy.delay(3, 1.0), Duration::from_millis(800));
        assert_eq!(policy.delay(3, 0.0), Duration::from_millis(400));
        assert_eq!(policy.delay(u32::MAX, 1.0), Duration::from_secs(300));
    }

    #[test]
    fn the_sixteenth_attempt_is_the_last() {
        let policy = RetryPolicy::default();
        assert!(!policy.is_last(15));
        assert!(policy.is_last(16));
    }
}
