use jiff::Timestamp;

/// What waits for one consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLag {
    /// The group.
    pub group: String,
    /// Messages that are due and not handled. Where the bus cannot tell which of them a consumer has right now,
    /// those are counted here.
    pub waiting: u64,
    /// Messages that are due later; `None` where the bus cannot tell.
    pub delayed: Option<u64>,
    /// Messages that a consumer has right now; `None` where the bus cannot tell.
    pub in_flight: Option<u64>,
    /// When the oldest message became due that is not handled; `None` when there is none, or the bus cannot tell.
    pub oldest: Option<Timestamp>,
}
