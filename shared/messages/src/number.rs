use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::error::FieldError;
use crate::json::{Token, WireValue, push_displayed};

/// A number as written, with nothing rounded: `digits * 10^exponent`.
struct Exact {
    negative: bool,
    digits: u128,
    exponent: i32,
}

/// Reads an optional sign, digits with at most one point, and an optional exponent.
fn scan(text: &str) -> Result<Exact, FieldError> {
    let mut bytes = text.as_bytes();
    let negative = bytes.first() == Some(&b'-');
    if matches!(bytes.first(), Some(b'-' | b'+')) {
        bytes = &bytes[1..];
    }
    let mut digits = 0_u128;
    let mut exponent = 0_i32;
    let mut digits_seen = false;
    let mut point_seen = false;
    while let [byte, rest @ ..] = bytes {
        match byte {
            b'0'..=b'9' => {
                digits_seen = true;
                digits = digits
                    .checked_mul(10)
                    .and_then(|tens| tens.checked_add(u128::from(byte - b'0')))
                    .ok_or(FieldError::TooManyDigits)?;
                // Cannot wrap: a body of 2^31 digits does not fit a message.
                exponent = exponent.saturating_sub(i32::from(point_seen));
            }
            b'.' if !point_seen => point_seen = true,
            b'e' | b'E' if digits_seen => {
                exponent = exponent.saturating_add(scan_exponent(rest)?);
                break;
            }
            _ => return Err(FieldError::NotANumber),
        }
        bytes = rest;
    }
    if digits_seen { Ok(Exact { negative, digits, exponent }) } else { Err(FieldError::NotANumber) }
}

/// Reads the exponent after its `E`; a huge one saturates and then fits no type.
fn scan_exponent(bytes: &[u8]) -> Result<i32, FieldError> {
    let (sign, digits) = match bytes {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        all => (1, all),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(FieldError::NotANumber);
    }
    let size = digits.iter().fold(0_i32, |sum, digit| {
        sum.saturating_mul(10).saturating_add(i32::from(digit - b'0')).min(1_000_000)
    });
    Ok(sign * size)
}

impl Exact {
    /// The digits with a positive exponent multiplied out; nothing if they leave 128 bits.
    fn whole_digits(&self) -> Option<u128> {
        if self.digits == 0 || self.exponent <= 0 {
            return Some(self.digits);
        }
        10_u128.checked_pow(self.exponent.unsigned_abs())?.checked_mul(self.digits)
    }

    fn signed(&self, size: u128) -> Option<i128> {
        let size = i128::try_from(size).ok()?;
        Some(if self.negative { -size } else { size })
    }
}

/// Reads a decimal without rounding it: a plain or scientific number such as `380.00` or `1E+3`.
///
/// The scale stays as written (`380.00` has two places); a positive exponent is multiplied out.
/// Fails with [`FieldError::NotANumber`], or with [`FieldError::TooManyDigits`] when the value or its scale does
/// not fit a [`Decimal`] (96 bits, 28 places).
pub fn parse_decimal(text: &str) -> Result<Decimal, FieldError> {
    let exact = scan(text)?;
    let scale = exact.exponent.min(0).unsigned_abs();
    exact
        .whole_digits()
        .and_then(|size| exact.signed(size))
        .and_then(|size| Decimal::try_from_i128_with_scale(size, scale).ok())
        .ok_or(FieldError::TooManyDigits)
}

/// Writes a decimal as a plain JSON number with its scale, never with an exponent: `380.00`, `0.0000001`.
pub fn write_decimal(value: Decimal) -> String {
    value.to_string()
}

/// Reads a whole number between `least` and `most`; `2.0` and `2E+1` are whole, `2.5` is not.
fn parse_whole(text: &str, least: i64, most: i64) -> Result<i64, FieldError> {
    let out_of_range = FieldError::OutOfRange { least, most };
    let plain = text.strip_prefix('-').unwrap_or(text);
    let value = if (1..=18).contains(&plain.len()) && plain.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_err(|_| FieldError::NotANumber)?
    } else {
        let mut exact = match scan(text) {
            Err(FieldError::TooManyDigits) => return Err(out_of_range),
            other => other?,
        };
        while exact.exponent < 0 && exact.digits.is_multiple_of(10) && exact.digits != 0 {
            exact.digits /= 10;
            exact.exponent += 1;
        }
        if exact.exponent < 0 && exact.digits != 0 {
            return Err(FieldError::NotWhole);
        }
        let value = exact.whole_digits().and_then(|size| exact.signed(size));
        value.and_then(|value| i64::try_from(value).ok()).ok_or_else(|| out_of_range.clone())?
    };
    if (least..=most).contains(&value) { Ok(value) } else { Err(out_of_range) }
}

/// Reads a whole number as [`parse_whole`] does, over all of `i64`.
pub(crate) fn parse_i64(text: &str) -> Result<i64, FieldError> {
    parse_whole(text, i64::MIN, i64::MAX)
}

