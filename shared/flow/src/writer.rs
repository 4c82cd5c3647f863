use boxoffice_domain::ports::Outgoing;
use boxoffice_domain::{BusinessRules, Contact, Order, OrderNo, OrderState, TicketId, UserId};
use boxoffice_messages::{
    Channel, EventTime, ExtData, NotificationMessage, OrderEventMessage, OrderEventType, Payload,
    StockEventMessage, StockOperation, topic,
};
use boxoffice_runtime::{Context, TRACEPARENT};
use jiff::Timestamp;

use crate::ext_key;

/// What a buyer is told about an order, on every channel alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyerText {
    /// The template's name; with the order number and the channel it names the notification.
    pub template: &'static str,
    /// Title or subject.
    pub title: String,
    /// Text.
    pub content: String,
}

/// Writes messages that share one `eventTime` and carry on the trace of the message being handled.
#[derive(Debug, Clone)]
pub struct MessageWriter {
    event_time: EventTime,
    trace: Option<String>,
}

impl MessageWriter {
    /// Messages of this instant, written in the zone of the rules.
    pub fn new(now: Timestamp, rules: &BusinessRules) -> Self {
        Self { event_time: EventTime::from_timestamp(now, &rules.zone), trace: None }
    }

    /// The same, in the trace of the delivery that is being handled, if it has one.
    #[must_use]
    pub fn in_trace_of(mut self, context: &Context) -> Self {
        self.trace = context.delivery.property(TRACEPARENT).map(str::to_owned);
        self
    }

    /// An event of an order as it stands.
    pub fn order_event(&self, kind: OrderEventType, order: &Order, ext_data: ExtData) -> Outgoing {
        let event = OrderEventMessage {
            order_no: None,
            user_id: Some(order.user_id.0),
            show_id: Some(order.show_id.0),
            session_id: Some(order.session_id.0),
            ticket_id: Some(order.ticket_id.0),
            quantity: i32::try_from(order.quantity).ok(),
            total_amount: order.total_amount,
            status: Some(order.state.wire_code()),
            event_time: None,
            event_type: None,
            ext_data: Some(ext_data),
        };
        self.bare_order_event(kind, &order.order_no, event)
    }

    /// ORDER_CANCELLED of an order that is, or is about to be, cancelled for the reason given. `stock_reserved` is
    /// false when it is certain that no seat was ever reserved.
    pub fn order_cancelled(&self, order: &Order, remark: &str, stock_reserved: bool) -> Outgoing {
        let mut ext_data = ExtData::new();
        ext_data.insert_str(ext_key::REMARK, remark);
        if !stock_reserved {
            ext_data.insert_bool(ext_key::STOCK_RESERVED, false);
        }
        let order = Order { state: OrderState::Cancelled, ..order.clone() };
        self.order_event(OrderEventType::Cancelled, &order, ext_data)
    }

    /// An event of an order that the store does not know: `event` says what is known of it.
    pub fn bare_order_event(
        &self,
        kind: OrderEventType,
        order_no: &OrderNo,
        event: OrderEventMessage,
    ) -> Outgoing {
        let event = OrderEventMessage {
            order_no: Some(order_no.to_string()),
            event_time: Some(self.event_time),
            event_type: Some(kind),
            ..event
        };
        self.outgoing(topic::ORDER, kind.tag(), order_no.to_string(), &event)
    }

    /// A change of the stock of an order.
    pub fn stock_change(
        &self,
        operation: StockOperation,
        order_no: &OrderNo,
        ticket_id: TicketId,
        quantity: u32,
    ) -> Outgoing {
        let event = StockEventMessage {
            ticket_id: Some(ticket_id.0),
            quantity: i32::try_from(quantity).ok(),
            operation: Some(operation),
            order_no: Some(order_no.to_string()),
            event_time: Some(self.event_time),
            ext_data: None,
        };
        self.outgoing(topic::STOCK, operation.tag(), order_no.to_string(), &event)
    }

    /// Asks for a comparison of the stock cache of a ticket with the ledger.
    pub fn stock_sync(&self, ticket_id: TicketId) -> Outgoing {
        let event = StockEventMessage {
            ticket_id: Some(ticket_id.0),
            operation: Some(StockOperation::Sync),
            event_time: Some(self.event_time),
            ..StockEventMessage::default()
        };
        self.outgoing(topic::STOCK, StockOperation::Sync.tag(), ticket_id.to_string(), &event)
    }

    /// One notification for each address of the buyer.
    pub fn notifications(
        &self,
        order_no: &OrderNo,
        user_id: Option<UserId>,
        contact: Contact,
        text: &BuyerText,
    ) -> Vec<Outgoing> {
        let base = NotificationMessage {
            order_no: Some(order_no.to_string()),
            user_id: user_id.map(|user_id| user_id.0),
            template: Some(text.template.to_owned()),
            title: Some(text.title.clone()),
            content: Some(text.content.clone()),
            event_time: Some(self.event_time),
            ..NotificationMessage::default()
        };
        let each = [
            contact
                .phone
                .map(|phone| (Channel::Sms, NotificationMessage { phone: Some(phone), ..base.clone() })),
            contact
                .email
                .map(|email| (Channel::Email, NotificationMessage { email: Some(email), ..base.clone() })),
            contact.device_token.map(|device_token| {
                (Channel::Push, NotificationMessage { device_token: Some(device_token), ..base.clone() })
            }),
        ];
        let messages = each.into_iter().flatten().map(|(channel, message)| {
            let message = NotificationMessage { channel: Some(channel), ..message };
            self.outgoing(topic::NOTIFICATION, channel.tag(), order_no.to_string(), &message)
        });
        messages.collect()
    }

    fn outgoing(
        &self,
        topic: &'static str,
        tag: &'static str,
        key: String,
        payload: &impl Payload,
    ) -> Outgoing {
        let mut message = Outgoing::new(topic, tag, key, payload.encode());
        message.properties.extend(self.trace.iter().map(|trace| (TRACEPARENT.to_owned(), trace.clone())));
        message
    }
}

#[cfg(test)]
mod tests;
