//! Changes of the ledger, and what follows when one is refused.

use boxoffice_domain::ports::{Alert, Outbox, Outgoing, Stepped, StoreError};
use boxoffice_domain::{
    LedgerChange, LedgerOperation, LedgerOutcome, OrderNo, OrderState, OrderStep, StepOutcome, TicketId,
};
use boxoffice_messages::{ExtData, OrderEventMessage, OrderEventType};
use boxoffice_runtime::wire::{MessageWriter, ext_key};
use boxoffice_runtime::{Context, Outcome, deliver_unsent};
use futures_util::future::join_all;

use crate::StockManagement;

const NO_SEATS: &str = "余票不足 / sold out: the seats could not be kept";

impl StockManagement {
    /// Applies the changes of one ticket with one write.
    pub(crate) async fn change(
        &self,
        ticket_id: TicketId,
        changes: &[(usize, LedgerChange, &Context)],
    ) -> Vec<(usize, Outcome)> {
        if changes.is_empty() {
            return Vec::new();
        }
        let batch: Vec<_> = changes.iter().map(|(_, change, _)| change.clone()).collect();
        let answers = self.apply(ticket_id, &batch).await;
        let followed = changes.iter().zip(answers).map(async |((index, change, context), answer)| {
            let outcome = match answer {
                Ok(answer) => self.follow(ticket_id, change, answer, context).await.into(),
                Err(error) => error.into(),
            };
            (*index, outcome)
        });
        join_all(followed).await
    }

    /// One answer for each change. A batch that the ledger cannot take as a whole is applied change by change, so
    /// that only the bad one fails.
    async fn apply(
        &self,
        ticket_id: TicketId,
        batch: &[LedgerChange],
    ) -> Vec<Result<LedgerOutcome, StoreError>> {
        match self.ledger.apply(ticket_id, batch).await {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(StoreError::Invalid(_)) if batch.len() > 1 => {
                let mut answers = Vec::with_capacity(batch.len());
                for change in batch {
                    let alone = self.ledger.apply(ticket_id, std::slice::from_ref(change)).await;
                    let missing = || StoreError::Unavailable("the ledger gave no answer".to_owned());
                    answers.push(alone.and_then(|outcomes| outcomes.first().copied().ok_or_else(missing)));
                }
                answers
            }
            Err(error) => vec![Err(error); batch.len()],
        }
    }

    /// What follows from the ledger's answer.
    async fn follow(
        &self,
        ticket_id: TicketId,
        change: &LedgerChange,
        answer: LedgerOutcome,
        context: &Context,
    ) -> Result<Outcome, Outcome> {
        use LedgerOperation::{Confirm, Deduct, Rollback};
        use LedgerOutcome::{
            AlreadyApplied, Applied, Insufficient, QuantityDiffers, RolledBackBefore, SoldBefore, Tombstoned,
            UnknownTicket,
        };
        let order_no = &change.order_no;
        match (change.operation, answer) {
            (Rollback, Applied | AlreadyApplied | Tombstoned) => {
                self.cache.release(ticket_id, order_no).await?;
                Ok(if answer == AlreadyApplied { Outcome::Duplicate } else { Outcome::Done })
            }
            (_, Applied | Tombstoned) => Ok(Outcome::Done),
            (_, AlreadyApplied) => Ok(Outcome::Duplicate),
            (Deduct, Insufficient { .. }) => self.refuse_deduction(ticket_id, change, context).await,
            (Confirm, Insufficient { available }) => {
                let because =
                    format!("it was paid, but only {available} seat(s) were left of ticket {ticket_id}");
                self.refuse_confirmation(ticket_id, order_no, because, context).await
            }
            (_, RolledBackBefore) => {
                let because = "it was paid after its seats had been given back".to_owned();
                self.refuse_confirmation(ticket_id, order_no, because, context).await
            }
            (_, SoldBefore) => {
                Err(Outcome::poison("the seats of this order are sold: they cannot be given back"))
            }
            (_, QuantityDiffers { recorded }) => Err(Outcome::poison(format!(
                "quantity is {}, but the ledger has {recorded} for this order",
                change.quantity
            ))),
            (_, UnknownTicket(_)) => {
                Err(Outcome::retry(format!("no stock was ever loaded for ticket {ticket_id}")))
            }
            (Rollback, Insufficient { .. }) => Err(Outcome::poison("the ledger refused to give seats back")),
        }
    }

