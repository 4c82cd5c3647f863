use crate::error::DecodeError;
use crate::event_time::EventTime;
use crate::ext_data::ExtData;
use crate::kinds::StockOperation;
use crate::payload::{MissingField, Payload, required_fields};
use crate::reading::split;
use crate::writing::ObjectWriter;

/// The stock of a ticket tier changes, or is to be compared (STOCK_TOPIC).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StockEventMessage {
    /// Ticket tier.
    pub ticket_id: Option<i64>,
    /// How many tickets; a SYNC has none.
    pub quantity: Option<i32>,
    /// What to do.
    pub operation: Option<StockOperation>,
    /// The order it is done for; a SYNC has none.
    pub order_no: Option<String>,
    /// When it was asked for.
    pub event_time: Option<EventTime>,
    /// Anything else.
    pub ext_data: Option<ExtData>,
}

const FIELDS: &[&str; 6] = &["ticketId", "quantity", "operation", "orderNo", "eventTime", "extData"];

impl Payload for StockEventMessage {
    const NAME: &'static str = "StockEventMessage";

    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let [ticket_id, quantity, operation, order_no, event_time, ext_data] =
            split(Self::NAME, FIELDS, body)?;
        Ok(Self {
            ticket_id: ticket_id.read()?,
            quantity: quantity.read()?,
            operation: operation.read()?,
            order_no: order_no.read()?,
            event_time: event_time.read()?,
            ext_data: ext_data.read()?,
        })
    }

    fn encode(&self) -> Vec<u8> {
        ObjectWriter::new()
            .field("ticketId", self.ticket_id.as_ref())
            .field("quantity", self.quantity.as_ref())
            .field("operation", self.operation.as_ref())
            .field("orderNo", self.order_no.as_ref())
            .field("eventTime", self.event_time.as_ref())
            .field("extData", self.ext_data.as_ref())
            .finish()
    }
}

required_fields! {
    StockEventMessage;
    values {
        ticket_id: i64 = "ticketId", require_ticket_id;
        quantity: i32 = "quantity", require_quantity;
        operation: StockOperation = "operation", require_operation;
        event_time: EventTime = "eventTime", require_event_time;
    }
    texts {
        order_no = "orderNo", require_order_no;
    }
}
