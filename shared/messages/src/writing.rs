//! Writes the one form of JSON that every Java listener reads.

use crate::json::WireValue;

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
