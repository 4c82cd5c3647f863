use boxoffice_domain::ports::Clock;
use jiff::Timestamp;

/// Now, to the millisecond: what every store can keep exactly.
pub(crate) fn now_in_milliseconds(clock: &dyn Clock) -> Timestamp {
    let now = clock.now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
