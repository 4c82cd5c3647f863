use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::error::FieldError;
use crate::json::{Token, WireValue, push_displayed};
use crate::number::parse_i64;

/// The zone of zoneless times, unless another is configured.
pub const DEFAULT_ZONE: &str = "Asia/Shanghai";

/// The zone named by [`DEFAULT_ZONE`].
pub fn default_zone() -> TimeZone {
    // China has kept +08:00 since 1991, so the fixed offset stands in if the zone data lacks the name.
    TimeZone::get(DEFAULT_ZONE).unwrap_or_else(|_| TimeZone::fixed(Offset::constant(8)))
}

/// The time of an event as it is on the wire, years 0 to 9999, to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTime {
    /// A date and time without a zone, as a Java `LocalDateTime`. A `Z` behind it is not a zone either: some Java
    /// converters add one to local times.
    Local(DateTime),
    /// An instant: from a time with an offset such as `+08:00`, or from epoch milliseconds.
    Instant(Timestamp),
}

impl EventTime {
    /// The local time of an instant in a zone; what Boxoffice itself sends.
    pub fn from_timestamp(timestamp: Timestamp, zone: &TimeZone) -> Self {
        Self::Local(zone.to_datetime(timestamp))
    }

    /// The instant, taking a local time in `zone`. A time that a clock change skips or repeats is taken as Java does:
    /// the later or the earlier one. A local time at the edge of what a `Timestamp` holds becomes the last instant there is.
    pub fn to_timestamp(&self, zone: &TimeZone) -> Timestamp {
        match self {
            Self::Instant(timestamp) => *timestamp,
            Self::Local(local) => {
                let edge = if local.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
                zone.to_timestamp(*local).unwrap_or(edge)
            }
        }
    }

    /// The date and time that a clock in `zone` shows; a local time is returned as it is.
    pub fn to_local(&self, zone: &TimeZone) -> DateTime {
        match self {
            Self::Local(local) => *local,
            Self::Instant(timestamp) => zone.to_datetime(*timestamp),
        }
    }
}

impl WireValue for EventTime {
    fn read(json: &str) -> Result<Option<Self>, FieldError> {
        match Token::of(json)? {
            Token::Text(text) if text.trim().is_empty() => Ok(None),
            Token::Text(text) => from_text(text.trim().as_bytes()).map(Some),
            Token::Number(text) => from_milliseconds(text).map(Some),
            Token::List => from_list(json).map(Some),
            other => {
                Err(other.instead_of("a date-time as a string, a list of 5 to 7 numbers or milliseconds"))
            }
        }
    }

    /// A local time as it is, an instant as its local time in [`DEFAULT_ZONE`]: Java listeners fail on a zone.
    fn write(&self, out: &mut String) {
        let local = match self {
            Self::Local(local) => *local,
            Self::Instant(timestamp) => default_zone().to_datetime(*timestamp),
        };
        let (date, time) = (local.date(), local.time());
        push_displayed(
            out,
            &format_args!(
                "\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                date.year(),
                date.month(),
                date.day(),
                time.hour(),
                time.minute(),
                time.second()
            ),
        );
        let nanoseconds = time.subsec_nanosecond();
        if nanoseconds != 0 {
            push_displayed(out, &format_args!(".{nanoseconds:09}"));
            out.truncate(out.trim_end_matches('0').len());
        }
        out.push('"');
    }
}

const FORM: FieldError = FieldError::NotADateTime("expected the form 2026-11-22T10:15:30");
const NO_SUCH_TIME: FieldError = FieldError::NotADateTime("the day or time does not exist");

/// Reads `2026-11-22T10:15`, with or without seconds, a fraction of 1 to 9 digits, `Z` or an offset; a space may
/// stand for the T. Thirteen digits are epoch milliseconds; fewer or more could be seconds or a compact date.
fn from_text(text: &[u8]) -> Result<EventTime, FieldError> {
    if text.len() == 13 && text.iter().all(u8::is_ascii_digit) {
        return std::str::from_utf8(text).map_err(|_| FORM).and_then(from_milliseconds);
    }
    let mut rest = Digits(text);
    let year = rest.number(4)?;
    rest.expect(b"-")?;
    let month = rest.number(2)?;
    rest.expect(b"-")?;
    let day = rest.number(2)?;
    rest.expect(b"T ")?;
    let hour = rest.number(2)?;
    rest.expect(b":")?;
    let minute = rest.number(2)?;
    let mut second = 0;
    let mut nanosecond = 0;
    if rest.skip(b":") {
        second = rest.number(2)?;
        if rest.skip(b".") {
            nanosecond = rest.fraction()?;
        }
    }
    let local = civil([year, month, day, hour, minute, second, nanosecond])?;
    match rest.0 {
        [] | b"Z" => Ok(EventTime::Local(local)),
        [b'+' | b'-', ..] => {
            let offset = rest.offset()?;
            offset.to_timestamp(local).map(EventTime::Instant).map_err(|_| NO_SUCH_TIME)
        }
        _ => Err(FORM),
    }
}

