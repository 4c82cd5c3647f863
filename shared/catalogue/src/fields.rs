//! Reads typed fields out of one TOML table and collects what is wrong instead of stopping at the first problem.

use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use boxoffice_domain::Decimal;
use jiff::civil::DateTime;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Problem;

/// Longer texts do not fit on a ticket or in a text message.
const MAX_TEXT_CHARS: usize = 200;
/// A price times any quantity on the wire stays far below what a decimal can hold.
const MAX_PRICE: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
const MAX_PRICE_SCALE: u32 = 4;

/// Problems found so far, with the text they were found in.
pub(crate) struct Findings<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

impl<'t> Findings<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, problems: Vec::new() }
    }

    pub(crate) fn add(&mut self, span: &Range<usize>, place: &str, what: impl Into<String>) {
        let line = self.line(span);
        self.problems.push(Problem { line, place: place.to_owned(), what: what.into() });
    }

    /// The line on which a span starts, counted from 1.
    pub(crate) fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().iter().take(span.start);
        before.filter(|byte| **byte == b'\n').count() + 1
    }

    /// The problems in the order of the file.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.line);
        self.problems
    }
}

/// One table: what it is called in error messages, where it stands, and what it holds.
pub(crate) struct Fields<'d> {
    table: &'d DeTable<'d>,
    span: Range<usize>,
    place: String,
}

impl<'d> Fields<'d> {
    pub(crate) fn new(table: &'d DeTable<'d>, span: Range<usize>, place: String) -> Self {
        Self { table, span, place }
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    pub(crate) fn rename(&mut self, place: String) {
        self.place = place;
    }

    pub(crate) fn span(&self) -> &Range<usize> {
        &self.span
    }

    pub(crate) fn refuse_unknown_keys(&self, allowed: &[&str], findings: &mut Findings<'_>) {
        for key in self.table.keys().filter(|key| !allowed.contains(&key.get_ref().as_ref())) {
            let what = format!("unknown key {:?}; allowed: {}", key.get_ref(), allowed.join(", "));
            findings.add(&key.span(), &self.place, what);
        }
    }

    /// Where a key stands; the table itself when it is missing.
    pub(crate) fn span_of(&self, key: &str) -> Range<usize> {
        self.value(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// The tables of `[[…key]]`; none when the key is missing.
    pub(crate) fn tables(&self, key: &str, findings: &mut Findings<'_>) -> Vec<Fields<'d>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let name = |number: usize| {
            let own = format!("{key} number {number}");
            if self.place.is_empty() { own } else { format!("{}, {own}", self.place) }
        };
        let mut tables = Vec::new();
        let entries = value.get_ref().as_array().map(|array| array.iter()).into_iter().flatten();
        for (index, entry) in entries.enumerate() {
            if let Some(table) = entry.get_ref().as_table() {
                tables.push(Fields::new(table, entry.span(), name(index + 1)));
            } else {
                findings.add(&entry.span(), &name(index + 1), found(entry.get_ref(), "a table"));
            }
        }
        if !value.get_ref().is_array() {
            let what = format!("{key}: {}", found(value.get_ref(), &format!("tables, written [[…{key}]]")));
            findings.add(&value.span(), &self.place, what);
        }
        tables
    }

    pub(crate) fn required_integer(
        &self,
        key: &str,
        range: RangeInclusive<i64>,
        findings: &mut Findings<'_>,
    ) -> Option<i64> {
        self.required(key, findings)?;
        self.integer(key, range, findings)
    }

    /// A whole number in the range; `None`, and a finding, for anything else that is there.
    pub(crate) fn integer(
        &self,
        key: &str,
        range: RangeInclusive<i64>,
        findings: &mut Findings<'_>,
    ) -> Option<i64> {
        self.read(
            key,
            &format!("a whole number from {} to {}", range.start(), range.end()),
            findings,
            |value| {
                let integer = value.as_integer()?;
                let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
                range.contains(&number).then_some(number)
            },
        )
    }

    pub(crate) fn required_text(&self, key: &str, findings: &mut Findings<'_>) -> Option<String> {
        self.required(key, findings)?;
        self.text(key, findings)
    }

    pub(crate) fn text(&self, key: &str, findings: &mut Findings<'_>) -> Option<String> {
        let allowed = format!("a text of 1 to {MAX_TEXT_CHARS} characters on one line");
        self.read(key, &allowed, findings, |value| {
            let text = value.as_str()?.trim();
            let fits = !text.is_empty() && text.chars().count() <= MAX_TEXT_CHARS;
            (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
        })
    }

    /// Money, read from the characters in the file, so that it never passes through a float and keeps its scale.
    pub(crate) fn required_price(&self, key: &str, findings: &mut Findings<'_>) -> Option<Decimal> {
        self.required(key, findings)?;
        let allowed =
            format!("an amount such as 380.00, from 0 to {MAX_PRICE}, at most {MAX_PRICE_SCALE} decimals");
        self.read(key, &allowed, findings, |value| {
            let text = match value {
                DeValue::String(text) => text.as_ref(),
                DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
                DeValue::Float(float) => float.as_str(),
                _ => return None,
            };
            let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let price = Decimal::from_str_exact(text).ok().filter(|_| plain)?;
            (price <= MAX_PRICE && price.scale() <= MAX_PRICE_SCALE).then_some(price)
        })
    }

    /// A date-time without a zone, as TOML's own type or as a string.
    pub(crate) fn required_local_time(&self, key: &str, findings: &mut Findings<'_>) -> Option<DateTime> {
        self.required(key, findings)?;
        self.read(key, "a local date-time such as 2026-12-31T19:30:00", findings, |value| {
            let text = match value {
                DeValue::String(text) => text.to_string(),
                DeValue::Datetime(time) if time.offset.is_none() && time.time.is_some() => time.to_string(),
                _ => return None,
            };
            // jiff would read a date alone as midnight and drop an offset; neither is what was meant.
            let time_of_day = text.get("2026-12-31".len()..).filter(|rest| !rest.is_empty())?;
            let zoneless = time_of_day.bytes().all(|byte| byte.is_ascii_digit() || b"Tt :.".contains(&byte));
            DateTime::from_str(&text).ok().filter(|_| zoneless)
        })
    }

    fn value(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    fn required(&self, key: &str, findings: &mut Findings<'_>) -> Option<()> {
        if self.value(key).is_none() {
            findings.add(&self.span, &self.place, format!("{key} is missing"));
        }
        self.value(key).map(|_| ())
    }

    fn read<T>(
        &self,
        key: &str,
        allowed: &str,
        findings: &mut Findings<'_>,
        take: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key)?;
        let taken = take(value.get_ref());
        if taken.is_none() {
            findings.add(&value.span(), &self.place, format!("{key}: {}", found(value.get_ref(), allowed)));
        }
        taken
    }
}

fn found(value: &DeValue<'_>, allowed: &str) -> String {
    let shown = match value {
        DeValue::String(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::Boolean(boolean) => boolean.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    };
    format!("found {shown}, expected {allowed}")
}
