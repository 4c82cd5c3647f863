//! Dead letters, until an operator decides.

use std::sync::Arc;

use boxoffice_domain::ports::{DeadLetter, DeadLetterFilter, DeadLetterStore};

use super::at;
use crate::support::{at_once, every_page};

/// A letter of which everything is known.
fn letter(id: &str, stored: i64) -> DeadLetter {
    DeadLetter {
        id: id.to_owned(),
        topic: "ORDER_TOPIC".to_owned(),
        tag: Some("ORDER_CREATED".to_owned()),
        group: "order-process-consumer-group".to_owned(),
        message_id: "0a0b".to_owned(),
        key: Some("T1".to_owned()),
        attempts: 16,
        error: "the body cannot be read: \u{1F3AB}\0".to_owned(),
        body: vec![0, 255, 1].into(),
        sys_flag: 0x301,
        properties: vec![("a".to_owned(), "b".to_owned()), ("a".to_owned(), String::new())],
        generation: 2,
        sent_at: Some(at(-60)),
        stored_at: at(stored),
    }
}

async fn ids(store: &dyn DeadLetterStore, filter: &DeadLetterFilter, limit: u32) -> Vec<String> {
    let letters = every_page(limit, async |cursor| store.list(filter, limit, cursor).await).await;
    letters.into_iter().map(|letter| letter.id).collect()
}

async fn count(store: &dyn DeadLetterStore) -> u64 {
    store.counts().await.unwrap().into_values().sum()
}

/// A letter is kept whole and once, however often it is put; it goes when it is removed.
pub async fn a_letter_is_kept_whole_and_once(store: Arc<dyn DeadLetterStore>) {
    let bare = DeadLetter { tag: None, key: None, sent_at: None, properties: Vec::new(), ..letter("L2", 2) };
    let letters = [letter("L1", 1), bare, DeadLetter { body: vec![].into(), ..letter("L3", 3) }];
    assert_eq!(store.get("L1").await.unwrap(), None);
    for kept in &letters {
        assert!(store.put(kept).await.unwrap());
        let other = DeadLetter { error: "another".to_owned(), ..kept.clone() };
        assert!(!store.put(&other).await.unwrap());
        assert_eq!(store.get(&kept.id).await.unwrap().as_ref(), Some(kept));
    }
    assert_eq!(count(&*store).await, 3);
    let all = DeadLetterFilter::default();
    assert_eq!(every_page(10, async |cursor| store.list(&all, 10, cursor).await).await, letters);
    assert!(store.remove("L1").await.unwrap());
    assert!(!store.remove("L1").await.unwrap());
    assert_eq!(store.get("L1").await.unwrap(), None);
    assert_eq!(count(&*store).await, 2);
}

/// Of many that put the same letter at the same time one stores it.
pub async fn a_letter_is_stored_once_however_many_put_it(store: Arc<dyn DeadLetterStore>) {
    let stored = at_once(16, |_| {
        let store = store.clone();
        async move { store.put(&letter("L1", 1)).await.unwrap() }
    });
    assert_eq!(stored.await.into_iter().filter(|stored| *stored).count(), 1);
    assert_eq!(count(&*store).await, 1);
}

/// Letters come oldest first, page by page, also when many were stored in one instant.
pub async fn letters_are_paged_oldest_first(store: Arc<dyn DeadLetterStore>) {
    for index in [7, 2, 9, 0, 4, 1, 8, 3, 6, 5] {
        store.put(&letter(&format!("L{index}"), index / 4)).await.unwrap();
    }
    let all = DeadLetterFilter::default();
    for limit in [1, 3, 10, 100] {
        let mut found = ids(&*store, &all, limit).await;
        let instant = |id: &String| id[1..].parse::<i64>().unwrap() / 4;
        assert!(found.is_sorted_by_key(instant), "oldest first: {found:?}");
        found.sort();
        assert_eq!(found, (0..10).map(|index| format!("L{index}")).collect::<Vec<_>>());
    }
}

