//! The smallest transport: hands a function one batch and collects its answers. A real one is
//! `boxoffice_embedded::Embedded` or `boxoffice_rocketmq::RocketMq`.

use std::sync::Mutex;

use async_trait::async_trait;
use boxoffice_runtime::{BatchLimits, Delivery, Function, Outcome, Settle, Settled};

/// Collects answers by the position of their message; `None` is a message that was handed back untouched.
struct Answers(Mutex<Vec<Option<Outcome>>>);

#[async_trait]
impl Settle for Answers {
    async fn settle(&self, settled: Vec<Settled>) {
        let mut answers = self.0.lock().expect("no settling panics");
        for Settled { index, outcome } in settled {
            answers[index] = outcome;
        }
    }
}

/// Hands these bodies to a function as one batch; the answers in the order of the bodies.
pub(crate) async fn deliver(function: &dyn Function, bodies: &[&'static str]) -> Vec<Option<Outcome>> {
    let answers = Answers(Mutex::new(vec![None; bodies.len()]));
    let batch = bodies.iter().enumerate().map(|(index, body)| delivery(index, body)).collect();
    function.process(batch, BatchLimits::default(), &answers).await;
    answers.0.into_inner().expect("no settling panics")
}

fn delivery(index: usize, body: &'static str) -> Delivery {
    Delivery {
        topic: "ORDER_TOPIC".into(),
        tag: Some("ORDER_PAID".into()),
        key: None,
        message_id: format!("message-{index}").into(),
        body: body.into(),
        sys_flag: 0,
        attempt: 1,
        generation: 0,
        sent_at: None,
        available_at: None,
        properties: Vec::new(),
    }
}
