use boxoffice_domain::{Contact, OrderNo, SessionId, ShowId, TicketId, UserId};
use serde::Serialize;

use crate::{ApiError, InvalidField};

/// The longest telephone number taken, in characters.
const PHONE_MAX: usize = 32;
/// The longest e-mail address taken, in bytes (RFC 5321).
const EMAIL_MAX: usize = 254;
/// The longest device token taken, in bytes; push services stay far below.
const DEVICE_TOKEN_MAX: usize = 1024;
/// The longest idempotency key taken, in bytes.
const KEY_MAX: usize = 255;
/// The longest cursor taken, in bytes; stores give out far shorter ones.
const CURSOR_MAX: usize = 1024;
/// The longest reason of a cancellation, in characters.
pub(crate) const REASON_MAX: usize = 200;
/// The most orders on one page.
pub(crate) const PAGE_MAX: i64 = 100;
/// Orders on a page unless the caller says otherwise.
pub(crate) const PAGE_DEFAULT: i64 = 20;

/// What a caller may say beside the request itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallContext {
    /// Makes a repeated create or pay return the first answer: 1 to 255 printable ASCII characters.
    pub idempotency_key: Option<String>,
    /// W3C trace context, carried on into the messages that are sent.
    pub traceparent: Option<String>,
}

impl CallContext {
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        let fits = |key: &String| {
            (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        if self.idempotency_key.as_ref().is_none_or(fits) {
            return Ok(());
        }
        Err(ApiError::field("Idempotency-Key", format!("must be 1 to {KEY_MAX} printable ASCII characters")))
    }
}

/// An order that a buyer asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOrder {
    /// The buyer.
    pub user_id: UserId,
    /// The show.
    pub show_id: ShowId,
    /// The performance.
    pub session_id: SessionId,
    /// The ticket tier.
    pub ticket_id: TicketId,
    /// Number of tickets.
    pub quantity: i64,
    /// Where the buyer is reached; blank addresses count as absent.
    pub contact: Contact,
}

impl NewOrder {
    /// Checks what can be checked without asking anybody, all fields at once; the number of tickets.
    pub(crate) fn check(&self, max_quantity: u32) -> Result<u32, ApiError> {
        let mut invalid = Vec::new();
        let ids = [
            ("userId", self.user_id.0),
            ("showId", self.show_id.0),
            ("sessionId", self.session_id.0),
            ("ticketId", self.ticket_id.0),
        ];
        for (field, id) in ids {
            if id < 1 {
                invalid.push(InvalidField::new(field, format!("must be at least 1, found {id}")));
            }
        }
        let quantity = u32::try_from(self.quantity).ok().filter(|wanted| (1..=max_quantity).contains(wanted));
        if quantity.is_none() {
            let detail = format!("must be between 1 and {max_quantity}, found {}", self.quantity);
            invalid.push(InvalidField::new("quantity", detail));
        }
        check_contact(&self.contact, &mut invalid);
        match quantity {
            Some(quantity) if invalid.is_empty() => Ok(quantity),
            _ => Err(ApiError::Invalid(invalid)),
        }
    }

    /// The addresses that are not blank.
    pub(crate) fn reachable(&self) -> Contact {
        let given = |text: &Option<String>| text.clone().filter(|text| !is_blank(text));
        Contact {
            phone: given(&self.contact.phone),
            email: given(&self.contact.email),
            device_token: given(&self.contact.device_token),
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Finds addresses that can never work. Whether one does, only its provider knows.
fn check_contact(contact: &Contact, invalid: &mut Vec<InvalidField>) {
    let mut check = |field: &'static str, value: Option<&String>, works: fn(&str) -> bool, detail: String| {
        if value.is_some_and(|text| !is_blank(text) && !works(text)) {
            invalid.push(InvalidField::new(field, detail));
        }
    };
    let phone = format!(
        "must have 5 to 20 digits and at most {PHONE_MAX} characters; only digits, + ( ) - and spaces are allowed"
    );
    check("phone", contact.phone.as_ref(), is_phone, phone);
    let email = format!("must have the form name@domain and at most {EMAIL_MAX} bytes");
    check("email", contact.email.as_ref(), is_email, email);
    let token = format!("must be 1 to {DEVICE_TOKEN_MAX} printable ASCII characters without spaces");
    check("deviceToken", contact.device_token.as_ref(), is_device_token, token);
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let allowed =
        |(place, c): (usize, char)| c.is_ascii_digit() || "()- ".contains(c) || (c == '+' && place == 0);
    text.len() <= PHONE_MAX && (5..=20).contains(&digits) && text.char_indices().all(allowed)
}

fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.rsplit_once('@') else { return false };
    let plain = |part: &str| {
        !part.is_empty()
            && !part.contains('@')
            && !part.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;:\"\\".contains(c))
            && !part.starts_with('.')
            && !part.ends_with('.')
    };
    text.len() <= EMAIL_MAX && plain(name) && plain(domain)
}

fn is_device_token(text: &str) -> bool {
    text.len() <= DEVICE_TOKEN_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Which orders of a buyer to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOrders {
    /// The buyer.
    pub user_id: UserId,
    /// Orders on the page, 1 to 100; `None` is 20.
    pub limit: Option<i64>,
    /// Where the page before this one ended.
    pub cursor: Option<String>,
}

impl ListOrders {
    /// The number of orders wanted, or what is wrong with the request.
    pub(crate) fn check(&self) -> Result<u32, ApiError> {
        let mut invalid = Vec::new();
        if self.user_id.0 < 1 {
            invalid.push(InvalidField::new("userId", format!("must be at least 1, found {}", self.user_id)));
        }
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        let wanted = u32::try_from(limit).ok().filter(|_| (1..=PAGE_MAX).contains(&limit));
        if wanted.is_none() {
            invalid
                .push(InvalidField::new("limit", format!("must be between 1 and {PAGE_MAX}, found {limit}")));
        }
        if self.cursor.as_ref().is_some_and(|cursor| cursor.len() > CURSOR_MAX) {
            invalid.push(InvalidField::new("cursor", "was not issued by this API"));
        }
        match wanted {
            Some(wanted) if invalid.is_empty() => Ok(wanted),
            _ => Err(ApiError::Invalid(invalid)),
        }
    }
}

/// An order number that came as text from a caller.
pub(crate) fn order_number(text: String) -> Result<OrderNo, ApiError> {
    OrderNo::new(text).map_err(|error| ApiError::field("orderNo", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephone_numbers_of_many_lands_are_plausible_and_words_are_not() {
        for good in ["13800138000", "+86 138-0013-8000", "+1 (415) 555-0100", "10086"] {
            assert!(is_phone(good), "{good}");
        }
        for bad in [
            "",
            "1234",
            "call me",
            "1380013800x",
            "138+00138000",
            "1234567890123456789012345",
            "１３８００１３８０００",
        ] {
            assert!(!is_phone(bad), "{bad}");
        }
    }

    #[test]
    fn an_email_address_needs_a_name_and_a_domain() {
        for good in ["a@b", "li.na+tickets@example.com", "李@例子.中国"] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in
            ["a", "@", "a@", "@b", "a@@b", "a b@c.com", "a@b.", "a@.b", "a\r\nBcc:x@b.com", "<a@b>", &long]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_device_token_is_printable_and_of_bounded_length() {
        assert!(is_device_token("fcm:APA91b-xyz_0"));
        assert!(!is_device_token("two words"));
        assert!(!is_device_token("línea"));
        assert!(!is_device_token(&"x".repeat(DEVICE_TOKEN_MAX + 1)));
    }
}
