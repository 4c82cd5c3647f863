use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use boxoffice_domain::ports::{Notice, NotificationProvider, ProviderError};

/// Keys counted one by one; later ones are only counted together.
const MAX_KEYS: usize = 1_000_000;

/// Which calls a [`FlakyProvider`] fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flakiness {
    /// None: it only counts.
    Never,
    /// Every n-th call.
    EveryNth(NonZeroU64),
    /// Each call with this probability; the same seed fails the same calls.
    Chance {
        /// 0 to 100.
        percent: u8,
        /// Where the pseudo-random numbers start.
        seed: u64,
    },
}

/// A provider around another one: fails some calls with `TryLater`, without passing them on, and counts what the other
/// one delivered per idempotency key.
#[derive(Debug)]
pub struct FlakyProvider<P> {
    inner: P,
    flakiness: Flakiness,
    calls: AtomicU64,
    counts: Mutex<DeliveryCounts>,
}

/// What a [`FlakyProvider`] has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Successful deliveries of each idempotency key, of at most a million keys.
    pub per_key: BTreeMap<String, u64>,
    /// Successful deliveries of keys beyond those.
    pub not_told_apart: u64,
    /// Calls that were made to fail.
    pub failed_on_purpose: u64,
}

impl DeliveryCounts {
    /// The keys that were delivered more than once.
    pub fn repeated(&self) -> impl Iterator<Item = (&str, u64)> {
        self.per_key.iter().filter(|(_, count)| **count > 1).map(|(key, count)| (key.as_str(), *count))
    }
}

impl<P> FlakyProvider<P> {
    /// Wraps a provider.
    pub fn new(inner: P, flakiness: Flakiness) -> Self {
        Self { inner, flakiness, calls: AtomicU64::new(0), counts: Mutex::default() }
    }

    /// What was seen up to now.
    pub fn counts(&self) -> DeliveryCounts {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, DeliveryCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the call of this number, counted from 1, fails.
    fn fails(&self, call: u64) -> bool {
        match self.flakiness {
            Flakiness::Never => false,
            Flakiness::EveryNth(n) => call.is_multiple_of(n.get()),
            Flakiness::Chance { percent, seed } => {
                splitmix(seed.wrapping_add(call.wrapping_mul(GOLDEN))) % 100 < u64::from(percent)
            }
        }
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The mixing step of SplitMix64: neighbouring inputs give unrelated outputs.
fn splitmix(input: u64) -> u64 {
    let once = (input ^ (input >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    twice ^ (twice >> 31)
}

#[async_trait]
impl<P: NotificationProvider> NotificationProvider for FlakyProvider<P> {
    async fn deliver(&self, notice: &Notice) -> Result<(), ProviderError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if self.fails(call) {
            self.lock().failed_on_purpose += 1;
            return Err(ProviderError::TryLater { because: "flaky on purpose".to_owned(), after: None });
        }
        self.inner.deliver(notice).await?;
        let mut counts = self.lock();
        if let Some(count) = counts.per_key.get_mut(&notice.idempotency_key) {
            *count += 1;
        } else if counts.per_key.len() < MAX_KEYS {
            counts.per_key.insert(notice.idempotency_key.clone(), 1);
        } else {
            counts.not_told_apart += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Willing;

    #[async_trait]
    impl NotificationProvider for Willing {
        async fn deliver(&self, notice: &Notice) -> Result<(), ProviderError> {
            if notice.to.is_empty() { Err(ProviderError::Refused("no address".to_owned())) } else { Ok(()) }
        }
    }

    fn notice(key: &str, to: &str) -> Notice {
        Notice {
            idempotency_key: key.to_owned(),
            to: to.to_owned(),
            template: String::new(),
            title: String::new(),
            content: String::new(),
        }
    }

    /// The numbers of the calls that failed out of `calls`.
    async fn failures(flakiness: Flakiness, calls: u64) -> Vec<u64> {
        let provider = FlakyProvider::new(Willing, flakiness);
        let mut failed = Vec::new();
        for call in 1..=calls {
            if provider.deliver(&notice("key", "x")).await.is_err() {
                failed.push(call);
            }
        }
        failed
    }

    #[tokio::test]
    async fn every_third_call_fails_when_told_so() {
        let third = Flakiness::EveryNth(NonZeroU64::new(3).unwrap());
        assert_eq!(failures(third, 10).await, [3, 6, 9]);
        assert!(failures(Flakiness::Never, 10).await.is_empty());
    }

    #[tokio::test]
    async fn a_seed_fails_the_same_calls_again_and_about_as_many_as_asked() {
        let seeded = |seed| Flakiness::Chance { percent: 20, seed };
        let failed = failures(seeded(1), 2000).await;
        assert!((300..500).contains(&failed.len()), "{}", failed.len());
        assert_eq!(failed, failures(seeded(1), 2000).await);
        assert_ne!(failed, failures(seeded(2), 2000).await);
        assert_eq!(failures(Flakiness::Chance { percent: 100, seed: 1 }, 50).await.len(), 50);
        assert!(failures(Flakiness::Chance { percent: 0, seed: 1 }, 50).await.is_empty());
    }

    #[tokio::test]
    async fn only_what_was_delivered_is_counted_per_key() {
        let provider = FlakyProvider::new(Willing, Flakiness::EveryNth(NonZeroU64::new(2).unwrap()));
        provider.deliver(&notice("a", "x")).await.unwrap();
        provider.deliver(&notice("a", "x")).await.unwrap_err();
        provider.deliver(&notice("b", "x")).await.unwrap();
        provider.deliver(&notice("b", "x")).await.unwrap_err();
        provider.deliver(&notice("c", "")).await.unwrap_err();
        provider.deliver(&notice("b", "x")).await.unwrap_err();
        provider.deliver(&notice("b", "x")).await.unwrap();
        let counts = provider.counts();
        assert_eq!(counts.per_key, BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]));
        assert_eq!(counts.repeated().collect::<Vec<_>>(), [("b", 2)]);
        assert_eq!(counts.failed_on_purpose, 3);
        assert_eq!(counts.not_told_apart, 0);
    }
}
