//! Splits a body into the raw JSON of its fields. Values are read from that text, so no number ever passes through a
//! float, and the position of an invalid one is known.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::DecodeError;
use crate::json::WireValue;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The raw JSON of one field, and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct RawField<'a> {
    payload: &'static str,
    field: &'static str,
    offset: usize,
    json: Option<&'a str>,
}

impl RawField<'_> {
    /// Nothing if the field is missing, null, or an empty string that stands for null.
    pub(crate) fn read<T: WireValue>(self) -> Result<Option<T>, DecodeError> {
        let Some(json) = self.json else { return Ok(None) };
        T::read(json).map_err(|reason| DecodeError::Field {
            payload: self.payload,
            field: self.field,
            offset: self.offset,
            reason,
        })
    }
}

/// Splits a body into the fields named in `names`, in that order. Of a field given twice the last counts; other
/// fields are skipped, however deep they nest.
pub(crate) fn split<'a, const N: usize>(
    payload: &'static str,
    names: &'static [&'static str; N],
    body: &'a [u8],
) -> Result<[RawField<'a>; N], DecodeError> {
    let skipped = if body.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let text = std::str::from_utf8(&body[skipped..])
        .map_err(|error| DecodeError::NotUtf8 { payload, offset: skipped + error.valid_up_to() })?;
    let fields = names.map(|field| RawField { payload, field, offset: 0, json: None });
    expect_object(payload, text, skipped)?;

    let mut parser = serde_json::Deserializer::from_str(text);
    let visitor = FieldsVisitor { names, fields, text, skipped };
    parser.deserialize_map(visitor).and_then(|fields| parser.end().map(|()| fields)).map_err(|error| {
        DecodeError::Malformed {
            payload,
            offset: skipped + offset_of(text, error.line(), error.column()),
            reason: without_position(&error),
        }
    })
}

fn expect_object(payload: &'static str, text: &str, skipped: usize) -> Result<(), DecodeError> {
    let value = text.trim_start_matches([' ', '\n', '\r', '\t']);
    let found = match value.as_bytes().first() {
        Some(b'{') => return Ok(()),
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b'0'..=b'9' | b'-') => "a number",
        Some(b't' | b'f') if value.starts_with("true") || value.starts_with("false") => "a boolean",
        Some(b'n') if value.starts_with("null") => "null",
        Some(_) => "text that is not JSON",
        None => "an empty body",
    };
    Err(DecodeError::NotAnObject { payload, offset: skipped + text.len() - value.len(), found })
}

/// The parser counts lines from 1 and columns in bytes up to and including the byte it stopped at.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}

fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or(text.clone(), |end| text[..end].to_owned())
}

struct FieldsVisitor<'a, const N: usize> {
    names: &'static [&'static str; N],
    fields: [RawField<'a>; N],
    text: &'a str,
    skipped: usize,
}

impl<'a, const N: usize> Visitor<'a> for FieldsVisitor<'a, N> {
    type Value = [RawField<'a>; N];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        // Most producers keep the order of the fields, so the next name is tried first.
        let mut guess = 0;
        while let Some(position) = map.next_key_seed(NameOf { names: self.names, guess })? {
            let Some(position) = position else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            guess = position + 1;
            let json = map.next_value::<&'a RawValue>()?.get();
            let field = &mut self.fields[position];
            field.offset = self.skipped + (json.as_ptr().addr() - self.text.as_ptr().addr());
            field.json = (json != "null").then_some(json);
        }
        Ok(self.fields)
    }
}

/// Finds the position of a field's name, if it is one of ours, without copying it.
struct NameOf {
    names: &'static [&'static str],
    guess: usize,
}

impl<'de> DeserializeSeed<'de> for NameOf {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameOf {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        if self.names.get(self.guess) == Some(&name) {
            return Ok(Some(self.guess));
        }
        Ok(self.names.iter().position(|known| *known == name))
    }
}
