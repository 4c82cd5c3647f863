use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::Delivery;

/// Which messages of a batch may start now: messages with one key wait for each other, all others do not.
#[derive(Debug)]
pub(super) struct Lanes {
    /// May start, in the order of the batch.
    ready: VecDeque<usize>,
    /// For each message the next one with its key.
    successors: Vec<Option<usize>>,
    /// How many have not been taken, ready or not.
    waiting: usize,
}

impl Lanes {
    pub(super) fn of(batch: &[Arc<Delivery>]) -> Self {
        let mut ready = VecDeque::with_capacity(batch.len());
        let mut successors = vec![None; batch.len()];
        let mut last_of_key: HashMap<&str, usize> = HashMap::with_capacity(batch.len());
        for (index, delivery) in batch.iter().enumerate() {
            let before = delivery.key.as_deref().and_then(|key| last_of_key.insert(key, index));
            match before {
                Some(before) => successors[before] = Some(index),
                None => ready.push_back(index),
            }
        }
        Self { ready, successors, waiting: batch.len() }
    }

    /// Takes a message that may start.
    pub(super) fn take(&mut self) -> Option<usize> {
        let taken = self.ready.pop_front()?;
        self.waiting -= 1;
        Some(taken)
    }

    /// Takes every message that was not taken, whether it may start or not.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = usize> {
        self.waiting = 0;
        self.ready.drain(..).chain(self.successors.iter_mut().filter_map(Option::take))
    }

    /// Makes way for the next message with the key of this one.
    pub(super) fn finished(&mut self, index: usize) {
        if let Some(next) = self.successors[index].take() {
            self.ready.push_back(next);
        }
    }

    /// Whether every message was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::keyed;

    #[test]
    fn only_messages_with_one_key_wait_for_each_other() {
        let keys = [Some("a"), None, Some("b"), Some("a"), None, Some("a")];
        let batch: Vec<_> = keys.into_iter().map(|key| Arc::new(keyed(key, "1"))).collect();
        let mut lanes = Lanes::of(&batch);

        assert_eq!(std::iter::from_fn(|| lanes.take()).collect::<Vec<_>>(), [0, 1, 2, 4]);
        lanes.finished(1);
        lanes.finished(2);
        assert_eq!(lanes.take(), None);
        lanes.finished(0);
        assert_eq!(lanes.take(), Some(3));
        assert_eq!(lanes.take(), None);
        assert!(!lanes.is_empty());
        lanes.finished(3);
        assert_eq!(lanes.take(), Some(5));
        lanes.finished(5);
        assert_eq!(lanes.take(), None);
        assert!(lanes.is_empty());
    }

    #[test]
    fn all_that_were_not_taken_can_be_taken_at_once() {
        let keys = [Some("a"), Some("a"), None, Some("b"), Some("a"), Some("b")];
        let batch: Vec<_> = keys.into_iter().map(|key| Arc::new(keyed(key, "1"))).collect();
        let mut lanes = Lanes::of(&batch);
        assert_eq!((lanes.take(), lanes.take()), (Some(0), Some(2)));
        let mut rest: Vec<_> = lanes.take_all().collect();
        rest.sort_unstable();
        assert_eq!(rest, [1, 3, 4, 5]);
        lanes.finished(0);
        assert!(lanes.is_empty());
        assert_eq!(lanes.take(), None);
    }
}
