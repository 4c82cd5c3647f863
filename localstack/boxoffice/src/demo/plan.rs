use std::time::Duration;

/// What kind of sale.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Buyers who arrive at once.
    pub buyers: u32,
    /// Seats that go on sale.
    pub seats: u32,
    /// How many of a hundred buyers with reserved seats never pay.
    pub walk_away_percent: u32,
    /// Buyers whose requests are under way at the same time.
    pub at_once: u32,
    /// The random seed: who wants how many seats, and who pays.
    pub seed: u64,
    /// The show, the performance and the ticket tier on sale.
    pub ticket: (i64, i64, i64),
    /// The longest the whole may take.
    pub time_limit: Duration,
}
