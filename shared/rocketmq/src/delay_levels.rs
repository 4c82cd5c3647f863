use std::time::Duration;

/// The lowest delay level that waits at least this long, from 1; the highest where none does.
pub(crate) fn level(delay: Duration, levels: &[Duration]) -> i32 {
    let found = levels.iter().position(|level| *level >= delay).unwrap_or(levels.len().saturating_sub(1));
    i32::try_from(found + 1).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEFAULT_DELAY_LEVELS;

    #[test]
    fn a_delay_takes_the_lowest_level_that_is_no_shorter() {
        let of = |millis| level(Duration::from_millis(millis), &DEFAULT_DELAY_LEVELS);
        assert_eq!([of(0), of(200), of(1_000), of(1_001), of(5_000)], [1, 1, 1, 2, 2]);
        assert_eq!(of(60 * 60 * 1_000), 17);
        assert_eq!(of(100 * 60 * 60 * 1_000), 18);
    }
}
