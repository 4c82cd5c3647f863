use std::time::Duration;

use jiff::tz::TimeZone;

/// What the business decides and every function shares.
#[derive(Debug, Clone)]
pub struct BusinessRules {
    /// The zone of a date-time that carries none.
    pub zone: TimeZone,
    /// How long a buyer may take to pay, counted from the creation of the order.
    pub payment_window: Duration,
    /// The most tickets in one order.
    pub max_quantity: u32,
}

impl Default for BusinessRules {
    /// Asia/Shanghai, 15 minutes, 10 tickets. Falls back to UTC+8 where the zone database lacks Shanghai.
    fn default() -> Self {
        Self {
            zone: TimeZone::get("Asia/Shanghai").unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(8))),
            payment_window: Duration::from_secs(15 * 60),
            max_quantity: 10,
        }
    }
}
