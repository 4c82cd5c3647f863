//! Messages that belong to a write of an order. A store leaves them to the caller, or sends them in its commit.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::StepOutcome;
use boxoffice_domain::ports::{
    Clock as _, Created, MarkId, MarkedMessage, OrderStore, Outbox, Outgoing, Stepped,
};
use boxoffice_domain::testing::VirtualClock;
use boxoffice_messages::{tag, topic};
use jiff::Timestamp;

use super::{at, await_payment, cancel, number, order, pay};
use crate::support::{at_once, every_page, message};

/// An order store whose bus is elsewhere.
pub struct Marking {
    /// The store; it dates marks by the clock.
    pub store: Arc<dyn OrderStore>,
    /// Moved by the suite.
    pub clock: Arc<VirtualClock>,
}

impl Marking {
    async fn create(&self, name: &str, outbox: Outbox) -> Vec<MarkedMessage> {
        match self.store.create(&order(name, 1, 0), outbox).await.unwrap() {
            Created::New { unsent } => unsent,
            Created::Existing(_) => panic!("the order {name} is new"),
        }
    }

    async fn unsent(&self, before: Timestamp, limit: u32) -> Vec<MarkedMessage> {
        every_page(limit, async |cursor| self.store.unsent(before, limit, cursor).await).await
    }

    /// Every mark made so far.
    async fn marks(&self) -> Vec<MarkedMessage> {
        self.unsent(self.clock.now() + Duration::from_secs(1), 1_000).await
    }
}

fn event(key: &str) -> Outgoing {
    message(topic::ORDER, tag::ORDER_CREATED, key)
}

fn marks_of(unsent: &[MarkedMessage]) -> Vec<MarkId> {
    unsent.iter().map(|unsent| unsent.mark.clone().expect("a remembered message has a mark")).collect()
}

/// A remembered message comes back as it went in, to the caller and to the relay, until its mark is cleared.
pub async fn a_remembered_message_is_kept_whole_until_it_is_cleared(marking: Marking) {
    let whole = Outgoing {
        body: vec![0, 159, 146, 150].into(),
        sys_flag: 0x301,
        deliver_at: Some(at(900)),
        properties: vec![("traceparent".to_owned(), "00-1-2-01".to_owned())],
        ..event("T1")
    };
    let bare = Outgoing { tag: None, key: None, ..event("T2") };
    let unsent = marking.create("T1", Outbox::remembered(vec![whole.clone(), bare.clone()])).await;
    assert_eq!(unsent.iter().map(|unsent| unsent.message.clone()).collect::<Vec<_>>(), [whole, bare]);
    assert_eq!(marking.marks().await, unsent);
    let marks = marks_of(&unsent);
    marking.store.clear_marks(&marks[..1]).await.unwrap();
    assert_eq!(marking.marks().await, unsent[1..]);
    marking.store.clear_marks(&marks).await.expect("a mark that does not exist is not an error");
    marking.store.clear_marks(&[MarkId("no such mark".to_owned())]).await.expect("neither is an unknown one");
    marking.store.clear_marks(&[]).await.unwrap();
    assert_eq!(marking.marks().await, []);
}

/// Marks come oldest first, no more than asked for, and only those made before the instant.
pub async fn marks_come_oldest_first(marking: Marking) {
    let mut made = Vec::new();
    for name in ["T3", "T1", "T2"] {
        marking.clock.advance(Duration::from_secs(10));
        made.extend(marking.create(name, Outbox::remembered(vec![event(name)])).await);
    }
    assert_eq!(marking.marks().await, made);
    let now = marking.clock.now();
    assert_eq!(marking.unsent(now, 10).await, made[..2], "the last was not made before now");
    assert_eq!(marking.unsent(now - Duration::from_secs(15), 10).await, made[..1]);
    assert_eq!(marking.unsent(now - Duration::from_secs(25), 10).await, []);
    assert_eq!(marking.unsent(now, 1).await, made[..2]);
}

/// Marks come page by page, and a page goes on after the one before although marks of that one were cleared, or stayed.
pub async fn marks_come_page_by_page(marking: Marking) {
    let mut made = Vec::new();
    for name in ["T1", "T2", "T3", "T4", "T5"] {
        made.extend(marking.create(name, Outbox::remembered(vec![event(name)])).await);
    }
    let now = marking.clock.now() + Duration::from_secs(1);
    let mut kept = Vec::new();
    let found = every_page(2, async |cursor| {
        let page = marking.store.unsent(now, 2, cursor).await?;
        let (cleared, stay) = page.items.split_at(page.items.len().min(1));
        marking.store.clear_marks(&marks_of(cleared)).await?;
        kept.extend_from_slice(stay);
        Ok(page)
    })
    .await;
    assert_eq!(found, made);
    assert_eq!(marking.marks().await, kept);
}

