//! Writes the one form of JSON that every Java listener reads.

use std::fmt::{Display, Write as _};

use crate::reading::WireValue;

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

/// Builds an object field by field, in the order of the calls; a missing value is written as null.
pub(crate) struct ObjectWriter {
    out: String,
}

impl ObjectWriter {
    pub(crate) fn new() -> Self {
        // A typical payload has 200 to 300 bytes.
        let mut out = String::with_capacity(320);
        out.push('{');
        Self { out }
    }

    pub(crate) fn field<T: WireValue>(mut self, name: &'static str, value: Option<&T>) -> Self {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
        match value {
            Some(value) => value.write(&mut self.out),
            None => self.out.push_str("null"),
        }
        self
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.push('}');
        self.out.into_bytes()
    }
}