/// Letters that are removed between two pages, as a redrive does, leave no gap in what follows.
pub async fn letters_may_be_removed_while_they_are_paged(store: Arc<dyn DeadLetterStore>) {
    for index in 0..10 {
        store.put(&letter(&format!("L{index}"), index / 4)).await.unwrap();
    }
    let all = DeadLetterFilter::default();
    let mut removed = every_page(3, async |cursor| {
        let page = store.list(&all, 3, cursor).await?;
        for letter in &page.items {
            assert!(store.remove(&letter.id).await?);
        }
        Ok(page)
    })
    .await;
    removed.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(removed, (0..10).map(|index| letter(&format!("L{index}"), index / 4)).collect::<Vec<_>>());
    assert!(store.counts().await.unwrap().is_empty());
}

/// Every filter, and all of them together, find what they name and nothing else, on pages of any size.
pub async fn letters_are_found_by_every_filter(store: Arc<dyn DeadLetterStore>) {
    let text = |text: &str| Some(text.to_owned());
    let letters = [
        letter("L0", 0),
        DeadLetter { group: "other".to_owned(), ..letter("L1", 1) },
        DeadLetter { topic: "OTHER".to_owned(), ..letter("L2", 2) },
        DeadLetter { tag: text("OTHER"), ..letter("L3", 3) },
        DeadLetter { key: text("T2"), ..letter("L4", 4) },
        DeadLetter { tag: None, key: None, ..letter("L5", 5) },
    ];
    for letter in &letters {
        store.put(letter).await.unwrap();
    }
    let any = DeadLetterFilter::default();
    let filters = [
        any.clone(),
        DeadLetterFilter { group: text("other"), ..any.clone() },
        DeadLetterFilter { topic: text("ORDER_TOPIC"), ..any.clone() },
        DeadLetterFilter { tag: text("ORDER_CREATED"), ..any.clone() },
        DeadLetterFilter { key: text("T1"), ..any.clone() },
        DeadLetterFilter { key: text("T1"), tag: text("OTHER"), ..any.clone() },
        DeadLetterFilter {
            group: text("order-process-consumer-group"),
            topic: text("ORDER_TOPIC"),
            tag: text("ORDER_CREATED"),
            key: text("T1"),
        },
        DeadLetterFilter { key: text("nobody"), ..any },
    ];
    for filter in filters {
        let wanted = letters.iter().filter(|letter| filter.matches(letter)).map(|letter| letter.id.clone());
        let wanted: Vec<_> = wanted.collect();
        for limit in [1, 2, 100] {
            assert_eq!(ids(&*store, &filter, limit).await, wanted, "{filter:?}, pages of {limit}");
        }
    }
}

/// One letter among many is found, however small the pages are and whatever it differs by.
pub async fn a_rare_letter_is_found_among_many(store: Arc<dyn DeadLetterStore>) {
    for index in 0..60 {
        store.put(&letter(&format!("L{index:02}"), index / 4)).await.unwrap();
    }
    let rare = DeadLetter { tag: Some("RARE".to_owned()), key: Some("T2".to_owned()), ..letter("rare", 10) };
    store.put(&rare).await.unwrap();
    let any = DeadLetterFilter::default();
    let by_tag = DeadLetterFilter { tag: rare.tag.clone(), ..any.clone() };
    let by_key = DeadLetterFilter { group: Some(rare.group.clone()), key: rare.key.clone(), ..any };
    for filter in [by_tag, by_key] {
        for limit in [1, 7, 100] {
            assert_eq!(ids(&*store, &filter, limit).await, ["rare"], "{filter:?}, pages of {limit}");
        }
    }
}

/// Each group's letters are counted; a group without letters is not there.
pub async fn letters_are_counted_by_group(store: Arc<dyn DeadLetterStore>) {
    assert!(store.counts().await.unwrap().is_empty());
    for (id, group) in [("L1", "one"), ("L2", "other"), ("L3", "one"), ("L4", "gone")] {
        store.put(&DeadLetter { group: group.to_owned(), ..letter(id, 1) }).await.unwrap();
    }
    store.put(&DeadLetter { group: "one".to_owned(), ..letter("L3", 2) }).await.unwrap();
    assert!(store.remove("L4").await.unwrap());
    assert!(!store.remove("L5").await.unwrap());
    let counts = [("one".to_owned(), 2), ("other".to_owned(), 1)];
    assert_eq!(store.counts().await.unwrap(), counts.into());
}
