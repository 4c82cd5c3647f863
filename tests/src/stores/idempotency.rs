//! Which effects were done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use boxoffice_domain::ports::{Claim, ClaimAnswer, Fence, IdempotencyKey, IdempotencyStore};
use boxoffice_domain::testing::FakeIdempotencyStore;
use proptest::prelude::Strategy;
use proptest::prop_oneof;

use super::at;
use crate::support::{at_once, holds_for};

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::new("sms", text, 0)
}

/// A claim with a lease of 10 s, to be forgotten after 1,000 s.
fn claim(owner: &str, now: i64) -> Claim {
    Claim {
        owner: owner.to_owned(),
        payload_hash: "hash".to_owned(),
        data: Some(format!("data of {owner}")),
        now: at(now),
        lease_until: at(now + 10),
        expires_at: at(now + 1_000),
    }
}

fn started(first: &str, taken_over: bool) -> ClaimAnswer {
    ClaimAnswer::Started { data: Some(format!("data of {first}")), taken_over }
}

/// Work that is begun is another's until it ends; work that is done is done, with its result.
pub async fn work_is_begun_and_done_once(store: Arc<dyn IdempotencyStore>) {
    let key = key("T1");
    assert_eq!(store.begin(&key, &claim("one", 0)).await.unwrap(), started("one", false));
    assert_eq!(store.begin(&key, &claim("two", 9)).await.unwrap(), ClaimAnswer::InProgress { until: at(10) });
    assert_eq!(store.complete(&key, "one", Some("sent \u{1F3AB}"), at(2_000)).await.unwrap(), Fence::Held);
    let done = ClaimAnswer::Completed { result: Some("sent \u{1F3AB}".to_owned()) };
    for now in [9, 500, 1_500] {
        assert_eq!(store.begin(&key, &claim("three", now)).await.unwrap(), done, "its new expiry counts");
    }
    assert_eq!(store.abandon(&key, "one", at(10)).await.unwrap(), Fence::Lost, "it is done");

    let bare = IdempotencyKey::new("sms", "T2", 0);
    let without_data = Claim { data: None, ..claim("one", 0) };
    let begun = store.begin(&bare, &without_data).await.unwrap();
    assert_eq!(begun, ClaimAnswer::Started { data: None, taken_over: false });
    assert_eq!(store.complete(&bare, "one", None, at(2_000)).await.unwrap(), Fence::Held);
    assert_eq!(store.begin(&bare, &claim("two", 1)).await.unwrap(), ClaimAnswer::Completed { result: None });
}

/// The owner whose lease ran out cannot overwrite the next one, whatever it does; the data of the first claim stays.
pub async fn a_late_owner_is_fenced_off(store: Arc<dyn IdempotencyStore>) {
    let key = key("T1");
    assert_eq!(store.begin(&key, &claim("one", 0)).await.unwrap(), started("one", false));
    assert_eq!(store.begin(&key, &claim("two", 11)).await.unwrap(), started("one", true));
    assert_eq!(store.complete(&key, "one", Some("late"), at(2_000)).await.unwrap(), Fence::Lost);
    assert_eq!(store.abandon(&key, "one", at(12)).await.unwrap(), Fence::Lost);
    assert_eq!(
        store.begin(&key, &claim("three", 12)).await.unwrap(),
        ClaimAnswer::InProgress { until: at(21) }
    );
    assert_eq!(store.begin(&key, &claim("three", 30)).await.unwrap(), started("one", true));
    assert_eq!(store.complete(&key, "two", None, at(2_000)).await.unwrap(), Fence::Lost);
    assert_eq!(store.complete(&key, "three", Some("sent"), at(2_000)).await.unwrap(), Fence::Held);
    assert_eq!(store.complete(&key, "one", Some("late"), at(2_000)).await.unwrap(), Fence::Lost);
    let done = ClaimAnswer::Completed { result: Some("sent".to_owned()) };
    assert_eq!(store.begin(&key, &claim("four", 31)).await.unwrap(), done);
}

/// Work that is given back may begin at once, with the data of the first claim, and nothing was taken over.
pub async fn work_that_is_given_back_may_begin_at_once(store: Arc<dyn IdempotencyStore>) {
    let key = key("T1");
    store.begin(&key, &claim("one", 0)).await.unwrap();
    assert_eq!(store.abandon(&key, "one", at(1)).await.unwrap(), Fence::Held);
    assert_eq!(store.complete(&key, "one", None, at(2_000)).await.unwrap(), Fence::Lost, "it gave it back");
    assert_eq!(store.begin(&key, &claim("two", 2)).await.unwrap(), started("one", false));
    assert_eq!(
        store.begin(&key, &claim("three", 3)).await.unwrap(),
        ClaimAnswer::InProgress { until: at(12) }
    );
}

