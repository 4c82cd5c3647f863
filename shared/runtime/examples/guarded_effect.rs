//! An effect that cannot be taken back (a text message) happens once per business key, however often its message is
//! delivered.
//!
//! `cargo run -p boxoffice-runtime --example guarded_effect`

#![allow(clippy::expect_used, reason = "an example may stop at the first surprise")]

#[path = "transport/mod.rs"]
mod transport;

use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_domain::ports::{IdempotencyKey, Notice, NotificationProvider, ProviderError};
use boxoffice_domain::testing::{FakeIdempotencyStore, FakeProvider, SequentialIds, VirtualClock};
use boxoffice_messages::{NotificationMessage, group, tag, topic};
use boxoffice_runtime::{
    Context, Engine, Handler, IdempotencyGuard, IdempotencySettings, Outcome, Subscription,
};

/// Sends one text message per order.
struct TextOnce {
    guard: IdempotencyGuard,
    provider: Arc<dyn NotificationProvider>,
}

#[async_trait]
impl Handler for TextOnce {
    type Message = NotificationMessage;

    fn subscription(&self) -> Subscription {
        Subscription::new(group::SMS_NOTIFICATION, topic::NOTIFICATION, &[tag::SMS])
    }

    async fn handle(&self, message: NotificationMessage, context: &Context) -> Outcome {
        self.text(&message, context).await.into()
    }
}

impl TextOnce {
    async fn text(&self, message: &NotificationMessage, context: &Context) -> Result<Outcome, Outcome> {
        let order_no = message.require_order_no()?;
        let notice = Notice {
            // Providers that know idempotency keys drop a repeat after a crash.
            idempotency_key: format!("text-once/{order_no}"),
            to: message.require_phone()?.to_owned(),
            template: "PAID".to_owned(),
            title: "Paid".to_owned(),
            content: format!("Order {order_no} is paid."),
        };
        // The generation makes a redriven dead letter run again.
        let key = IdempotencyKey::new("text-once", order_no, context.generation());
        let send = |_| async { self.provider.deliver(&notice).await.map(|()| None).map_err(Outcome::from) };
        Ok(self.guard.run(&key, order_no.as_bytes(), None, send).await.into())
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let provider = Arc::new(FakeProvider::default());
    let guard = IdempotencyGuard {
        store: Arc::new(FakeIdempotencyStore::default()),
        clock: Arc::new(VirtualClock::default()),
        ids: Arc::new(SequentialIds::default()),
        settings: IdempotencySettings::default(),
    };
    let function = Engine::new("text-once", TextOnce { guard, provider: provider.clone() });
    let body = r#"{"orderNo":"T1","phone":"+8613800138000"}"#;

    // The provider is busy: the key is given back and the message is retried.
    provider.fail_next(1, ProviderError::TryLater { because: "busy".to_owned(), after: None });
    let first = transport::deliver(&function, &[body]).await;
    assert!(matches!(first[0], Some(Outcome::Retry { .. })), "{first:?}");

    // The retry sends it; a repeat of the message finds it done.
    assert_eq!(transport::deliver(&function, &[body]).await, [Some(Outcome::Done)]);
    assert_eq!(transport::deliver(&function, &[body]).await, [Some(Outcome::Duplicate)]);
    assert_eq!(provider.delivered().len(), 1);
    println!("sent once");
}