fn from_milliseconds(text: &str) -> Result<EventTime, FieldError> {
    // Years before 0 cannot be written with four digits, so they could not be sent on.
    const YEAR_ZERO_ENDS: i64 = -62_135_596_800_000;
    let unusable =
        FieldError::NotADateTime("a number must be whole milliseconds since 1970 within years 1 to 9999");
    let milliseconds = parse_i64(text).map_err(|_| unusable.clone())?;
    if milliseconds < YEAR_ZERO_ENDS {
        return Err(unusable);
    }
    Timestamp::from_millisecond(milliseconds).map(EventTime::Instant).map_err(|_| unusable)
}

/// Reads Jackson's list: year, month, day, hour, minute, and if not zero second and nanosecond.
fn from_list(json: &str) -> Result<EventTime, FieldError> {
    const LENGTH: FieldError = FieldError::NotADateTime("a list must hold 5 to 7 whole numbers");
    let inside = json.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
    let mut parts = [0; 7];
    let mut count = 0;
    for part in inside.split(',') {
        *parts.get_mut(count).ok_or(LENGTH)? = parse_i64(part.trim()).map_err(|_| LENGTH)?;
        count += 1;
    }
    if count < 5 {
        return Err(LENGTH);
    }
    civil(parts).map(EventTime::Local)
}

fn civil([year, month, day, hour, minute, second, nanosecond]: [i64; 7]) -> Result<DateTime, FieldError> {
    let build = || {
        DateTime::new(
            i16::try_from(year).ok().filter(|year| *year >= 0)?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
            i8::try_from(hour).ok()?,
            i8::try_from(minute).ok()?,
            i8::try_from(second).ok()?,
            i32::try_from(nanosecond).ok()?,
        )
        .ok()
    };
    build().ok_or(NO_SUCH_TIME)
}

