use jiff::Timestamp;

use crate::OrderNo;

/// The time, as a port, so that a test can run 15 minutes in a millisecond.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Generates unique names.
pub trait Ids: Send + Sync {
    /// A new order number. Numbers made later sort later, to the millisecond.
    fn order_no(&self, now: Timestamp) -> OrderNo;

    /// A unique name for an owner, a trace or a message, in no particular order.
    fn unique(&self) -> String;
}
