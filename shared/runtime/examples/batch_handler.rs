//! A batch handler: one call for all messages of a batch, one answer for each. Worth it when one write can cover many
//! messages.
//!
//! `cargo run -p boxoffice-runtime --example batch_handler`

#![allow(clippy::expect_used, reason = "an example may stop at the first surprise")]

#[path = "transport/mod.rs"]
mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use async_trait::async_trait;
use boxoffice_messages::{OrderEventMessage, group, tag, topic};
use boxoffice_runtime::{BatchEngine, BatchHandler, Context, Outcome, Subscription};

/// A counter whose writes are expensive.
#[derive(Default)]
struct Counter {
    tickets: AtomicI64,
    writes: AtomicUsize,
}

/// Counts tickets with one write per batch.
struct CountTickets(Arc<Counter>);

#[async_trait]
impl BatchHandler for CountTickets {
    type Message = OrderEventMessage;

    fn subscription(&self) -> Subscription {
        Subscription::new(group::ORDER_PAID, topic::ORDER, &[tag::ORDER_PAID])
    }

    async fn handle_batch(&self, batch: &[(OrderEventMessage, Context)]) -> Vec<Outcome> {
        let mut sum = 0;
        // A message that is refused falls out of the batch and leaves its neighbours alone.
        let answers = batch.iter().map(|(message, _)| match message.require_quantity() {
            Ok(quantity) => {
                sum += i64::from(quantity);
                Outcome::Done
            }
            Err(missing) => missing.into(),
        });
        let answers = answers.collect();
        self.0.tickets.fetch_add(sum, Ordering::Relaxed);
        self.0.writes.fetch_add(1, Ordering::Relaxed);
        answers
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let counter = Arc::new(Counter::default());
    let function = BatchEngine::new("count-tickets", CountTickets(counter.clone()));
    // What cannot be decoded never reaches the handler.
    let bodies = [r#"{"quantity":2}"#, "{}", "garbage", r#"{"quantity":3}"#];
    let answers = transport::deliver(&function, &bodies).await;
    let kinds: Vec<_> = answers.iter().map(|answer| answer.as_ref().map(Outcome::as_str)).collect();
    assert_eq!(kinds, [Some("done"), Some("poison"), Some("poison"), Some("done")]);
    assert_eq!(counter.tickets.load(Ordering::Relaxed), 5);
    assert_eq!(counter.writes.load(Ordering::Relaxed), 1);
    println!("5 tickets counted with one write");
}
