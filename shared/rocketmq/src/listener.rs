//! Hands the messages of a consumer to its function.

use std::sync::{Arc, Mutex, PoisonError};

use boxoffice_runtime::{BatchLimits, Delivery, Function, Settle, Settled, Shutdown};
use rocketmq_client_rust::{
    ClientResult, ConsumeConcurrentlyContext, ConsumeConcurrentlyStatus, MessageListenerConcurrently,
};
use rocketmq_model::common::message::message_ext::MessageExt;
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::message::deliveries;
use crate::names::DEAD_LETTERS;
use crate::settling::{Batch, Settling};

/// The listener: hands batches to the function, on a thread of their own, and lets each message be settled by itself.
pub(crate) struct Feeder {
    pub(crate) function: Arc<dyn Function>,
    pub(crate) settling: Settling,
    /// Begins when the process is asked to stop.
    pub(crate) shutdown: Shutdown,
    pub(crate) handle: Handle,
}

impl MessageListenerConcurrently for Feeder {
    fn consume_message(
        &self,
        messages: &[&MessageExt],
        _: &ConsumeConcurrentlyContext,
    ) -> ClientResult<ConsumeConcurrentlyStatus> {
        let handled = self.handle.block_on(async {
            tokio::select! {
                () = self.handle_batch(messages) => true,
                () = self.settling.ended.begun() => false,
            }
        });
        // If it was not handled, the library has stopped listening; the answer only must not acknowledge.
        Ok(if handled {
            ConsumeConcurrentlyStatus::ConsumeSuccess
        } else {
            ConsumeConcurrentlyStatus::ReconsumeLater
        })
    }
}

impl Feeder {
    async fn handle_batch(&self, messages: &[&MessageExt]) {
        let deliveries = deliveries(messages, &self.settling.names);
        if deliveries.iter().any(|delivery| delivery.topic.starts_with(DEAD_LETTERS)) {
            return self.handle_letters(deliveries).await;
        }
        let batch = Batch { settling: &self.settling, messages };
        let limits = BatchLimits { deadline: None, shutdown: Some(self.shutdown.clone()) };
        self.function.process(deliveries, limits, &batch).await;
    }

    /// A dead letter that is sent back loses the name of its group. So what fails is retried here until it is stored or
    /// this consumer ends. For the same reason a stop hands none of them back: they are few, and keeping
    /// them is quick.
    async fn handle_letters(&self, mut letters: Vec<Delivery>) {
        for attempt in 1.. {
            let answers = Failed::default();
            self.function.process(letters.clone(), BatchLimits::default(), &answers).await;
            let failed = answers.0.into_inner().unwrap_or_else(PoisonError::into_inner);
            if failed.is_empty() {
                return;
            }
            letters = failed.into_iter().filter_map(|index| letters.get(index).cloned()).collect();
            for letter in &mut letters {
                letter.attempt = letter.attempt.saturating_add(1);
            }
            tokio::select! {
                () = sleep(self.settling.policy.delay(attempt, 1.0)) => {}
                () = self.settling.ended.begun() => return,
            }
        }
    }
}

/// Records which messages of a batch were not done.
#[derive(Default)]
struct Failed(Mutex<Vec<usize>>);

#[async_trait::async_trait]
impl Settle for Failed {
    async fn settle(&self, settled: Vec<Settled>) {
        use boxoffice_runtime::Outcome::{Done, Duplicate};
        let failed = settled.into_iter().filter(|settled| !matches!(settled.outcome, Some(Done | Duplicate)));
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(failed.map(|settled| settled.index));
    }
}
