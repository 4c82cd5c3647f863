use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boxoffice_domain::Order;
use boxoffice_domain::ports::{BusUnavailable, DeadLetter, DeadLetterFilter, GroupAccount, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Verification;

/// A command of an operator.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Command {
    /// Checks that the server responds.
    Ping,
    /// Put one message on the bus.
    Send {
        /// The topic.
        topic: String,
        /// The tag; none sends it untagged.
        tag: Option<String>,
        /// KEYS.
        key: Option<String>,
        /// The body as it is to be on the wire.
        body_base64: String,
        /// RocketMQ's system flag of the body.
        sys_flag: i32,
        /// User properties.
        properties: Vec<(String, String)>,
    },
    /// List dead letters.
    DlqList {
        /// Which.
        filter: LetterFilter,
        /// The most to list.
        limit: u32,
        /// Where the page before ended.
        cursor: Option<String>,
    },
    /// Show one dead letter with its body.
    DlqShow {
        /// The letter.
        id: String,
    },
    /// Deliver dead letters once more, each to the group that could not handle it.
    DlqRedrive {
        /// Which.
        filter: LetterFilter,
        /// The most letters in this call.
        limit: u32,
        /// Where the call before ended.
        cursor: Option<String>,
        /// Only letters stored before this instant, so that one that fails again is not taken twice.
        before: Timestamp,
        /// Only report what would be done.
        dry_run: bool,
    },
    /// Delete dead letters.
    DlqDiscard {
        /// Which.
        filter: LetterFilter,
        /// Only letters stored before this instant.
        before: Timestamp,
    },
    /// Set the number of seats of a ticket.
    StockLoad {
        /// The ticket.
        ticket_id: i64,
        /// Its seats.
        total: u32,
    },
    /// Show the stock of one ticket or of all.
    StockShow {
        /// The ticket; none means every tier of the catalogue.
        ticket_id: Option<i64>,
    },
    /// Have the stock cache compared with the ledger and repaired.
    StockSync {
        /// The ticket; none means every tier of the catalogue.
        ticket_id: Option<i64>,
    },
    /// Show one order.
    OrderShow {
        /// The order.
        order_no: String,
    },
    /// List orders for which money is owed.
    RefundList {
        /// The most to list.
        limit: u32,
    },
    /// Mark a refund as settled.
    RefundSettle {
        /// The order.
        order_no: String,
    },
    /// What waits on the bus, per consumer group.
    Status,
    /// Check the invariants I1 to I8 from the stores.
    Verify,
}

/// A [`DeadLetterFilter`] as it travels, or the id of one letter.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LetterFilter {
    /// Only this letter.
    pub id: Option<String>,
    /// Only of this consumer group.
    pub group: Option<String>,
    /// Only of this topic.
    pub topic: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only with this key.
    pub key: Option<String>,
}

/// All but the id, by which a letter is read and not listed.
impl From<&LetterFilter> for DeadLetterFilter {
    fn from(filter: &LetterFilter) -> Self {
        let LetterFilter { id: _, group, topic, tag, key } = filter.clone();
        Self { group, topic, tag, key }
    }
}

/// An answer to an operator.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", content = "value", rename_all = "kebab-case")]
pub enum Answer {
    /// It was done; a line for a person.
    Done(String),
    /// Dead letters.
    DeadLetters {
        /// The letters of this page.
        letters: Vec<DeadLetterView>,
        /// Where the next page begins; none at the end.
        next: Option<String>,
    },
    /// One dead letter.
    DeadLetter(Box<DeadLetterView>),
    /// What a redrive did.
    Redrive(RedriveView),
    /// Stock, a row per ticket.
    Stock(Vec<StockView>),
    /// What synchronisations were asked for.
    Sync(SyncView),
    /// One order.
    Order(Box<OrderView>),
    /// Open refunds.
    Refunds(Vec<RefundView>),
    /// What waits, a row per group.
    Groups(Vec<GroupView>),
    /// The invariants.
    Verification(Verification),
}

/// Why an operator's command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", content = "detail", rename_all = "kebab-case")]
pub enum OperatorError {
    /// It does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The command cannot work as it was given.
    #[error("{0}")]
    Invalid(String),
    /// Try again later.
    #[error("{0}")]
    Unavailable(String),
}

impl From<StoreError> for OperatorError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Invalid(text) => Self::Invalid(text),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<BusUnavailable> for OperatorError {
    fn from(error: BusUnavailable) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A dead letter for people and programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterView {
    /// Its name.
    pub id: String,
    /// The group that could not handle it.
    pub group: String,
    /// Its topic.
    pub topic: String,
    /// Its tag.
    pub tag: Option<String>,
    /// Its key.
    pub key: Option<String>,
    /// What the bus called it.
    pub message_id: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Which redrive failed; 0 for the first delivery.
    pub generation: u32,
    /// Why.
    pub error: String,
    /// When it became a dead letter.
    pub stored_at: String,
    /// The body as text, when it is text.
    pub body: Option<String>,
    /// The body as it was on the wire.
    pub body_base64: String,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        Self {
            body: std::str::from_utf8(&letter.body).ok().map(str::to_owned),
            body_base64: STANDARD.encode(&letter.body),
            id: letter.id,
            group: letter.group,
            topic: letter.topic,
            tag: letter.tag,
            key: letter.key,
            message_id: letter.message_id,
            attempts: letter.attempts,
            generation: letter.generation,
            error: letter.error,
            stored_at: letter.stored_at.to_string(),
        }
    }
}

