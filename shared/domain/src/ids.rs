use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is not a valid order number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an order number is 1 to {} printable ASCII characters or letters without spaces, found {found:?}",
    OrderNo::MAX_BYTES
)]
pub struct InvalidOrderNo {
    /// What was given, cut to 80 characters.
    pub found: String,
}

/// The business key of an order; also the KEYS of every message about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderNo(String);

impl OrderNo {
    /// The longest order number accepted, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 64;

    /// Accepts a text of 1 to [`OrderNo::MAX_BYTES`] bytes without spaces and control characters. Java systems may use
    /// letters of any script.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidOrderNo> {
        let text = text.into();
        let fits = !text.is_empty() && text.len() <= Self::MAX_BYTES;
        if fits && text.chars().all(|c| !c.is_whitespace() && !c.is_control()) {
            Ok(Self(text))
        } else {
            Err(InvalidOrderNo { found: text.chars().take(80).collect() })
        }
    }

    /// Takes a text that is known to be a valid order number, because this crate made it.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn from_trusted(text: String) -> Self {
        Self(text)
    }

    /// The order number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for OrderNo {
    type Error = InvalidOrderNo;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<OrderNo> for String {
    fn from(order_no: OrderNo) -> Self {
        order_no.0
    }
}

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

numeric_id!(
    /// A buyer.
    UserId
);
numeric_id!(
    /// A show: what is performed.
    ShowId
);
numeric_id!(
    /// A session: one performance of a show.
    SessionId
);
numeric_id!(
    /// A ticket tier of a session: one price, one stock.
    TicketId
);
