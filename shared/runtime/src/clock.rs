use boxoffice_domain::ports::Clock;
use jiff::Timestamp;

/// The clock of the machine: the [`Clock`] of every program.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
