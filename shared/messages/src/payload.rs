use crate::error::DecodeError;

/// A message body: read from every form that Java sends, written in exactly one.
pub trait Payload: Sized {
    /// The name of the Java class, used in errors.
    const NAME: &'static str;

    /// Reads an inflated body. Fails if it is not a JSON object of this payload. A missing field does not fail here but in
    /// the `require_...` call of the handler that needs it. Unknown fields are skipped; of a field given twice the last
    /// counts; a byte-order mark is skipped.
    fn decode(body: &[u8]) -> Result<Self, DecodeError>;

    /// Writes the body: one line of UTF-8 JSON, fields in their fixed order, nulls kept.
    fn encode(&self) -> Vec<u8>;
}

/// A field that a handler needs is missing, or is an empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{payload} has no {field}")]
pub struct MissingField {
    /// Name of the payload.
    pub payload: &'static str,
    /// Name of the field on the wire.
    pub field: &'static str,
}

/// Defines `require_...` for fields that are copied, and for texts, of which a blank one counts as missing.
macro_rules! required_fields {
    ($payload:ty; values { $($value:ident: $value_type:ty = $value_name:literal, $require_value:ident;)* }
     texts { $($text:ident = $text_name:literal, $require_text:ident;)* }) => {
        impl $payload {
            $(
                #[doc = concat!("The value of `", $value_name, "`; fails if it is missing.")]
                pub fn $require_value(&self) -> Result<$value_type, MissingField> {
                    let missing = MissingField { payload: <Self as Payload>::NAME, field: $value_name };
                    self.$value.ok_or(missing)
                }
            )*
            $(
                #[doc = concat!("The text of `", $text_name, "`; fails if it is missing or blank.")]
                pub fn $require_text(&self) -> Result<&str, MissingField> {
                    let missing = MissingField { payload: <Self as Payload>::NAME, field: $text_name };
                    self.$text.as_deref().filter(|text| !text.trim().is_empty()).ok_or(missing)
                }
            )*
        }
    };
}

pub(crate) use required_fields;
