//! The names of the metrics. Prometheus shows them with `_` for each dot.

/// Counter of messages sent, by `topic` and `tag`.
pub const MESSAGE_SENT: &str = "mq.message.sent";
/// Histogram of seconds spent handling a message, by `topic` and `consumer_group`.
pub const MESSAGE_CONSUMED: &str = "mq.message.consumed";
/// Counter of messages handled, by `consumer_group` and `outcome` (done, duplicate, retry, poison).
pub const MESSAGE_OUTCOME: &str = "mq.message.outcome";
/// Counter of messages that were not sent, or perhaps not, by `topic`.
pub const SEND_FAILED: &str = "mq.send.failed";
/// Histogram of seconds from the moment when a message was available to the moment when it was consumed, by
/// `consumer_group`.
pub const LAG: &str = "mq.lag";
/// Gauge of messages that are due and not handled, by `consumer_group`: scale a function by this.
pub const WAITING: &str = "mq.waiting";
/// Gauge of seconds since the oldest unhandled message became due, by `consumer_group`; 0 if there is none.
pub const OLDEST: &str = "mq.waiting.oldest";
/// Histogram of seconds spent in a sweep, by `sweeper`.
pub const SWEEP_DURATION: &str = "sweep.duration";
/// Counter of items that sweeps repaired, by `sweeper`.
pub const SWEEP_REPAIRED: &str = "sweep.repaired";
/// Gauge of items that the last sweep could not repair, by `sweeper`.
pub const SWEEP_LEFT: &str = "sweep.left";
/// Counter of sweeps that ended early or panicked, by `sweeper`.
pub const SWEEP_FAILED: &str = "sweep.failed";
