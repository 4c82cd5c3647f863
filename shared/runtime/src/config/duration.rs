use std::time::Duration;

/// The units, from the longest on, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a number with one of the units ms, s, m, h, d, such as 200ms, 15m or 1h30m")]
pub struct InvalidDuration;

/// Parses a duration such as `200ms`, `15m` or `1h30m`. The unit is required, even for `0s`.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let mut rest = text.trim();
    let mut milliseconds = 0_u64;
    if rest.is_empty() {
        return Err(InvalidDuration);
    }
    while !rest.is_empty() {
        let digits_end = rest.find(|c: char| !c.is_ascii_digit()).ok_or(InvalidDuration)?;
        let (digits, after) = rest.split_at(digits_end);
        let unit_end = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let number: u64 = digits.parse().map_err(|_| InvalidDuration)?;
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(InvalidDuration)?;
        milliseconds = number
            .checked_mul(*size)
            .and_then(|part| milliseconds.checked_add(part))
            .ok_or(InvalidDuration)?;
        rest = next;
    }
    Ok(Duration::from_millis(milliseconds))
}

/// Writes a duration so that [`parse_duration`] reads it, to the millisecond.
pub fn write_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, size) in UNITS {
        if rest >= size {
            text.push_str(&(rest / size).to_string());
            text.push_str(unit);
            rest %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write_back() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("200ms", 200),
            ("15m", 900_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("1m5s", 65_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
            assert_eq!(write_duration(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn a_number_without_a_unit_is_no_duration() {
        for text in ["", "15", "m", "1.5h", "-3s", "3 s", "5x", "99999999999999999999s", "9999999999999999d"]
        {
            assert_eq!(parse_duration(text), Err(InvalidDuration), "{text}");
        }
    }
}
