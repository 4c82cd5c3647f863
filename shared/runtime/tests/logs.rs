//! What a failed message leaves in the log.
//!
//! One test in a binary of its own: `tracing` remembers for the whole process which lines somebody wants.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use boxoffice_runtime::{
    BatchLimits, Context, Delivery, Engine, Function, Handler, Outcome, Settle, Settled, Subscription,
    TRACEPARENT, Undecoded,
};
use bytes::Bytes;
use serde_json::Value;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Logs a line of its own and then refuses the message.
struct Refusing;

#[async_trait]
impl Handler for Refusing {
    type Message = Undecoded;

    fn subscription(&self) -> Subscription {
        Subscription::new("test-group", "TEST_TOPIC", &[])
    }

    async fn handle(&self, _: Undecoded, _: &Context) -> Outcome {
        tracing::info!("asking the provider");
        Outcome::poison("550 <bob@example.com> unknown")
    }
}

struct Ignored;

#[async_trait]
impl Settle for Ignored {
    async fn settle(&self, _: Vec<Settled>) {}
}

#[tokio::test]
async fn a_failed_message_is_logged_with_where_it_stood_and_without_addresses() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    let delivery = Delivery {
        topic: "TEST_TOPIC".into(),
        tag: Some("TEST".into()),
        key: Some("T1".into()),
        message_id: "m1".into(),
        body: Bytes::new(),
        sys_flag: 0,
        attempt: 3,
        generation: 0,
        sent_at: None,
        available_at: None,
        properties: vec![(TRACEPARENT.to_owned(), "00-a-b-01".to_owned())],
    };
    let _installed = tracing::subscriber::set_default(subscriber);
    Engine::new("refusing", Refusing).process(vec![delivery], BatchLimits::default(), &Ignored).await;

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [of_handler, of_engine] = lines.as_slice() else { panic!("two lines were wanted:\n{text}") };
    assert_eq!(of_handler["fields"]["message"], "asking the provider");
    assert_eq!(of_engine["level"], "ERROR");
    assert_eq!(of_engine["fields"]["because"], "550 <b***@example.com> unknown");
    for (field, value) in [
        ("topic", "TEST_TOPIC"),
        ("tag", "TEST"),
        ("group", "test-group"),
        ("key", "T1"),
        ("message_id", "m1"),
    ] {
        assert_eq!(of_handler["span"][field], value, "{field} in\n{text}");
        assert_eq!(of_engine["fields"][field], value, "{field} in\n{text}");
    }
    assert_eq!((&of_handler["span"]["attempt"], &of_engine["fields"]["attempt"]), (&3.into(), &3.into()));
    assert_eq!(of_handler["span"]["traceparent"], "00-a-b-01");
}
