use jiff::Timestamp;

/// The backlog of one consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLag {
    /// The group.
    pub group: String,
    /// Messages that are due and not handled yet. Includes those in flight where the bus cannot distinguish them.
    pub waiting: u64,
    /// Messages that are due later; `None` if the bus does not know.
    pub delayed: Option<u64>,
    /// Messages that a consumer is handling; `None` if the bus does not know.
    pub in_flight: Option<u64>,
    /// When the oldest unhandled message became due; `None` if there is none, or if the bus does not know.
    pub oldest: Option<Timestamp>,
}
