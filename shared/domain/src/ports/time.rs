use jiff::Timestamp;

use crate::OrderNo;

/// Tells the time, so that a test can run 15 minutes in a millisecond.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Makes names that nobody else makes.
pub trait Ids: Send + Sync {
    /// A new order number. Numbers made later sort later, to the millisecond.
    fn order_no(&self, now: Timestamp) -> OrderNo;

    /// A name for an owner, a trace or a message: unique, unordered.
    fn unique(&self) -> String;
}