/// Keys are apart by scope, business key and redrive; the same key with another payload is refused, until it expires.
pub async fn a_key_names_one_effect(store: Arc<dyn IdempotencyStore>) {
    let keys = [("sms", "T1", 0), ("email", "T1", 0), ("sms", "T2", 0), ("sms", "T1", 1)];
    for (scope, business_key, generation) in keys {
        let key = IdempotencyKey::new(scope, business_key, generation);
        assert_eq!(store.begin(&key, &claim("one", 0)).await.unwrap(), started("one", false), "{key}");
    }
    let other = |now| Claim { payload_hash: "other".to_owned(), ..claim("two", now) };
    let key = key("T1");
    assert_eq!(store.begin(&key, &other(1)).await.unwrap(), ClaimAnswer::PayloadDiffers);
    assert_eq!(
        store.begin(&key, &other(11)).await.unwrap(),
        ClaimAnswer::PayloadDiffers,
        "the lease ran out"
    );
    store.complete(&key, "one", None, at(50)).await.unwrap();
    assert_eq!(store.begin(&key, &other(12)).await.unwrap(), ClaimAnswer::PayloadDiffers, "it is done");
    assert_eq!(
        store.begin(&key, &other(51)).await.unwrap(),
        started("two", false),
        "an expired record is none"
    );
    assert_eq!(
        store.complete(&IdempotencyKey::new("sms", "no", 0), "one", None, at(9)).await.unwrap(),
        Fence::Lost
    );
    assert_eq!(store.abandon(&IdempotencyKey::new("sms", "no", 0), "one", at(9)).await.unwrap(), Fence::Lost);
}

/// Of many workers that begin at the same time one starts, first and at a take-over.
pub async fn one_of_many_workers_starts(store: Arc<dyn IdempotencyStore>) {
    for (now, takes_over) in [(0, false), (20, true)] {
        let begun = at_once(32, |worker| {
            let store = store.clone();
            async move { store.begin(&key("T1"), &claim(&format!("{now}-{worker}"), now)).await.unwrap() }
        });
        let (won, lost): (Vec<_>, Vec<_>) =
            begun.await.into_iter().partition(|begin| matches!(begin, ClaimAnswer::Started { .. }));
        assert_eq!(won.len(), 1, "{won:?}");
        let ClaimAnswer::Started { taken_over, .. } = won[0] else { panic!("{won:?}") };
        assert_eq!(taken_over, takes_over);
        let in_progress = ClaimAnswer::InProgress { until: at(now + 10) };
        assert!(lost.iter().all(|begin| *begin == in_progress), "{lost:?}");
    }
}

/// A purge deletes only what has expired, no more than asked for, and never what somebody may still ask for.
pub async fn a_purge_deletes_only_what_has_expired(store: Arc<dyn IdempotencyStore>) {
    for index in 0..10 {
        let claim = Claim { expires_at: at(100 + index), ..claim("one", 0) };
        store.begin(&key(&format!("T{index}")), &claim).await.unwrap();
    }
    // A store with a time-to-live of its own answers 0.
    let purged = store.purge(at(106), 4).await.unwrap();
    assert!(purged == 4 || purged == 0, "{purged}");
    let purged = purged + store.purge(at(106), 100).await.unwrap();
    assert!(purged == 6 || purged == 0, "{purged}");
    assert_eq!(store.purge(at(106), 100).await.unwrap(), 0, "nothing more has expired");
    for index in 6..10 {
        let begun = store.begin(&key(&format!("T{index}")), &claim("two", 5)).await.unwrap();
        assert_eq!(begun, ClaimAnswer::InProgress { until: at(10) }, "T{index} has not expired");
    }
}

#[derive(Debug, Clone)]
enum Asked {
    Begin { hash: bool, lease: i64, keep: i64 },
    Complete { keep: i64 },
    Abandon,
}

/// Who asks, how much later than the last, and what.
fn asked() -> impl Strategy<Value = (u32, i64, Asked)> {
    let asked = prop_oneof![
        4 => (proptest::bool::weighted(0.1), 1..20_i64, 10..60_i64)
            .prop_map(|(hash, lease, keep)| Asked::Begin { hash, lease, keep }),
        1 => (10..60_i64).prop_map(|keep| Asked::Complete { keep }),
        1 => proptest::strategy::Just(Asked::Abandon),
    ];
    (0..3_u32, 0..12_i64, asked)
}

async fn answer(
    store: &dyn IdempotencyStore,
    key: &IdempotencyKey,
    owner: &str,
    now: i64,
    asked: &Asked,
) -> String {
    match asked {
        Asked::Begin { hash, lease, keep } => {
            let claim = Claim {
                payload_hash: hash.to_string(),
                lease_until: at(now + lease),
                expires_at: at(now + keep),
                ..claim(owner, now)
            };
            format!("{:?}", store.begin(key, &claim).await)
        }
        Asked::Complete { keep } => {
            format!("{:?}", store.complete(key, owner, Some(owner), at(now + keep)).await)
        }
        Asked::Abandon => format!("{:?}", store.abandon(key, owner, at(now)).await),
    }
}

/// Whatever three workers ask of one key in whatever order, the store answers as a simple model in memory does.
pub async fn any_workers_are_answered_as_by_the_model(store: Arc<dyn IdempotencyStore>) {
    let keys = AtomicU32::new(0);
    holds_for(96, proptest::collection::vec(asked(), 1..20), move |requests| {
        let key = key(&format!("K{}", keys.fetch_add(1, Ordering::SeqCst)));
        let (store, model) = (store.clone(), FakeIdempotencyStore::default());
        async move {
            let mut now = 0;
            for (owner, later, asked) in &requests {
                now += later;
                let owner = format!("owner {owner}");
                let given = answer(&*store, &key, &owner, now, asked).await;
                assert_eq!(
                    given,
                    answer(&model, &key, &owner, now, asked).await,
                    "{owner} at {now}: {asked:?}"
                );
            }
        }
    })
    .await;
}
