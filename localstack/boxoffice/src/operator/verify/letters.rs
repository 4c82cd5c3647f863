//! Which orders a dead letter accounts for: only a letter of the group that owes the effect, about the very order that
//! lacks it.

use std::collections::HashSet;

use boxoffice_domain::ports::{DeadLetter, DeadLetterFilter, DeadLetterStore, StoreError};
use boxoffice_messages::{DEFAULT_MAX_INFLATED_BYTES, OrderEventMessage, Payload as _, inflate};

/// Letters read at a time; their bodies come with them.
const LETTERS: u32 = 100;

/// The orders of `lacking` about which none of these groups has a dead letter.
pub(super) async fn unexplained(
    letters: &dyn DeadLetterStore,
    groups: &[&str],
    lacking: &HashSet<String>,
) -> Result<HashSet<String>, StoreError> {
    let mut unexplained = lacking.clone();
    for group in groups {
        let filter = DeadLetterFilter { group: Some((*group).to_owned()), ..DeadLetterFilter::default() };
        let mut cursor = None;
        while !unexplained.is_empty() {
            let page = letters.list(&filter, LETTERS, cursor.as_deref()).await?;
            for letter in &page.items {
                for order_no in orders_of(letter) {
                    unexplained.remove(&order_no);
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(unexplained)
}

/// The order that a letter is about: its key, and what its body says, since another system may choose another key.
fn orders_of(letter: &DeadLetter) -> impl Iterator<Item = String> {
    let said = inflate(&letter.body, letter.sys_flag, DEFAULT_MAX_INFLATED_BYTES)
        .ok()
        .and_then(|body| OrderEventMessage::decode(&body).ok())
        .and_then(|event| event.order_no);
    letter.key.clone().into_iter().chain(said)
}

#[cfg(test)]
mod tests {
    use boxoffice_domain::testing::FakeDeadLetterStore;
    use boxoffice_messages::group;
    use jiff::Timestamp;

    use super::*;

    async fn with(letters: &[(&str, Option<&str>, &str)]) -> FakeDeadLetterStore {
        let store = FakeDeadLetterStore::default();
        for (number, (group, key, body)) in letters.iter().enumerate() {
            let letter = DeadLetter {
                id: number.to_string(),
                topic: "ORDER_TOPIC".to_owned(),
                tag: None,
                group: (*group).to_owned(),
                message_id: number.to_string(),
                key: key.map(str::to_owned),
                attempts: 1,
                error: "away".to_owned(),
                body: body.as_bytes().to_vec().into(),
                sys_flag: 0,
                properties: Vec::new(),
                generation: 0,
                sent_at: None,
                stored_at: Timestamp::UNIX_EPOCH,
            };
            store.put(&letter).await.unwrap();
        }
        store
    }

    fn set(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test]
    async fn only_a_letter_of_an_owing_group_about_the_same_order_accounts_for_it() {
        let mut letters = vec![
            (group::ORDER_PAID, Some("T1"), "{}"),
            (group::SMS_NOTIFICATION, Some("T2"), "{}"),
            (group::ORDER_PAID, Some("T9"), "{}"),
            (group::ORDER_PAID, None, "{\"orderNo\":\"T3\"}"),
            (group::STOCK_MANAGEMENT, Some("T4"), "no JSON"),
        ];
        letters.extend([(group::ORDER_PAID, Some("T9"), "{}"); 250]);
        letters.push((group::ORDER_PAID, Some("T5"), "{}"));
        let store = with(&letters).await;
        let lacking = set(&["T1", "T2", "T3", "T4", "T5"]);
        let left = unexplained(&store, &[group::ORDER_PAID], &lacking).await.unwrap();
        assert_eq!(left, set(&["T2", "T4"]));
        let both = [group::ORDER_PAID, group::STOCK_MANAGEMENT];
        assert_eq!(unexplained(&store, &both, &lacking).await.unwrap(), set(&["T2"]));
    }
}
