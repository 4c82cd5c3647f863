use rust_decimal::Decimal;

use crate::error::DecodeError;
use crate::event_time::EventTime;
use crate::ext_data::ExtData;
use crate::kinds::OrderEventType;
use crate::payload::{MissingField, Payload, required_fields};
use crate::reading::split;
use crate::writing::ObjectWriter;

/// Something happened to an order (ORDER_TOPIC).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct OrderEventMessage {
    /// Order number: the identity of the order.
    pub order_no: Option<String>,
    /// Buyer.
    pub user_id: Option<i64>,
    /// Show.
    pub show_id: Option<i64>,
    /// Session of the show.
    pub session_id: Option<i64>,
    /// Ticket tier of the session.
    pub ticket_id: Option<i64>,
    /// How many tickets.
    pub quantity: Option<i32>,
    /// Price of the whole order in yuan, with its scale; unknown until it is priced.
    pub total_amount: Option<Decimal>,
    /// A code of [`status`](crate::status).
    pub status: Option<i32>,
    /// When it happened.
    pub event_time: Option<EventTime>,
    /// What happened.
    pub event_type: Option<OrderEventType>,
    /// Anything else.
    pub ext_data: Option<ExtData>,
}

const FIELDS: &[&str; 11] = &[
    "orderNo",
    "userId",
    "showId",
    "sessionId",
    "ticketId",
    "quantity",
    "totalAmount",
    "status",
    "eventTime",
    "eventType",
    "extData",
];

impl Payload for OrderEventMessage {
    const NAME: &'static str = "OrderEventMessage";

    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let [
            order_no,
            user_id,
            show_id,
            session_id,
            ticket_id,
            quantity,
            total_amount,
            status,
            event_time,
            event_type,
            ext_data,
        ] = split(Self::NAME, FIELDS, body)?;
        Ok(Self {
            order_no: order_no.read()?,
            user_id: user_id.read()?,
            show_id: show_id.read()?,
            session_id: session_id.read()?,
            ticket_id: ticket_id.read()?,
            quantity: quantity.read()?,
            total_amount: total_amount.read()?,
            status: status.read()?,
            event_time: event_time.read()?,
            event_type: event_type.read()?,
            ext_data: ext_data.read()?,
        })
    }

    fn encode(&self) -> Vec<u8> {
        ObjectWriter::new()
            .field("orderNo", self.order_no.as_ref())
            .field("userId", self.user_id.as_ref())
            .field("showId", self.show_id.as_ref())
            .field("sessionId", self.session_id.as_ref())
            .field("ticketId", self.ticket_id.as_ref())
            .field("quantity", self.quantity.as_ref())
            .field("totalAmount", self.total_amount.as_ref())
            .field("status", self.status.as_ref())
            .field("eventTime", self.event_time.as_ref())
            .field("eventType", self.event_type.as_ref())
            .field("extData", self.ext_data.as_ref())
            .finish()
    }
}

required_fields! {
    OrderEventMessage;
    values {
        user_id: i64 = "userId", require_user_id;
        show_id: i64 = "showId", require_show_id;
        session_id: i64 = "sessionId", require_session_id;
        ticket_id: i64 = "ticketId", require_ticket_id;
        quantity: i32 = "quantity", require_quantity;
        total_amount: Decimal = "totalAmount", require_total_amount;
        status: i32 = "status", require_status;
        event_time: EventTime = "eventTime", require_event_time;
        event_type: OrderEventType = "eventType", require_event_type;
    }
    texts {
        order_no = "orderNo", require_order_no;
    }
}
