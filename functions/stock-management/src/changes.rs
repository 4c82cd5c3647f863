//! Changes of the ledger, and what follows when one is refused.

use boxoffice_domain::ports::{Alert, Outbox, Stepped, StoreError};
use boxoffice_domain::{
    LedgerChange, LedgerOperation, LedgerOutcome, OrderNo, OrderStep, StepOutcome, TicketId,
};
use boxoffice_flow::{MessageWriter, SeatsReserved, deliver_unsent};
use boxoffice_runtime::{Context, Outcome};
use futures_util::future::join_all;

use crate::StockManagement;

const NO_SEATS: &str = "余票不足 / sold out: the seats could not be kept";

/// What happened to the seats of an order that had to release them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seats {
    GivenUp,
    Sold,
}

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
        match (change.operation, answer) {
            (Rollback, Applied | AlreadyApplied | Tombstoned) => {
                self.stock_cache.release(ticket_id, &change.order_no).await?;
                Ok(if answer == AlreadyApplied { Outcome::Duplicate } else { Outcome::Done })
            }
            (_, Applied | Tombstoned) => Ok(Outcome::Done),
            (_, AlreadyApplied) => Ok(Outcome::Duplicate),
            (Deduct, Insufficient { .. }) => self.refuse_deduction(ticket_id, change, context).await,
            (Confirm, Insufficient { available }) => {
                let because =
                    format!("it was paid, but ticket {ticket_id} had only {available} seat(s) left");
                self.refuse_confirmation(ticket_id, change, because, context).await
            }
            (_, RolledBackBefore) => {
                let because = "it was paid after its seats had been given back".to_owned();
                self.refuse_confirmation(ticket_id, change, because, context).await
            }
            (_, SoldBefore) => {
                Err(Outcome::poison("the seats of this order are sold and cannot be released"))
            }
            (_, QuantityDiffers { recorded }) => Err(Outcome::poison(format!(
                "quantity is {}, but the ledger has {recorded} for this order",
                change.quantity
            ))),
            (_, UnknownTicket(_)) => {
                Err(Outcome::retry(format!("no stock was loaded for ticket {ticket_id}")))
            }
            (Rollback, Insufficient { .. }) => {
                Err(Outcome::poison("the ledger rejected the release of seats"))
            }
        }
    }

    /// The stock cache promised seats that the ledger does not have: the order is cancelled, and the rollback that
    /// follows frees its reservation; or it is owed a refund if it is paid already.
    async fn refuse_deduction(
        &self,
        ticket_id: TicketId,
        change: &LedgerChange,
        context: &Context,
    ) -> Result<Outcome, Outcome> {
        let now = self.clock.now();
        let writer = MessageWriter::new(now, &self.rules.zone).in_trace_of(context);
        let order_no = &change.order_no;
        let Some(order) = self.orders.get(order_no).await? else {
            let cancelled = writer.unknown_order_cancelled(order_no, ticket_id, change.quantity, NO_SEATS);
            self.bus.send(cancelled).await?;
            return Ok(Outcome::Done);
        };
        let outbox = Outbox::remembered(vec![writer.order_cancelled(&order, NO_SEATS, SeatsReserved::Maybe)]);
        let step = OrderStep::Cancel { remark: NO_SEATS.to_owned(), at: now };
        match self.orders.step(order_no, step, outbox).await? {
            Stepped::Taken { outcome, unsent } => {
                deliver_unsent(&*self.bus, &*self.orders, unsent).await?;
                Ok(if outcome == StepOutcome::Moved { Outcome::Done } else { Outcome::Duplicate })
            }
            Stepped::Refused { .. } => {
                if self.gives_up_seats(ticket_id, change).await? == Seats::Sold {
                    return Ok(Outcome::Duplicate);
                }
                let because = format!("it was paid, but ticket {ticket_id} was sold out");
                self.owe_refund(ticket_id, order_no, because, context).await
            }
            Stepped::Unknown => Err(Outcome::retry("the order disappeared while it was being handled")),
        }
    }

    /// Closes the order's entry in the ledger, so that a message still on its way gets no seats for money that is
    /// refunded. It may have got them just before.
    async fn gives_up_seats(&self, ticket_id: TicketId, change: &LedgerChange) -> Result<Seats, Outcome> {
        use LedgerOutcome::{AlreadyApplied, Applied, SoldBefore, Tombstoned};
        let rollback = LedgerChange { operation: LedgerOperation::Rollback, ..change.clone() };
        match self.ledger.apply(ticket_id, &[rollback]).await?.first() {
            Some(Applied | AlreadyApplied | Tombstoned) => Ok(Seats::GivenUp),
            Some(SoldBefore) => Ok(Seats::Sold),
            other => {
                Err(Outcome::retry(format!("the seats cannot be released: the ledger answered {other:?}")))
            }
        }
    }

    /// Money was taken for seats that do not exist: the refund is recorded, whatever state the order is in.
    async fn refuse_confirmation(
        &self,
        ticket_id: TicketId,
        change: &LedgerChange,
        because: String,
        context: &Context,
    ) -> Result<Outcome, Outcome> {
        let order_no = &change.order_no;
        let step = OrderStep::Pay { pay_type: None, at: self.clock.now() };
        match self.orders.step(order_no, step, Outbox::none()).await? {
            // Its rollback is on its way, or was handled.
            Stepped::Taken { outcome: StepOutcome::RefundRecorded { newly }, .. } => {
                Ok(self.alert_refund(order_no, because, newly, context).await)
            }
            Stepped::Taken { .. } => match self.gives_up_seats(ticket_id, change).await? {
                Seats::GivenUp => self.owe_refund(ticket_id, order_no, because, context).await,
                Seats::Sold => Ok(Outcome::Duplicate),
            },
            Stepped::Refused { state } => {
                Err(Outcome::retry(format!("the order is still {state}: it cannot be paid yet")))
            }
            // The dead letter keeps the debt where an operator sees it.
            Stepped::Unknown => {
                Err(Outcome::poison(format!("refund due: {because}, and the order is not in this store")))
            }
        }
    }

    /// Records the refund of a paid order whose seats were given up, and frees its reservation.
    async fn owe_refund(
        &self,
        ticket_id: TicketId,
        order_no: &OrderNo,
        because: String,
        context: &Context,
    ) -> Result<Outcome, Outcome> {
        let newly = self.orders.record_refund(order_no, &because, self.clock.now()).await?;
        let outcome = self.alert_refund(order_no, because, newly, context).await;
        self.stock_cache.release(ticket_id, order_no).await?;
        Ok(outcome)
    }

    /// A redelivery raises the alert again, because the first attempt may have died before it.
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
