//! What functions read out of a message. A message that lacks what it must carry is poison.

use boxoffice_domain::ports::{StoreError, UserDirectory};
use boxoffice_domain::{Contact, InvalidOrderNo, Order, OrderNo, UserId};
use boxoffice_messages::{ExtData, MissingField};
use boxoffice_runtime::Outcome;

use crate::ext_key;

/// The order number of a message; a missing or invalid one is poison.
pub fn order_no(text: Result<&str, MissingField>) -> Result<OrderNo, Outcome> {
    OrderNo::new(text?).map_err(|problem: InvalidOrderNo| Outcome::poison(format!("orderNo: {problem}")))
}

/// The number of tickets of a message; a missing one or one below 1 is poison.
pub fn quantity(found: Result<i32, MissingField>) -> Result<u32, Outcome> {
    let found = found?;
    let quantity = u32::try_from(found).ok().filter(|quantity| *quantity > 0);
    quantity.ok_or_else(|| Outcome::poison(format!("quantity must be at least 1, found {found}")))
}

/// A text of `extData`; a blank one counts as missing.
pub fn ext_text(ext_data: Option<&ExtData>, key: &str) -> Option<String> {
    ext_data?.get_str(key).filter(|text| !text.trim().is_empty())
}

/// The addresses that a message carries in its `extData`.
pub fn ext_contact(ext_data: Option<&ExtData>) -> Contact {
    Contact {
        phone: ext_text(ext_data, ext_key::PHONE),
        email: ext_text(ext_data, ext_key::EMAIL),
        device_token: ext_text(ext_data, ext_key::DEVICE_TOKEN),
    }
}

/// Where a buyer is reached: the addresses of the order, else those of the message, else what the user directory knows.
///
/// Each address is looked for by itself in order and message; the user directory is asked only when both have none.
pub async fn buyer_contact(
    order: Option<&Order>,
    ext_data: Option<&ExtData>,
    user_id: Option<UserId>,
    user_directory: Option<&dyn UserDirectory>,
) -> Result<Contact, StoreError> {
    let ours = order.map(|order| order.contact.clone()).unwrap_or_default();
    let known = ours.or(ext_contact(ext_data));
    match (user_directory, user_id) {
        (Some(user_directory), Some(user_id)) if known.is_empty() => {
            Ok(user_directory.contact(user_id).await?.unwrap_or_default())
        }
        _ => Ok(known),
    }
}

#[cfg(test)]
mod tests;
