//! Messages that are handled together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use boxoffice_domain::ports::Outgoing;
use boxoffice_runtime::{
    BatchLimits, ConsumerSettings, Delivery, Function, Outcome, Settle, Shutdown, Subscription,
};

use super::{Backend, created, order, order_event};
use crate::support::{Log, engine, eventually};

/// One message of a batch of 32 that cannot be read: the other 31 are handled, each once and at its first attempt.
pub async fn one_bad_message_in_a_batch_costs_its_neighbours_nothing(backend: &dyn Backend) {
    let mut messages: Vec<Outgoing> = (0..31).map(|number| order_event(&format!("T{number:02}"))).collect();
    messages.insert(13, Outgoing { body: b"\xff\xfe not json".to_vec().into(), ..order("bad") });
    backend.send_all(messages).await;
    let (handled, letters) = (Log::new(), backend.letters());
    let log = handled.clone();
    let running = backend.run(Arc::new(engine(created(), move |order, context| {
        log.push((order.order_no.unwrap_or_default(), context.attempt()));
        async { Outcome::Done }
    })));
    eventually("the 31 are handled", || handled.count() >= 31).await;
    let letters = letters.wait_for(1).await;
    running.stop().await;
    assert_eq!((letters[0].key.as_deref(), letters[0].attempts), (Some("bad"), 1));
    let mut handled = handled.items();
    handled.sort();
    assert_eq!(handled, (0..31).map(|number| (format!("T{number:02}"), 1)).collect::<Vec<_>>());
    backend.nothing_is_left(created()).await;
}

/// A panic costs one attempt of the message that caused it, and nothing else.
pub async fn a_panic_is_retried_and_costs_its_neighbours_nothing(backend: &dyn Backend) {
    backend.send_all((0..8).map(|number| order_event(&format!("T{number}"))).collect()).await;
    let (handled, panics) = (Log::new(), Arc::new(AtomicU32::new(0)));
    let (log, counted) = (handled.clone(), panics.clone());
    let running = backend.run(Arc::new(engine(created(), move |order, context| {
        let order_no = order.order_no.unwrap_or_default();
        let fails = order_no == "T3" && context.attempt() == 1;
        counted.fetch_add(u32::from(fails), Ordering::SeqCst);
        assert!(!fails, "as the test wants it");
        log.push((order_no, context.attempt()));
        async { Outcome::Done }
    })));
    eventually("all are handled", || handled.count() >= 8).await;
    running.stop().await;
    assert_eq!(panics.load(Ordering::SeqCst), 1);
    let mut handled = handled.items();
    handled.sort();
    let attempt = |number| if number == 3 { 2 } else { 1 };
    assert_eq!(handled, (0..8).map(|number| (format!("T{number}"), attempt(number))).collect::<Vec<_>>());
    backend.nothing_is_left(created()).await;
}

/// Writes down in which order the messages of each batch came, then passes them on.
struct Watched<F> {
    inner: F,
    batches: Log<Vec<String>>,
}

#[async_trait]
impl<F: Function> Function for Watched<F> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn subscription(&self) -> Subscription {
        self.inner.subscription()
    }

    async fn process(&self, batch: Vec<Delivery>, limits: BatchLimits, settle: &dyn Settle) {
        let place = |delivery: &Delivery| delivery.property("place").unwrap_or_default().to_owned();
        self.batches.push(batch.iter().map(place).collect());
        self.inner.process(batch, limits, settle).await;
    }
}

/// Messages with one key are handled in the order in which their batch holds them, although the first ones take the
/// longest; messages with other keys do not wait for them.
pub async fn messages_of_one_key_are_handled_in_the_order_of_their_batch(backend: &dyn Backend) {
    const KEYS: usize = 4;
    let messages = (0..24).map(|place| {
        let key = format!("K{}", place % KEYS);
        let properties = vec![("place".to_owned(), format!("{place:02}"))];
        Outgoing { properties, ..order_event(&key) }
    });
    backend.send_all(messages.collect()).await;
    let (handled, batches) = (Log::new(), Log::new());
    let log = handled.clone();
    let inner = engine(created(), move |_, context| {
        let log = log.clone();
        async move {
            let place = context.delivery.property("place").unwrap_or_default().to_owned();
            // Whoever may start at the same time would end earlier the later it stands.
            for _ in place.parse::<u32>().unwrap_or_default()..24 {
                tokio::task::yield_now().await;
            }
            log.push(place);
            Outcome::Done
        }
    });
    let settings = ConsumerSettings { workers: 1, batch: 24, ..backend.settings() };
    let watched = Arc::new(Watched { inner, batches: batches.clone() });
    let running = backend.run_with(watched, settings, &Shutdown::new());
    eventually("all are handled", || handled.count() >= 24).await;
    running.stop().await;
    let key = |place: &String| place.parse::<usize>().unwrap() % KEYS;
    let by_key = |places: Vec<String>| {
        let mut by_key = BTreeMap::<usize, Vec<String>>::new();
        for place in places {
            by_key.entry(key(&place)).or_default().push(place);
        }
        by_key
    };
    let (handled, batches) = (handled.items(), batches.items());
    assert!(
        batches.iter().any(|batch| batch.len() > KEYS),
        "no batch put the order to the test: {batches:?}"
    );
    let came = batches.concat();
    assert_ne!(handled, came, "all messages waited for each other");
    assert_eq!(by_key(handled), by_key(came));
}
