use crate::ports::Page;

/// One page of items that are sorted by their keys, ascending; the cursor is the last key of the page before.
pub(super) fn page<T>(
    sorted: impl IntoIterator<Item = (String, T)>,
    limit: u32,
    cursor: Option<&str>,
) -> Page<T> {
    let mut rest =
        sorted.into_iter().filter(|(key, _)| cursor.is_none_or(|cursor| key.as_str() > cursor)).peekable();
    let mut items = Vec::new();
    let mut last = None;
    while items.len() < usize::try_from(limit.max(1)).unwrap_or(usize::MAX) {
        let Some((key, item)) = rest.next() else { break };
        items.push(item);
        last = Some(key);
    }
    Page { items, next: rest.peek().is_some().then_some(last).flatten() }
}