    /// The fast stock promised seats that the ledger does not have: the order is cancelled, or owed a refund if it
    /// is paid already.
    async fn refuse_deduction(
        &self,
        ticket_id: TicketId,
        change: &LedgerChange,
        context: &Context,
    ) -> Result<Outcome, Outcome> {
        let now = self.clock.now();
        let writer = MessageWriter::new(now, &self.rules).in_trace_of(context);
        let order_no = &change.order_no;
        let Some(order) = self.orders.get(order_no).await? else {
            self.bus.send(unknown_order_cancelled(ticket_id, change, &writer)).await?;
            self.cache.release(ticket_id, order_no).await?;
            return Ok(Outcome::Done);
        };
        let outbox = Outbox::remembered(vec![writer.order_cancelled(&order, NO_SEATS, true)]);
        let step = OrderStep::Cancel { remark: NO_SEATS.to_owned(), at: now };
        let outcome = match self.orders.step(order_no, step, outbox).await? {
            Stepped::Taken { outcome, unsent } => {
                deliver_unsent(&*self.bus, &*self.orders, unsent).await?;
                if outcome == StepOutcome::Moved { Outcome::Done } else { Outcome::Duplicate }
            }
            Stepped::Refused { .. } => {
                let because = format!("it was paid, but ticket {ticket_id} was sold out");
                self.owe_refund(order_no, because, context).await?
            }
            Stepped::Unknown => return Err(Outcome::retry("the order disappeared while it was handled")),
        };
        self.cache.release(ticket_id, order_no).await?;
        Ok(outcome)
    }

    /// Money was taken for seats that are not there: the refund is recorded, whatever state the order is in.
    async fn refuse_confirmation(
        &self,
        ticket_id: TicketId,
        order_no: &OrderNo,
        because: String,
        context: &Context,
    ) -> Result<Outcome, Outcome> {
        let step = OrderStep::Pay { pay_type: None, at: self.clock.now() };
        let outcome = match self.orders.step(order_no, step, Outbox::none()).await? {
            Stepped::Taken { outcome: StepOutcome::RefundRecorded { newly }, .. } => {
                self.alert_refund(order_no, because, newly, context).await
            }
            Stepped::Taken { .. } => self.owe_refund(order_no, because, context).await?,
            Stepped::Refused { state } => {
                return Err(Outcome::retry(format!("the order is still {state}: it cannot be paid yet")));
            }
            Stepped::Unknown => {
                // The dead letter keeps the debt where an operator finds it.
                return Err(Outcome::poison(format!(
                    "refund due: {because}, and this store does not keep the order"
                )));
            }
        };
        self.cache.release(ticket_id, order_no).await?;
        Ok(outcome)
    }

    async fn owe_refund(
        &self,
        order_no: &OrderNo,
        because: String,
        context: &Context,
    ) -> Result<Outcome, Outcome> {
        let newly = self.orders.record_refund(order_no, &because, self.clock.now()).await?;
        Ok(self.alert_refund(order_no, because, newly, context).await)
    }

    /// A redelivery raises the alert again, because the first try may have died before it.
    async fn alert_refund(
        &self,
        order_no: &OrderNo,
        because: String,
        newly: bool,
        context: &Context,
    ) -> Outcome {
        if newly || context.attempt() > 1 {
            self.alerts.raise(Alert::RefundDue { order_no: order_no.clone(), because }).await;
        }
        if newly { Outcome::Done } else { Outcome::Duplicate }
    }
}

/// Tells whoever keeps the order; the message says all that is known.
fn unknown_order_cancelled(ticket_id: TicketId, change: &LedgerChange, writer: &MessageWriter) -> Outgoing {
    let mut ext_data = ExtData::new();
    ext_data.insert_str(ext_key::REMARK, NO_SEATS);
    let event = OrderEventMessage {
        ticket_id: Some(ticket_id.0),
        quantity: i32::try_from(change.quantity).ok(),
        status: Some(OrderState::Cancelled.wire_code()),
        ext_data: Some(ext_data),
        ..OrderEventMessage::default()
    };
    writer.bare_order_event(OrderEventType::Cancelled, &change.order_no, event)
}
