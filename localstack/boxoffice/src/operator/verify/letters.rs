use std::collections::{HashMap, HashSet};

use boxoffice_domain::ports::{DeadLetterFilter, DeadLetterStore, StoreError};

/// Letters read at a time.
const PAGE: u32 = 1_000;

/// The keys of dead letters by consumer group. A letter excuses what is missing only if its group owes it, and only for
/// the order that it is about.
#[derive(Debug, Default)]
pub(super) struct Letters {
    keys: HashMap<String, HashSet<String>>,
}

impl Letters {
    /// Reads every letter.
    pub(super) async fn read(store: &dyn DeadLetterStore) -> Result<Self, StoreError> {
        let mut letters = Self::default();
        let mut cursor = None;
        loop {
            let page = store.list(&DeadLetterFilter::default(), PAGE, cursor.as_deref()).await?;
            for letter in page.items {
                let keys = letters.keys.entry(letter.group).or_default();
                // A message may carry several keys, with spaces in between.
                keys.extend(letter.key.iter().flat_map(|key| key.split_whitespace()).map(str::to_owned));
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(letters),
            }
        }
    }

    /// Whether one of these groups gave up a message with this key.
    pub(super) fn excuse(&self, groups: &[&str], key: &str) -> bool {
        groups.iter().any(|group| self.keys.get(*group).is_some_and(|keys| keys.contains(key)))
    }
}
