/// Why a body is not a valid payload. It never will be, so the message is poison.
///
/// `offset` counts bytes from the start of the inflated body, a byte-order mark included. The text never
/// quotes personal data: of the values only names that should have been one of an enum appear.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body is not valid UTF-8.
    #[error("{payload}: invalid UTF-8 at byte {offset}")]
    NotUtf8 {
        /// The payload that was expected.
        payload: &'static str,
        /// Where the first bad byte stands.
        offset: usize,
    },
    /// The body is not a JSON object, and perhaps not JSON at all.
    #[error("{payload}: expected a JSON object at byte {offset}, found {found}")]
    NotAnObject {
        /// The payload that was expected.
        payload: &'static str,
        /// Where the value begins.
        offset: usize,
        /// What stands there.
        found: &'static str,
    },
    /// The body begins like an object but breaks the grammar of JSON, or goes on after the object.
    #[error("{payload}: malformed JSON at byte {offset}: {reason}")]
    Malformed {
        /// The payload that was expected.
        payload: &'static str,
        /// Where reading stopped.
        offset: usize,
        /// What the JSON parser says.
        reason: String,
    },
    /// One field holds what it may not hold.
    #[error("{payload}: field {field} at byte {offset}: {reason}")]
    Field {
        /// The payload that was expected.
        payload: &'static str,
        /// The field, as named on the wire.
        field: &'static str,
        /// Where its value begins.
        offset: usize,
        /// What is wrong with it.
        reason: FieldError,
    },
}

/// What is wrong with one value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A value of another JSON type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What the field may hold.
        expected: &'static str,
        /// What it holds.
        found: &'static str,
    },
    /// A string with an escape that is not a character.
    #[error("the string has an invalid escape (half of a surrogate pair)")]
    BrokenEscape,
    /// Text that is not a number.
    #[error("not a number")]
    NotANumber,
    /// A fraction where a whole number belongs.
    #[error("not a whole number")]
    NotWhole,
    /// A whole number outside of its type.
    #[error("out of range, allowed are {least} to {most}")]
    OutOfRange {
        /// Least value of the type.
        least: i64,
        /// Greatest value of the type.
        most: i64,
    },
    /// A decimal that does not fit in 96 bits, or has more than 28 digits after the point.
    #[error("has more digits than can be kept exactly (28)")]
    TooManyDigits,
    /// Not a date-time.
    #[error("not a date-time: {0}")]
    NotADateTime(&'static str),
    /// A name that the enum does not have.
    #[error(transparent)]
    UnknownName(#[from] UnknownName),
}

/// A name that is not a value of the enum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown value {found:?}, allowed are {allowed}")]
pub struct UnknownName {
    /// The first 32 characters of what was found.
    pub found: String,
    /// The names that exist.
    pub allowed: &'static str,
}
