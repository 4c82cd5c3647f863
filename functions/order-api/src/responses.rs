use boxoffice_domain::{Counters, Order, OrderNo, OrderState, TicketId};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The answer to an accepted order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderAccepted {
    /// The number of the order.
    #[schema(value_type = String, example = "T20261122101530123000001")]
    pub order_no: OrderNo,
    /// The wire code of the state: 0 to be paid.
    #[schema(example = 0)]
    pub status: i32,
    /// The state: always `Created`.
    #[schema(value_type = String, example = "Created")]
    pub state: OrderState,
    /// The local time at which the order is cancelled if it is still unpaid.
    #[schema(value_type = String, example = "2026-11-22T10:30:30.123")]
    pub expire_time: DateTime,
}

/// The answer to a payment or a cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderChanged {
    /// The order.
    #[schema(value_type = String, example = "T20261122101530123000001")]
    pub order_no: OrderNo,
    /// The wire code of the state: 1 paid, 2 cancelled.
    #[schema(example = 1)]
    pub status: i32,
    /// The state: `Paid` or `Cancelled`.
    #[schema(value_type = String, example = "Paid")]
    pub state: OrderState,
}

impl OrderChanged {
    pub(crate) fn new(order_no: OrderNo, state: OrderState) -> Self {
        Self { order_no, status: state.wire_code(), state }
    }
}

/// Money owed to the buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// When the payment was noticed, local time.
    #[schema(value_type = String, example = "2026-11-22T10:45:00")]
    pub since: DateTime,
    /// Why the order cannot be honoured.
    pub because: String,
    /// When it was settled, local time; null while money is owed.
    #[schema(value_type = Option<String>)]
    pub settled_at: Option<DateTime>,
}

/// One order: the fields of its event message, and where it stands. Times are local times without a zone.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// The order.
    #[schema(value_type = String, example = "T20261122101530123000001")]
    pub order_no: OrderNo,
    /// The buyer.
    #[schema(example = 42)]
    pub user_id: i64,
    /// The show.
    #[schema(example = 1)]
    pub show_id: i64,
    /// The performance.
    #[schema(example = 11)]
    pub session_id: i64,
    /// The ticket tier.
    #[schema(example = 111)]
    pub ticket_id: i64,
    /// Number of tickets.
    #[schema(example = 2)]
    pub quantity: u32,
    /// What the buyer owes or paid, with its scale; null until the price is known.
    #[schema(value_type = Option<f64>, example = 760.00)]
    pub total_amount: Option<Box<RawValue>>,
    /// The wire code: 0 to be paid, 1 paid, 2 cancelled.
    #[schema(example = 0)]
    pub status: i32,
    /// When the latest event happened; null for a cancelled order, whose cancellation time is not stored.
    #[schema(value_type = Option<String>, example = "2026-11-22T10:15:30.123")]
    pub event_time: Option<DateTime>,
    /// The latest event: CREATED, PAID or CANCELLED.
    #[schema(value_type = String, example = "CREATED")]
    pub event_type: &'static str,
    /// Always empty: the buyer's addresses are not shown.
    #[schema(value_type = Object)]
    pub ext_data: NoExtData,
    /// Created, AwaitingPayment, Paid or Cancelled.
    #[schema(value_type = String, example = "AwaitingPayment")]
    pub state: OrderState,
    /// 1 Alipay, 2 WeChat Pay, 3 bank card; null when not paid or not known.
    #[schema(example = 1)]
    pub pay_type: Option<i64>,
    /// Why it was cancelled.
    pub remark: Option<String>,
    /// When it was accepted.
    #[schema(value_type = String, example = "2026-11-22T10:15:30.123")]
    pub create_time: DateTime,
    /// When it was paid.
    #[schema(value_type = Option<String>)]
    pub pay_time: Option<DateTime>,
    /// When it is cancelled if it is still unpaid.
    #[schema(value_type = String, example = "2026-11-22T10:30:30.123")]
    pub expire_time: DateTime,
    /// Money owed to the buyer; null when none was ever owed.
    pub refund_due: Option<Refund>,
}

/// An empty JSON object.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct NoExtData {}

impl OrderView {
    /// Shows an order with its times in `zone`.
    pub(crate) fn new(order: Order, zone: &TimeZone) -> Self {
        let local = |timestamp| zone.to_datetime(timestamp);
        let amount = order.total_amount.map(boxoffice_messages::write_decimal);
        let (event_type, event_at) = match order.state {
            OrderState::Created | OrderState::AwaitingPayment => ("CREATED", Some(order.created_at)),
            OrderState::Paid => ("PAID", order.paid_at),
            OrderState::Cancelled => ("CANCELLED", None),
        };
        Self {
            user_id: order.user_id.0,
            show_id: order.show_id.0,
            session_id: order.session_id.0,
            ticket_id: order.ticket_id.0,
            quantity: order.quantity,
            // A decimal is written as a plain JSON number, so the check cannot fail.
            total_amount: amount.and_then(|text| RawValue::from_string(text).ok()),
            status: order.state.wire_code(),
            event_time: event_at.map(local),
            event_type,
            ext_data: NoExtData {},
            state: order.state,
            pay_type: order.pay_type.map(boxoffice_domain::PayType::code),
            create_time: local(order.created_at),
            pay_time: order.paid_at.map(local),
            expire_time: local(order.expires_at),
            refund_due: order.refund_due.map(|refund| Refund {
                since: local(refund.since),
                because: refund.because,
                settled_at: refund.settled_at.map(local),
            }),
            remark: order.remark,
            order_no: order.order_no,
        }
    }
}

/// One page of a buyer's orders, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderPage {
    /// The orders.
    pub orders: Vec<OrderView>,
    /// Pass it as `cursor` to get the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// The durable stock of one ticket tier, in seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockView {
    /// The ticket tier.
    #[schema(example = 111)]
    pub ticket_id: i64,
    /// Seats in the tier.
    #[schema(example = 1000)]
    pub total: u32,
    /// Seats that nobody holds.
    #[schema(example = 990)]
    pub available: u32,
    /// Seats reserved by orders that are not paid yet.
    #[schema(example = 6)]
    pub locked: u32,
    /// Seats paid for.
    #[schema(example = 4)]
    pub sold: u32,
}

impl StockView {
    pub(crate) fn new(ticket_id: TicketId, counters: Counters) -> Self {
        Self {
            ticket_id: ticket_id.0,
            total: counters.total,
            available: counters.available(),
            locked: counters.locked,
            sold: counters.sold,
        }
    }
}
