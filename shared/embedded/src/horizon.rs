use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use boxoffice_domain::ports::Clock;
use jiff::Timestamp;

use crate::columns::nanos;

/// Up to which due time every message is visible, and which stamp the next commit gets.
///
/// A worker remembers only the last message it took, so no message may ever become visible at or before one that
/// was taken. Therefore each commit gets a stamp later than every horizon that was given out, none of its messages
/// is due before its stamp, and while it runs the horizon stays before it.
#[derive(Debug)]
pub(crate) struct Horizon {
    time: Time,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The highest stamp or horizon given out.
    last: i64,
    /// The stamp of the commit that is being made.
    committing: Option<i64>,
}

enum Time {
    /// The clock of the machine, carried on by the monotonic clock whenever it is set back.
    Machine(Mutex<(i64, Instant)>),
    Given(Arc<dyn Clock>),
}

impl std::fmt::Debug for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Machine(_) => "Machine",
            Self::Given(_) => "Given",
        })
    }
}

impl Time {
    fn now(&self) -> i64 {
        match self {
            Self::Given(clock) => nanos(clock.now()),
            Self::Machine(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                let instant = Instant::now();
                let elapsed = i64::try_from(instant.duration_since(last.1).as_nanos()).unwrap_or(i64::MAX);
                let now = nanos(Timestamp::now()).max(last.0.saturating_add(elapsed));
                *last = (now, instant);
                now
            }
        }
    }
}

impl Horizon {
    pub(crate) fn new(clock: Option<Arc<dyn Clock>>) -> Self {
        let time = match clock {
            Some(clock) => Time::Given(clock),
            None => Time::Machine(Mutex::new((nanos(Timestamp::now()), Instant::now()))),
        };
        Self { time, state: Mutex::new(State { last: 0, committing: None }) }
    }

    /// Now, in nanoseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.time.now()
    }

    /// Begins a commit: the stamp before which none of its messages may be due.
    pub(crate) fn begin_commit(&self) -> i64 {
        let now = self.time.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = now.max(state.last.saturating_add(1));
        state.last = stamp;
        state.committing = Some(stamp);
        stamp
    }

    /// The commit is made, or given up.
    pub(crate) fn end_commit(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).committing = None;
    }

    /// The horizon: a snapshot taken after this call shows every message due at or before it that there will be.
    pub(crate) fn visible(&self) -> i64 {
        let now = self.time.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stamp) = state.committing {
            stamp.saturating_sub(1)
        } else {
            state.last = state.last.max(now);
            state.last
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(Mutex<Timestamp>);
    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    fn fixed(second: i64) -> (Arc<Fixed>, Horizon) {
        let clock = Arc::new(Fixed(Mutex::new(Timestamp::from_second(second).unwrap())));
        (clock.clone(), Horizon::new(Some(clock)))
    }

    #[test]
    fn a_commit_is_stamped_after_every_horizon_given_out() {
        let (_, horizon) = fixed(100);
        let seen = horizon.visible();
        assert!(horizon.begin_commit() > seen);
    }

    #[test]
    fn the_horizon_stays_before_a_commit_that_is_being_made() {
        let (clock, horizon) = fixed(100);
        let stamp = horizon.begin_commit();
        *clock.0.lock().unwrap() = Timestamp::from_second(200).unwrap();
        assert!(horizon.visible() < stamp);
        horizon.end_commit();
        assert_eq!(horizon.visible(), 200_000_000_000);
    }

    #[test]
    fn a_clock_that_is_set_back_stops_neither_stamps_nor_horizon() {
        let (clock, horizon) = fixed(100);
        let first = horizon.begin_commit();
        horizon.end_commit();
        *clock.0.lock().unwrap() = Timestamp::from_second(50).unwrap();
        let second = horizon.begin_commit();
        horizon.end_commit();
        assert!(second > first);
        assert!(horizon.visible() >= second);
    }
}
