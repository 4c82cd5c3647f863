//! The order and its state machine: `Created -> AwaitingPayment -> Paid`, and
//! `Created | AwaitingPayment -> Cancelled`. There is no other arrow.

use std::fmt;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{OrderNo, SessionId, ShowId, TicketId, UserId};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderState {
    /// Accepted; seats not reserved yet.
    Created,
    /// Seats reserved, price known, waiting for the buyer's money.
    AwaitingPayment,
    /// Paid. Final.
    Paid,
    /// Cancelled by the buyer, by timeout or because seats were sold out. Final.
    Cancelled,
}

impl OrderState {
    /// The name of the state as the API and the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::AwaitingPayment => "AwaitingPayment",
            Self::Paid => "Paid",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The Java system's code: 0 to be paid (Created and AwaitingPayment), 1 paid, 2 cancelled.
    pub const fn wire_code(self) -> i32 {
        match self {
            Self::Created | Self::AwaitingPayment => 0,
            Self::Paid => 1,
            Self::Cancelled => 2,
        }
    }

    /// Whether the state is final: no arrow leaves it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Paid | Self::Cancelled)
    }

    /// Whether an arrow leads from this state to `next`.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Created, Self::AwaitingPayment | Self::Cancelled)
                | (Self::AwaitingPayment, Self::Paid | Self::Cancelled)
        )
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the buyer paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayType {
    /// Wire code 1.
    Alipay,
    /// Wire code 2.
    WeChatPay,
    /// Wire code 3.
    BankCard,
}

/// An unknown pay type code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("payType {0} is unknown: 1 is Alipay, 2 is WeChat Pay, 3 is bank card")]
pub struct UnknownPayType(pub i64);

impl PayType {
    /// The wire code.
    pub const fn code(self) -> i64 {
        match self {
            Self::Alipay => 1,
            Self::WeChatPay => 2,
            Self::BankCard => 3,
        }
    }
}

impl TryFrom<i64> for PayType {
    type Error = UnknownPayType;
    fn try_from(code: i64) -> Result<Self, Self::Error> {
        match code {
            1 => Ok(Self::Alipay),
            2 => Ok(Self::WeChatPay),
            3 => Ok(Self::BankCard),
            other => Err(UnknownPayType(other)),
        }
    }
}

/// Where a buyer is reached. Its `Debug` shows only which addresses exist, so that none lands in a log.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Contact {
    /// Telephone number for text messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Push token of the buyer's device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
}

impl Contact {
    /// Fills each address that is missing here from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            phone: self.phone.or(other.phone),
            email: self.email.or(other.email),
            device_token: self.device_token.or(other.device_token),
        }
    }

    /// True when every address is missing.
    pub fn is_empty(&self) -> bool {
        self.phone.is_none() && self.email.is_none() && self.device_token.is_none()
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact")
            .field("phone", &self.phone.is_some())
            .field("email", &self.email.is_some())
            .field("device_token", &self.device_token.is_some())
            .finish()
    }
}

/// Money that was taken for an order that cannot be honoured, until somebody settles it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundDue {
    /// When the payment was noticed.
    pub since: Timestamp,
    /// Why the order cannot be honoured, for the person who settles it.
    pub because: String,
    /// When an operator settled it; `None` while money is owed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
}

/// One order as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The business key.
    pub order_no: OrderNo,
    /// The buyer.
    pub user_id: UserId,
    /// The show.
    pub show_id: ShowId,
    /// The performance.
    pub session_id: SessionId,
    /// The ticket tier.
    pub ticket_id: TicketId,
    /// Number of tickets, at least 1.
    pub quantity: u32,
    /// What the buyer owes; known once the order awaits payment.
    pub total_amount: Option<Decimal>,
    /// Where the order stands.
    pub state: OrderState,
    /// Where the buyer is reached.
    pub contact: Contact,
    /// How it was paid.
    pub pay_type: Option<PayType>,
    /// Why it was cancelled, in words for the buyer.
    pub remark: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// When an unpaid order is cancelled.
    pub expires_at: Timestamp,
    /// Money owed to the buyer.
    pub refund_due: Option<RefundDue>,
}

/// One arrow of the state machine, with what the new state needs to know.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderStep {
    /// Seats are reserved at this price.
    AwaitPayment {
        /// What the buyer owes.
        total_amount: Decimal,
    },
    /// The buyer paid.
    Pay {
        /// How; `None` when another system took the payment and did not say.
        pay_type: Option<PayType>,
        /// When.
        at: Timestamp,
    },
    /// The order is given up.
    Cancel {
        /// Why, in words for the buyer.
        remark: String,
        /// When.
        at: Timestamp,
    },
}

impl OrderStep {
    /// The state this step leads to.
    pub const fn target(&self) -> OrderState {
        match self {
            Self::AwaitPayment { .. } => OrderState::AwaitingPayment,
            Self::Pay { .. } => OrderState::Paid,
            Self::Cancel { .. } => OrderState::Cancelled,
        }
    }
}

/// What a step did to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// The order moved along an arrow.
    Moved,
    /// The order was already in the target state: the step was taken before.
    AlreadyThere,
    /// The step was a payment of a cancelled order: the order stays cancelled and the refund is recorded.
    RefundRecorded {
        /// False when it had been recorded before.
        newly: bool,
    },
}

/// A step that no arrow allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {from} cannot become {to}")]
pub struct StepRefused {
    /// Where the order stands.
    pub from: OrderState,
    /// Where the step would have led.
    pub to: OrderState,
}

impl Order {
    /// Takes one step, or says why not. The order is unchanged when the step is refused.
    ///
    /// A payment of a cancelled order is never lost: it is recorded as [`RefundDue`].
    pub fn take(&mut self, step: &OrderStep) -> Result<StepOutcome, StepRefused> {
        let (from, to) = (self.state, step.target());
        if from == to {
            return Ok(StepOutcome::AlreadyThere);
        }
        if let (OrderState::Cancelled, OrderStep::Pay { pay_type, at }) = (from, step) {
            let newly = self.refund_due.is_none();
            if newly {
                self.pay_type = *pay_type;
                self.refund_due = Some(RefundDue {
                    since: *at,
                    because: "the payment arrived after the order was cancelled".to_owned(),
                    settled_at: None,
                });
            }
            return Ok(StepOutcome::RefundRecorded { newly });
        }
        if !from.may_become(to) {
            return Err(StepRefused { from, to });
        }
        self.state = to;
        match step {
            OrderStep::AwaitPayment { total_amount } => self.total_amount = Some(*total_amount),
            OrderStep::Pay { pay_type, at } => {
                self.pay_type = *pay_type;
                self.paid_at = Some(*at);
            }
            OrderStep::Cancel { remark, .. } => self.remark = Some(remark.clone()),
        }
        Ok(StepOutcome::Moved)
    }
}
