use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::ports::{
    Bus, Created, MarkedMessage, OrderStore, Outbox, Outgoing, Ports, SendError, Stepped, StoreError,
};
use boxoffice_domain::{Order, OrderNo, OrderStep, StepOutcome};
use boxoffice_flow::deliver_unsent;
use boxoffice_runtime::telemetry::LogLimit;

use crate::ApiError;

/// How often a step is tried when other writers were first.
const STEP_TRIES: u32 = 3;
/// How long the bus may take to acknowledge a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// In an outage every request has messages that the bus does not take.
static SEND_WARNINGS: LogLimit = LogLimit::new(Duration::from_secs(5));

/// Saves a change of an order together with its message, in one write, and then sends the message.
///
/// A failed send does not fail the request: the message stays marked, and outbox-relay sends it later.
#[derive(Clone)]
pub struct OrderChanges {
    /// Where the orders are.
    pub orders: Arc<dyn OrderStore>,
    /// Takes the messages that the order store does not send itself.
    pub bus: Arc<dyn Bus>,
    /// How long to wait for the bus to acknowledge a message.
    pub send_timeout: Duration,
}

impl OrderChanges {
    /// Changes the orders of these ports, and waits one second for the bus.
    pub fn new(ports: &Ports) -> Self {
        let (orders, bus) = (ports.orders.clone(), ports.bus.clone());
        Self { orders, bus, send_timeout: SEND_TIMEOUT }
    }

    pub(crate) async fn find(&self, order_no: &OrderNo) -> Result<Order, ApiError> {
        self.orders.get(order_no).await?.ok_or_else(|| ApiError::UnknownOrder(order_no.clone()))
    }

    /// Saves a new order. The order that has its number already, if there is one: then nothing was saved or sent.
    pub(crate) async fn create(&self, order: &Order, message: Outgoing) -> Result<Option<Order>, StoreError> {
        match self.orders.create(order, Outbox::remembered(vec![message])).await? {
            Created::New { unsent } => {
                self.send(unsent).await;
                Ok(None)
            }
            Created::Existing(order) => Ok(Some(*order)),
        }
    }

    /// Takes a step; when another writer was first it is tried again, a few times. `None` if the state of the order
    /// does not allow the step.
    pub(crate) async fn step(
        &self,
        order_no: &OrderNo,
        step: &OrderStep,
        message: Outgoing,
    ) -> Result<Option<StepOutcome>, ApiError> {
        let outbox = Outbox::remembered(vec![message]);
        let mut tries = 1;
        let stepped = loop {
            match self.orders.step(order_no, step.clone(), outbox.clone()).await {
                Err(StoreError::Conflict(_)) if tries < STEP_TRIES => tries += 1,
                answer => break answer?,
            }
        };
        match stepped {
            Stepped::Taken { outcome, unsent } => {
                self.send(unsent).await;
                Ok(Some(outcome))
            }
            Stepped::Refused { .. } => Ok(None),
            Stepped::Unknown => Err(ApiError::UnknownOrder(order_no.clone())),
        }
    }

    /// Sends what the store did not send itself.
    async fn send(&self, unsent: Vec<MarkedMessage>) {
        if unsent.is_empty() {
            return;
        }
        let sending = deliver_unsent(self.bus.as_ref(), self.orders.as_ref(), unsent);
        let sent = tokio::time::timeout(self.send_timeout, sending).await;
        let sent = sent.unwrap_or_else(|_| {
            let limit = self.send_timeout;
            Err(SendError::OutcomeUnknown(format!("the bus did not respond within {limit:?}")))
        });
        if let Err(error) = sent
            && SEND_WARNINGS.is_due()
        {
            tracing::warn!(%error, "the bus did not accept a message; outbox-relay will send it later (further warnings are limited)");
        }
    }
}