/// What a redrive did, or would do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedriveView {
    /// Whether nothing was really done.
    pub dry_run: bool,
    /// Letters sent back to their groups.
    pub redriven: u64,
    /// Their ids.
    pub ids: Vec<String>,
    /// Letters that could not be sent back, and why.
    pub failed: Vec<(String, String)>,
    /// Where the next call goes on; none at the end.
    pub next: Option<String>,
}

/// The stock of one ticket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockView {
    /// The ticket.
    pub ticket_id: i64,
    /// What the catalogue calls it.
    pub title: Option<String>,
    /// Seats.
    pub total: u32,
    /// Seats nobody holds, by the ledger.
    pub available: u32,
    /// Seats reserved.
    pub locked: u32,
    /// Seats sold.
    pub sold: u32,
    /// Seats that buyers may race for, by the stock cache; none when it is not loaded.
    pub cache_available: Option<u32>,
}

/// Which synchronisations were asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncView {
    /// The tickets for which a STOCK_SYNC message was sent.
    pub ticket_ids: Vec<i64>,
}

/// One order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// The order number.
    pub order_no: String,
    /// Its state.
    pub state: String,
    /// The wire code of the state.
    pub status: i32,
    /// The buyer.
    pub user_id: i64,
    /// The show.
    pub show_id: i64,
    /// The performance.
    pub session_id: i64,
    /// The tier.
    pub ticket_id: i64,
    /// Number of tickets.
    pub quantity: u32,
    /// What the buyer owes.
    pub total_amount: Option<String>,
    /// How it was paid.
    pub pay_type: Option<i64>,
    /// Why it was cancelled.
    pub remark: Option<String>,
    /// When it was accepted.
    pub created_at: String,
    /// When it was paid.
    pub paid_at: Option<String>,
    /// When it expires unpaid.
    pub expires_at: String,
    /// Why money is owed.
    pub refund_due: Option<String>,
    /// What the ledger says of its seats.
    pub stock: Option<String>,
}

impl OrderView {
    /// Makes the view of an order and of its ledger record.
    pub fn new(order: Order, stock: Option<String>) -> Self {
        Self {
            order_no: order.order_no.into(),
            state: order.state.to_string(),
            status: order.state.wire_code(),
            user_id: order.user_id.0,
            show_id: order.show_id.0,
            session_id: order.session_id.0,
            ticket_id: order.ticket_id.0,
            quantity: order.quantity,
            total_amount: order.total_amount.map(|amount| amount.to_string()),
            pay_type: order.pay_type.map(boxoffice_domain::PayType::code),
            remark: order.remark,
            created_at: order.created_at.to_string(),
            paid_at: order.paid_at.map(|at| at.to_string()),
            expires_at: order.expires_at.to_string(),
            refund_due: order
                .refund_due
                .filter(|refund| refund.settled_at.is_none())
                .map(|refund| refund.because),
            stock,
        }
    }
}

/// Money owed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundView {
    /// The order.
    pub order_no: String,
    /// The buyer.
    pub user_id: i64,
    /// The amount, if known.
    pub amount: Option<String>,
    /// Since when.
    pub since: String,
    /// Why.
    pub because: String,
}

/// What waits for one consumer group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupView {
    /// The group.
    pub group: String,
    /// Messages that are due and not handled yet.
    pub waiting: u64,
    /// Messages whose time has not come; none where the bus cannot count them.
    pub delayed: Option<u64>,
    /// Messages being handled; none where the bus cannot count them separately; they then count as waiting.
    pub in_flight: Option<u64>,
    /// How long the oldest due message has been waiting, in seconds; none where nothing is due.
    pub oldest_seconds: Option<f64>,
    /// Messages ever sent to the group; none where the bus does not count them. A broker also counts messages that the
    /// group does not take, and retries.
    pub sent: Option<u64>,
    /// Messages handled; none where the bus does not count them.
    pub handled: Option<u64>,
    /// Messages that became dead letters; none where the bus does not count them.
    pub dead_lettered: Option<u64>,
}

impl GroupView {
    /// An account as it is shown at `now`.
    pub(super) fn new(account: GroupAccount, now: Timestamp) -> Self {
        let age = |oldest| now.duration_since(oldest).as_secs_f64().max(0.0);
        Self {
            group: account.group,
            waiting: account.waiting,
            delayed: account.delayed,
            in_flight: account.in_flight,
            oldest_seconds: account.oldest.map(age),
            sent: account.sent,
            handled: account.done,
            dead_lettered: account.dead,
        }
    }
}
