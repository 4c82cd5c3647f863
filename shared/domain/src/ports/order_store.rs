use async_trait::async_trait;
use jiff::Timestamp;

use super::{Outgoing, Page, StoreError};
use crate::{Order, OrderNo, OrderState, OrderStep, StepOutcome, UserId};

/// Messages that belong to a write of an order.
///
/// A store whose bus lives in the same file sends them in the same commit. Every other store answers with the
/// messages as unsent, and the caller sends them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outbox {
    /// The messages.
    pub messages: Vec<Outgoing>,
    /// Whether the store must remember those it does not send itself, until [`OrderStore::clear_marks`].
    pub remembered: bool,
}

impl Outbox {
    /// No messages.
    pub const fn none() -> Self {
        Self { messages: Vec::new(), remembered: false }
    }

    /// Messages that nobody would send again if this process died now: the store keeps a mark for each, saved in
    /// the same write, and the relay sends what stays marked.
    pub const fn remembered(messages: Vec<Outgoing>) -> Self {
        Self { messages, remembered: true }
    }

    /// Messages that a redelivery of the message being handled would send again: no marks needed. They are sent
    /// also when the order is already in the target state.
    pub const fn repeatable(messages: Vec<Outgoing>) -> Self {
        Self { messages, remembered: false }
    }
}

/// The name of one mark.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MarkId(pub String);

/// A message still to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedMessage {
    /// The mark to clear after sending; `None` for a repeatable message.
    pub mark: Option<MarkId>,
    /// The message.
    pub message: Outgoing,
}

/// The answer to [`OrderStore::create`].
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// The order is saved.
    New {
        /// What the caller must send.
        unsent: Vec<MarkedMessage>,
    },
    /// An order of this number exists; nothing changed. Marks of its own creation may still be there.
    Existing(Box<Order>),
}

/// The answer to [`OrderStore::step`].
#[derive(Debug, Clone, PartialEq)]
pub enum Stepped {
    /// The step was taken, now or before.
    Taken {
        /// Which of both. For [`StepOutcome::AlreadyThere`] repeatable messages are sent again, remembered ones not.
        outcome: StepOutcome,
        /// What the caller must send.
        unsent: Vec<MarkedMessage>,
    },
    /// No arrow allows it; nothing changed, nothing is sent.
    Refused {
        /// Where the order stands.
        state: OrderState,
    },
    /// The store knows no such order.
    Unknown,
}

/// Keeps orders. Every write is conditional on the state machine of [`Order::take`].
#[async_trait]
pub trait OrderStore: Send + Sync {
    /// Saves a new order together with its outbox, in one write.
    async fn create(&self, order: &Order, outbox: Outbox) -> Result<Created, StoreError>;

    /// Takes one step together with its outbox, in one conditional write. A payment of a cancelled order records
    /// the refund and sends nothing.
    async fn step(&self, order_no: &OrderNo, step: OrderStep, outbox: Outbox) -> Result<Stepped, StoreError>;

    /// Records that money is owed for an order that is Paid but cannot be honoured. False when it was recorded
    /// before; [`StoreError::Invalid`] when there is no such order.
    async fn record_refund(
        &self,
        order_no: &OrderNo,
        because: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Marks a refund as settled. False when no refund is open.
    async fn settle_refund(&self, order_no: &OrderNo, at: Timestamp) -> Result<bool, StoreError>;

    /// Orders with an open refund, oldest first.
    async fn refunds_due(&self, limit: u32, cursor: Option<&str>) -> Result<Page<Order>, StoreError>;

    /// One order.
    async fn get(&self, order_no: &OrderNo) -> Result<Option<Order>, StoreError>;

    /// The orders of a buyer, newest first.
    async fn list_by_user(
        &self,
        user_id: UserId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Order>, StoreError>;

    /// Marks made before `before`, oldest first.
    async fn unsent(
        &self,
        before: Timestamp,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<MarkedMessage>, StoreError>;

    /// Clears marks. A mark that does not exist is not an error.
    async fn clear_marks(&self, marks: &[MarkId]) -> Result<(), StoreError>;

    /// Orders that are Created or AwaitingPayment and expired before `before`, oldest expiry first.
    async fn overdue(
        &self,
        before: Timestamp,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Order>, StoreError>;
}
