use std::fmt;
use std::str::FromStr;

use crate::error::{FieldError, UnknownName};
use crate::json::{Token, WireValue, push_json_string};
use crate::routes::tag;

/// Defines an enum whose values are written as upper-case names on the wire.
macro_rules! wire_names {
    ($(#[$about:meta])* $name:ident, $allowed:literal: $($(#[$value_about:meta])* $value:ident = $text:literal),+) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$value_about])* $value),+ }

        impl $name {
            /// Every value, in the order of the wire's description.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($text => Ok(Self::$value),)+
                    other => Err(UnknownName { found: other.chars().take(32).collect(), allowed: $allowed }),
                }
            }
        }

        impl WireValue for $name {
            fn read(json: &str) -> Result<Option<Self>, FieldError> {
                match Token::of(json)? {
                    Token::Text(text) => Ok(Some(text.parse()?)),
                    other => Err(other.instead_of(concat!("a string out of ", $allowed))),
                }
            }

            fn write(&self, out: &mut String) {
                push_json_string(out, self.as_str());
            }
        }
    };
}

wire_names! {
    /// What happened to an order.
    OrderEventType, "CREATED, PAID, CANCELLED, TIMEOUT":
    /// It was placed.
    Created = "CREATED",
    /// It was paid.
    Paid = "PAID",
    /// It was cancelled.
    Cancelled = "CANCELLED",
    /// Its payment window is over.
    Timeout = "TIMEOUT"
}

wire_names! {
    /// What to do with the stock of a ticket tier.
    StockOperation, "DEDUCT, ROLLBACK, SYNC, CONFIRM":
    /// Take the tickets of an order out of what is available.
    Deduct = "DEDUCT",
    /// Give them back.
    Rollback = "ROLLBACK",
    /// Compare the stock cache with the durable counters and repair it.
    Sync = "SYNC",
    /// Count the tickets of an order as sold.
    Confirm = "CONFIRM"
}

wire_names! {
    /// The channel on which a buyer is notified.
    Channel, "SMS, EMAIL, PUSH":
    /// A text message to a phone number.
    Sms = "SMS",
    /// An e-mail.
    Email = "EMAIL",
    /// A push notification to a device.
    Push = "PUSH"
}

impl OrderEventType {
    /// The tag under which this event is sent.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Created => tag::ORDER_CREATED,
            Self::Paid => tag::ORDER_PAID,
            Self::Cancelled => tag::ORDER_CANCELLED,
            Self::Timeout => tag::ORDER_TIMEOUT,
        }
    }
}

impl StockOperation {
    /// The tag under which this operation is sent; CONFIRM shares the one of SYNC.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Deduct => tag::STOCK_DEDUCT,
            Self::Rollback => tag::STOCK_ROLLBACK,
            Self::Sync | Self::Confirm => tag::STOCK_SYNC,
        }
    }
}

impl Channel {
    /// The tag under which messages of this channel are sent.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Sms => tag::SMS,
            Self::Email => tag::EMAIL,
            Self::Push => tag::PUSH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Channel, OrderEventType, StockOperation};

    #[test]
    fn every_name_reads_back_as_its_value() {
        for value in OrderEventType::ALL {
            assert_eq!(value.as_str().parse(), Ok(*value));
        }
        for value in StockOperation::ALL {
            assert_eq!(value.as_str().parse(), Ok(*value));
        }
        for value in Channel::ALL {
            assert_eq!(value.as_str().parse(), Ok(*value));
        }
        assert_eq!(format!("{:>5}", Channel::Sms), "  SMS");
    }

    #[test]
    fn an_unknown_name_is_quoted_short_with_what_is_allowed() {
        let error = "x".repeat(1000).parse::<Channel>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("unknown value \"{}\", allowed are SMS, EMAIL, PUSH", "x".repeat(32))
        );
    }
}