/// Takes the text of a number out of a JSON value; nothing when it is an empty string, which Java reads as null.
fn number_text(json: &str) -> Result<Option<Cow<'_, str>>, FieldError> {
    match Token::of(json)? {
        Token::Number(text) => Ok(Some(Cow::Borrowed(text))),
        Token::Text(text) if text.trim().is_empty() => Ok(None),
        Token::Text(text) => Ok(Some(text)),
        other => Err(other.instead_of("a number or a string that holds one")),
    }
}

impl WireValue for Decimal {
    fn read(json: &str) -> Result<Option<Self>, FieldError> {
        number_text(json)?.map(|text| parse_decimal(text.trim())).transpose()
    }

    fn write(&self, out: &mut String) {
        push_displayed(out, self);
    }
}

impl WireValue for i64 {
    fn read(json: &str) -> Result<Option<Self>, FieldError> {
        number_text(json)?.map(|text| parse_i64(text.trim())).transpose()
    }

    fn write(&self, out: &mut String) {
        push_displayed(out, self);
    }
}

impl WireValue for i32 {
    fn read(json: &str) -> Result<Option<Self>, FieldError> {
        const LEAST: i64 = i32::MIN as i64;
        const MOST: i64 = i32::MAX as i64;
        let Some(text) = number_text(json)? else { return Ok(None) };
        let value = parse_whole(text.trim(), LEAST, MOST)?;
        let out_of_range = FieldError::OutOfRange { least: LEAST, most: MOST };
        Self::try_from(value).map(Some).map_err(|_| out_of_range)
    }

    fn write(&self, out: &mut String) {
        push_displayed(out, self);
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_decimal, parse_i64, write_decimal};
    use crate::error::FieldError;
    use crate::json::WireValue;

    fn decimal(text: &str) -> Result<String, FieldError> {
        parse_decimal(text).map(write_decimal)
    }

    #[test]
    fn decimals_keep_every_digit_and_their_scale() {
        for (read, written) in [
            ("380.00", "380.00"),
            ("0.1", "0.1"),
            ("1E+3", "1000"),
            ("1e3", "1000"),
            ("1.50E1", "15.0"),
            ("1E-7", "0.0000001"),
            ("-0.10", "-0.10"),
            ("0E+5", "0"),
            ("0E-2", "0.00"),
            ("123456789012345678.123456789", "123456789012345678.123456789"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
            ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
        ] {
            assert_eq!(decimal(read).as_deref(), Ok(written), "{read}");
        }
    }

    #[test]
    fn a_decimal_that_does_not_fit_is_refused_instead_of_rounded() {
        for text in [
            "79228162514264337593543950336",
            "0.00000000000000000000000000001",
            "1.12345678901234567890123456789",
            "1E+29",
            "1E+99999999999999999999",
            "1E-99999999999999999999",
            &"9".repeat(10_000),
        ] {
            assert_eq!(decimal(text), Err(FieldError::TooManyDigits), "{text}");
        }
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.2.3", "1E", "1E+", "E5", "NaN", "0x10", "1,000", "1 000", "\u{661}"] {
            assert_eq!(decimal(text), Err(FieldError::NotANumber), "{text}");
            assert_eq!(parse_i64(text), Err(FieldError::NotANumber), "{text}");
        }
    }

    #[test]
    fn whole_numbers_beyond_the_precision_of_a_float_stay_exact() {
        for (read, value) in [
            ("9007199254740993", 9_007_199_254_740_993),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("9007199254740993.000", 9_007_199_254_740_993),
            ("2.0", 2),
            ("-2.0", -2),
            ("2E+1", 20),
            ("20E-1", 2),
            ("0.000", 0),
            ("007", 7),
        ] {
            assert_eq!(parse_i64(read), Ok(value), "{read}");
        }
    }

    #[test]
    fn a_fraction_is_no_whole_number_and_a_huge_one_is_out_of_range() {
        assert_eq!(parse_i64("2.5"), Err(FieldError::NotWhole));
        assert_eq!(parse_i64("1E-1"), Err(FieldError::NotWhole));
        let range = Err(FieldError::OutOfRange { least: i64::MIN, most: i64::MAX });
        assert_eq!(parse_i64("9223372036854775808"), range);
        assert_eq!(parse_i64("1E+400"), range);
        assert_eq!(parse_i64(&"9".repeat(1000)), range);
        assert!(matches!(i32::read("2147483648"), Err(FieldError::OutOfRange { most: 2_147_483_647, .. })));
        assert_eq!(i32::read("-2147483648"), Ok(Some(i32::MIN)));
    }

    #[test]
    fn an_empty_string_is_no_number_at_all_and_a_boolean_is_an_error() {
        assert_eq!(i64::read("\"\""), Ok(None));
        assert_eq!(i64::read("\" 10086 \""), Ok(Some(10086)));
        assert_eq!(i64::read("\"\\u0031\""), Ok(Some(1)));
        assert!(matches!(i64::read("true"), Err(FieldError::WrongType { found: "a boolean", .. })));
    }
}