/// What is left of a text to read.
struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    /// Takes exactly `count` digits.
    fn number(&mut self, count: usize) -> Result<i64, FieldError> {
        let (digits, rest) = self.0.split_at_checked(count).ok_or(FORM)?;
        self.0 = rest;
        digits.iter().try_fold(0, |value, digit| {
            if digit.is_ascii_digit() { Ok(value * 10 + i64::from(digit - b'0')) } else { Err(FORM) }
        })
    }

    /// Takes the next byte if it is one of `wanted`.
    fn skip(&mut self, wanted: &[u8]) -> bool {
        match self.0 {
            [byte, rest @ ..] if wanted.contains(byte) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, wanted: &[u8]) -> Result<(), FieldError> {
        if self.skip(wanted) { Ok(()) } else { Err(FORM) }
    }

    /// Takes 1 to 9 digits of a second and gives nanoseconds.
    fn fraction(&mut self) -> Result<i64, FieldError> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(FORM);
        }
        if count > 9 {
            return Err(FieldError::NotADateTime("a fraction of a second has at most 9 digits"));
        }
        let digits = self.number(count)?;
        Ok((count..9).fold(digits, |value, _| value * 10))
    }

    /// Takes the rest as an offset: `+08:00`, `+0800` or `+08`.
    fn offset(&mut self) -> Result<Offset, FieldError> {
        const OFFSET: FieldError = FieldError::NotADateTime("the offset must have the form +08:00");
        let sign = if self.skip(b"-") { -1 } else { 1 };
        self.skip(b"+");
        let hours = self.number(2).map_err(|_| OFFSET)?;
        let minutes = if self.0.is_empty() {
            0
        } else {
            self.skip(b":");
            self.number(2).map_err(|_| OFFSET)?
        };
        // No place on earth is further than 18 hours from UTC; Java's ZoneOffset has the same limit.
        if !self.0.is_empty() || hours > 18 || minutes > 59 {
            return Err(OFFSET);
        }
        let seconds = i32::try_from(sign * (hours * 3600 + minutes * 60)).map_err(|_| OFFSET)?;
        Offset::from_seconds(seconds).map_err(|_| OFFSET)
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{EventTime, default_zone};
    use crate::error::FieldError;
    use crate::json::WireValue;

    fn read(json: &str) -> EventTime {
        EventTime::read(json).unwrap_or_else(|error| panic!("{json}: {error}")).unwrap()
    }

    fn written(json: &str) -> String {
        let mut out = String::new();
        read(json).write(&mut out);
        out
    }

    #[test]
    fn zoneless_times_are_read_in_every_form_and_written_in_one() {
        for (json, expected) in [
            ("\"2026-11-22T10:15:30\"", "\"2026-11-22T10:15:30\""),
            ("\"2026-11-22T10:15\"", "\"2026-11-22T10:15:00\""),
            ("\"2026-11-22 10:15:30\"", "\"2026-11-22T10:15:30\""),
            ("\"2026-11-22 10:15:30.500\"", "\"2026-11-22T10:15:30.5\""),
            ("\"2026-11-22T10:15:30.123456789\"", "\"2026-11-22T10:15:30.123456789\""),
            ("\"2026-11-22T10:15:30.000001000\"", "\"2026-11-22T10:15:30.000001\""),
            ("\"2026-11-22T10:15:30.000000000\"", "\"2026-11-22T10:15:30\""),
            ("\"2026-11-22T10:15:30Z\"", "\"2026-11-22T10:15:30\""),
            ("\"2026-11-22T10:15:30.12Z\"", "\"2026-11-22T10:15:30.12\""),
            ("[2026,11,22,10,15]", "\"2026-11-22T10:15:00\""),
            ("[2026, 11, 22, 10, 15, 30]", "\"2026-11-22T10:15:30\""),
            ("[2026,11,22,10,15,30,1000]", "\"2026-11-22T10:15:30.000001\""),
            ("\"0000-01-01T00:00\"", "\"0000-01-01T00:00:00\""),
            ("\"9999-12-31T23:59:59.999999999\"", "\"9999-12-31T23:59:59.999999999\""),
        ] {
            assert!(matches!(read(json), EventTime::Local(_)), "{json}");
            assert_eq!(written(json), expected, "{json}");
        }
    }

    #[test]
    fn offsets_and_milliseconds_name_an_instant_and_are_written_as_local_time_of_shanghai() {
        for json in [
            "\"2026-11-22T10:15:30.123+08:00\"",
            "\"2026-11-22T02:15:30.123+00:00\"",
            "\"2026-11-21T22:45:30.123-0330\"",
            "\"2026-11-22T10:15:30.123+08\"",
            "1795313730123",
            "\"1795313730123\"",
            "1795313730123.0",
        ] {
            let EventTime::Instant(timestamp) = read(json) else { panic!("{json} is not an instant") };
            assert_eq!(timestamp.as_millisecond(), 1_795_313_730_123, "{json}");
            assert_eq!(written(json), "\"2026-11-22T10:15:30.123\"", "{json}");
        }
    }

    #[test]
    fn an_empty_text_is_no_time() {
        assert_eq!(EventTime::read("\"\""), Ok(None));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for json in [
            "\"2026-11-22T10:15:30.1234567891\"",
            "\"2026-11-22T10:15:30.\"",
            "\"2026-11-22\"",
            "\"2026-02-30T10:15:30\"",
            "\"2026-11-22T24:00:00\"",
            "\"2026-11-22T10:15:60\"",
            "\"2026-11-22T10:15:30+8\"",
            "\"2026-11-22T10:15:30+19:00\"",
            "\"2026-11-22T10:15:30Zulu\"",
            "\"20261122101530\"",
            "\"1795313730\"",
            "\"2026-11-22T10:15:30周\"",
            "[2026,11,22,10]",
            "[2026,11,22,10,15,30,0,0]",
            "[2026,11,22,10,15,30,1000000000]",
            "[-1,11,22,10,15]",
            "[2026,11,22,10,[15]]",
            "[]",
            "1795313730.123456",
            "-99999999999999",
            "9223372036854775807",
        ] {
            assert!(matches!(EventTime::read(json), Err(FieldError::NotADateTime(_))), "{json}");
        }
        assert!(matches!(EventTime::read("true"), Err(FieldError::WrongType { found: "a boolean", .. })));
        assert!(matches!(EventTime::read("{}"), Err(FieldError::WrongType { found: "an object", .. })));
    }

    #[test]
    fn a_local_time_is_an_instant_of_the_zone_it_is_taken_in() {
        let time = read("\"2026-11-22T10:15:30\"");
        assert_eq!(time.to_timestamp(&default_zone()).to_string(), "2026-11-22T02:15:30Z");
        assert_eq!(time.to_timestamp(&TimeZone::UTC).to_string(), "2026-11-22T10:15:30Z");
        assert_eq!(EventTime::from_timestamp(time.to_timestamp(&default_zone()), &default_zone()), time);
        assert_eq!(time.to_local(&TimeZone::UTC).to_string(), "2026-11-22T10:15:30");
        let instant = read("\"2026-11-22T10:15:30+08:00\"");
        assert_eq!(instant.to_local(&TimeZone::UTC).to_string(), "2026-11-22T02:15:30");
    }
}
