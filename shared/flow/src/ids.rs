use std::sync::atomic::{AtomicU64, Ordering};

use boxoffice_domain::OrderNo;
use boxoffice_domain::ports::Ids;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// The operating system gave no random bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the operating system did not provide random bytes: {0}")]
pub struct NoRandomness(String);

/// Makes unique order numbers and names: the [`Ids`] of every program.
///
/// An order number is `T`, the local time as `yyyyMMddHHmmssSSS`, a three-digit sequence and eight digits of this
/// process: `T20261122101530123` `000` `12345678`, 29 characters in all.
///
/// Why it is unique. Within a process, time and sequence together are one counter that only grows: more than 1,000
/// numbers in a millisecond, or a clock that steps back, borrow from the milliseconds to come. Local time is taken at
/// the offset that the zone had at the start of the process, so no hour comes twice when summer time ends. Between
/// processes, two would have to draw the same eight digits (1 in 100 million for each pair) *and* then take the same
/// sequence number of the same millisecond.
#[derive(Debug)]
pub struct RandomIds {
    offset: Offset,
    process_digits: u32,
    /// Milliseconds since 1970 times 1,000, plus the sequence, of the last order number.
    last_order: AtomicU64,
    first_name: u128,
    names: AtomicU64,
}

impl RandomIds {
    /// Draws the digits that distinguish this process. `zone` is the zone of the time in order numbers.
    pub fn new(zone: &TimeZone) -> Result<Self, NoRandomness> {
        let digits = getrandom::u64().map_err(|error| NoRandomness(error.to_string()))?;
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(|error| NoRandomness(error.to_string()))?;
        Ok(Self {
            offset: zone.to_offset(Timestamp::now()),
            process_digits: u32::try_from(digits % 100_000_000).unwrap_or_default(),
            last_order: AtomicU64::new(0),
            first_name: u128::from_be_bytes(name),
            names: AtomicU64::new(0),
        })
    }

    /// The next value of the counter behind the order numbers.
    fn next_order(&self, now: Timestamp) -> u64 {
        let now = u64::try_from(now.as_millisecond()).unwrap_or(0).saturating_mul(1000);
        let next = |last: u64| now.max(last + 1);
        let last =
            self.last_order.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        // The closure always gives a value, so both sides are the value before.
        let (Ok(last) | Err(last)) = last;
        next(last)
    }
}

impl Ids for RandomIds {
    #[expect(clippy::expect_used, reason = "the text is 29 letters and digits, whatever the time")]
    fn order_no(&self, now: Timestamp) -> OrderNo {
        let counted = self.next_order(now);
        let milliseconds = i64::try_from(counted / 1000).unwrap_or(i64::MAX);
        let at = self.offset.to_datetime(Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX));
        let text = format!(
            "T{:04}{:02}{:02}{:02}{:02}{:02}{:03}{:03}{:08}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond(),
            counted % 1000,
            self.process_digits,
        );
        OrderNo::new(text).expect("an order number")
    }

    /// 32 hexadecimal digits: a start of 128 random bits, drawn once, and a step for each name. An odd step meets
    /// no value twice.
    fn unique(&self) -> String {
        const STEP: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        let count = u128::from(self.names.fetch_add(1, Ordering::Relaxed));
        format!("{:032x}", self.first_name.wrapping_add(STEP.wrapping_mul(count)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn shanghai() -> RandomIds {
        RandomIds::new(&TimeZone::get("Asia/Shanghai").unwrap()).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_order_number_contains_the_local_time() {
        let number = shanghai().order_no(at("2026-11-22T02:15:30.123Z"));
        assert!(number.as_str().starts_with("T20261122101530123000"), "{number}");
        assert_eq!(number.as_str().len(), 29);
    }

    #[test]
    fn order_numbers_only_grow_even_in_one_millisecond_or_when_the_clock_steps_back() {
        let ids = shanghai();
        let mut numbers = Vec::new();
        for _ in 0..2_500 {
            numbers.push(ids.order_no(at("2026-11-22T02:15:30.123Z")));
        }
        numbers.push(ids.order_no(at("2026-11-22T02:15:29Z")));
        numbers.push(ids.order_no(at("2026-11-22T02:15:31Z")));
        assert!(numbers.is_sorted_by(|a, b| a < b));
        assert!(numbers.last().unwrap().as_str().starts_with("T20261122101531000000"));
    }

    #[test]
    fn numbers_made_on_several_threads_differ() {
        let ids = shanghai();
        let now = at("2026-11-22T02:15:30.123Z");
        let made: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| (0..1000).map(|_| (ids.order_no(now), ids.unique())).collect::<Vec<_>>())
                })
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        let orders: HashSet<_> = made.iter().map(|(order, _)| order).collect();
        let names: HashSet<_> = made.iter().map(|(_, name)| name).collect();
        assert_eq!((orders.len(), names.len()), (4000, 4000));
    }

    #[test]
    fn two_processes_make_different_names_at_the_same_instant() {
        let (one, other) = (shanghai(), shanghai());
        let now = at("2026-11-22T02:15:30.123Z");
        assert_ne!(one.order_no(now), other.order_no(now));
        assert_ne!(one.unique(), other.unique());
    }

    #[test]
    fn a_time_before_1970_still_gives_a_number() {
        assert!(shanghai().order_no(Timestamp::MIN).as_str().starts_with("T1970"));
    }
}