/// A step with a remembered message makes a mark when the order moves, and none when it was there before.
pub async fn a_step_taken_before_remembers_nothing_again(marking: Marking) {
    marking.create("T1", Outbox::none()).await;
    let stepped = at_once(32, |_| {
        let store = marking.store.clone();
        async move {
            let outbox = Outbox::remembered(vec![event("T1")]);
            store.step(&number("T1"), await_payment(), outbox).await.unwrap()
        }
    });
    let mut unsent = Vec::new();
    for stepped in stepped.await {
        let Stepped::Taken { outcome, unsent: more } = stepped else { panic!("{stepped:?}") };
        assert_eq!(outcome == StepOutcome::Moved, !more.is_empty());
        unsent.extend(more);
    }
    assert_eq!(unsent.len(), 1, "the message goes out once");
    assert_eq!(marking.marks().await, unsent);
}

/// A repeatable message is left to the caller without a mark, also when the step was taken before.
pub async fn a_repeatable_message_comes_again_without_a_mark(marking: Marking) {
    let unsent = marking.create("T1", Outbox::repeatable(vec![event("T1")])).await;
    assert_eq!(unsent, [MarkedMessage { mark: None, message: event("T1") }]);
    for wanted in [StepOutcome::Moved, StepOutcome::AlreadyThere, StepOutcome::AlreadyThere] {
        let outbox = Outbox::repeatable(vec![event("T2"), event("T3")]);
        let stepped = marking.store.step(&number("T1"), await_payment(), outbox).await.unwrap();
        let unsent = ["T2", "T3"].map(|key| MarkedMessage { mark: None, message: event(key) });
        assert_eq!(stepped, Stepped::Taken { outcome: wanted, unsent: unsent.into() });
    }
    assert_eq!(marking.marks().await, []);
}

/// A write that changes nothing sends nothing, and neither does a refund.
pub async fn a_write_that_is_refused_remembers_nothing(marking: Marking) {
    let outbox = || Outbox::remembered(vec![event("T1")]);
    marking.create("T1", Outbox::none()).await;
    let again = marking.store.create(&order("T1", 2, 0), outbox()).await.unwrap();
    assert!(matches!(again, Created::Existing(_)), "{again:?}");
    let unknown = marking.store.step(&number("T0"), pay(1), outbox()).await.unwrap();
    assert_eq!(unknown, Stepped::Unknown);
    let refused = marking.store.step(&number("T1"), pay(1), outbox()).await.unwrap();
    assert!(matches!(refused, Stepped::Refused { .. }), "{refused:?}");
    marking.store.step(&number("T1"), cancel(1), Outbox::none()).await.unwrap();
    for outbox in [outbox(), Outbox::repeatable(vec![event("T1")])] {
        let refund = marking.store.step(&number("T1"), pay(2), outbox).await.unwrap();
        let Stepped::Taken { outcome: StepOutcome::RefundRecorded { .. }, unsent } = refund else {
            panic!("{refund:?}")
        };
        assert_eq!(unsent, []);
    }
    assert_eq!(marking.marks().await, []);
}

/// A store that lives with its bus sends in its commit and leaves nothing to the caller. `sent` returns how many
/// messages the bus has accepted in all.
pub async fn a_store_that_sends_leaves_nothing_to_the_caller(
    store: Arc<dyn OrderStore>,
    sent: impl AsyncFn() -> u64,
) {
    let before = sent().await;
    let remembered = || Outbox::remembered(vec![event("T1")]);
    let repeatable = || Outbox::repeatable(vec![event("T1")]);
    let created = store.create(&order("T1", 1, 0), remembered()).await.unwrap();
    assert_eq!(created, Created::New { unsent: Vec::new() });
    assert_eq!(sent().await - before, 1);
    store.create(&order("T1", 1, 0), remembered()).await.unwrap();
    assert_eq!(sent().await - before, 1, "the order was there before");
    let mut wanted = 1;
    for (step, outbox, goes_out) in [
        (pay(1), repeatable(), false),
        (await_payment(), repeatable(), true),
        (await_payment(), repeatable(), true),
        (cancel(2), remembered(), true),
        (cancel(2), remembered(), false),
        (pay(3), repeatable(), false),
        (pay(3), remembered(), false),
    ] {
        let stepped = store.step(&number("T1"), step.clone(), outbox).await.unwrap();
        if let Stepped::Taken { unsent, .. } = stepped {
            assert_eq!(unsent, []);
        }
        wanted += u64::from(goes_out);
        assert_eq!(sent().await - before, wanted, "after {step:?}");
    }
}
