//! One JSON value: what it is, and how values are read from and written to it.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use crate::error::FieldError;

/// A value of one field: how it is read from JSON text (never `null`) and how it is written.
pub(crate) trait WireValue: Sized {
    /// `None` where Java's empty string stands for null.
    fn read(json: &str) -> Result<Option<Self>, FieldError>;
    fn write(&self, out: &mut String);
}

/// A JSON value, seen from outside.
pub(crate) enum Token<'a> {
    Text(Cow<'a, str>),
    Number(&'a str),
    Boolean(bool),
    Null,
    List,
    Object,
}

impl<'a> Token<'a> {
    /// Looks at well-formed JSON text. Fails only on a string that names half of a surrogate pair.
    pub(crate) fn of(json: &'a str) -> Result<Self, FieldError> {
        Ok(match json.as_bytes().first() {
            Some(b'"') => Self::Text(unquote(json)?),
            Some(b'{') => Self::Object,
            Some(b'[') => Self::List,
            Some(b't') => Self::Boolean(true),
            Some(b'f') => Self::Boolean(false),
            Some(b'n') => Self::Null,
            _ => Self::Number(json),
        })
    }

    pub(crate) fn instead_of(&self, expected: &'static str) -> FieldError {
        let found = match self {
            Self::Text(_) => "a string",
            Self::Number(_) => "a number",
            Self::Boolean(_) => "a boolean",
            Self::Null => "null",
            Self::List => "a list",
            Self::Object => "an object",
        };
        FieldError::WrongType { expected, found }
    }
}

fn unquote(json: &str) -> Result<Cow<'_, str>, FieldError> {
    let inside = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    if inside.contains('\\') {
        return serde_json::from_str::<String>(json).map(Cow::Owned).map_err(|_| FieldError::BrokenEscape);
    }
    Ok(Cow::Borrowed(inside))
}

impl WireValue for String {
    /// A number counts as its digits, since some producers send order numbers and phone numbers as numbers.
    fn read(json: &str) -> Result<Option<Self>, FieldError> {
        match Token::of(json)? {
            Token::Text(text) => Ok(Some(text.into_owned())),
            Token::Number(digits) => Ok(Some(digits.to_owned())),
            other => Err(other.instead_of("a string")),
        }
    }

    fn write(&self, out: &mut String) {
        push_json_string(out, self);
    }
}

/// Appends the text of a value. Writing to a `String` cannot fail.
pub(crate) fn push_displayed(out: &mut String, value: &impl Display) {
    let _ = write!(out, "{value}");
}

/// Appends a JSON string; only quotes, backslashes and control characters are escaped.
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    let mut written = 0;
    for (position, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[written..position]);
        written = position + 1;
        if short.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(short);
        }
    }
    out.push_str(&text[written..]);
    out.push('"');
}
