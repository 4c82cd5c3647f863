use boxoffice_domain::ports::Outgoing;
use boxoffice_domain::{Contact, Order, OrderNo, OrderState, PayType, TicketId, UserId};
use boxoffice_messages::{
    Channel, EventTime, ExtData, NotificationMessage, OrderEventMessage, OrderEventType, Payload,
    StockEventMessage, StockOperation, topic,
};
use boxoffice_runtime::{Context, TRACEPARENT};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::{SeatsReserved, ext_key};

/// What a buyer reads about an order, the same on every channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyerText {
    /// The template's name; with the order number and the channel it names the notification.
    pub template: &'static str,
    /// Title or subject.
    pub title: String,
    /// Text.
    pub content: String,
}

/// Writes messages that share one `eventTime` and one trace. Every message that Boxoffice sends is written here.
#[derive(Debug, Clone)]
pub struct MessageWriter {
    event_time: EventTime,
    zone: TimeZone,
    trace: Option<String>,
}

impl MessageWriter {
    /// Messages of this instant, with local times of `zone`.
    pub fn new(now: Timestamp, zone: &TimeZone) -> Self {
        Self { event_time: EventTime::from_timestamp(now, zone), zone: zone.clone(), trace: None }
    }

    /// The same, in this W3C trace, if there is one.
    #[must_use]
    pub fn in_trace(mut self, traceparent: Option<&str>) -> Self {
        self.trace = traceparent.map(str::to_owned);
        self
    }

    /// The same, in the trace of the delivery that is being handled, if it has one.
    #[must_use]
    pub fn in_trace_of(self, context: &Context) -> Self {
        self.in_trace(context.delivery.property(TRACEPARENT))
    }

    /// ORDER_CREATED. Carries the expiry and the addresses, so that order-process need not read the order.
    pub fn order_created(&self, order: &Order) -> Outgoing {
        let mut ext_data = ExtData::new();
        ext_data.insert_str(ext_key::EXPIRE_TIME, &self.zone.to_datetime(order.expires_at).to_string());
        let Contact { phone, email, device_token } = &order.contact;
        for (key, address) in
            [(ext_key::PHONE, phone), (ext_key::EMAIL, email), (ext_key::DEVICE_TOKEN, device_token)]
        {
            if let Some(address) = address {
                ext_data.insert_str(key, address);
            }
        }
        self.order_event(OrderEventType::Created, order, order.state, ext_data)
    }

    /// ORDER_TIMEOUT of an order as it stands.
    pub fn order_timeout(&self, order: &Order) -> Outgoing {
        self.order_event(OrderEventType::Timeout, order, order.state, ExtData::new())
    }

    /// ORDER_PAID of an order that is, or is about to be, paid.
    pub fn order_paid(&self, order: &Order, pay_type: PayType) -> Outgoing {
        let mut ext_data = ExtData::new();
        ext_data.insert_i64(ext_key::PAY_TYPE, pay_type.code());
        self.order_event(OrderEventType::Paid, order, OrderState::Paid, ext_data)
    }

    /// ORDER_CANCELLED of an order that is, or is about to be, cancelled for the reason given.
    pub fn order_cancelled(&self, order: &Order, remark: &str, seats: SeatsReserved) -> Outgoing {
        let ext_data = cancellation(remark, seats);
        self.order_event(OrderEventType::Cancelled, order, OrderState::Cancelled, ext_data)
    }

    /// ORDER_CANCELLED of an order that is not in the store: informs the system that stores it.
    pub fn unknown_order_cancelled(
        &self,
        order_no: &OrderNo,
        ticket_id: TicketId,
        quantity: u32,
        remark: &str,
    ) -> Outgoing {
        let event = OrderEventMessage {
            ticket_id: Some(ticket_id.0),
            quantity: i32::try_from(quantity).ok(),
            status: Some(OrderState::Cancelled.wire_code()),
            ext_data: Some(cancellation(remark, SeatsReserved::Maybe)),
            ..OrderEventMessage::default()
        };
        self.event(OrderEventType::Cancelled, order_no, event)
    }

    fn order_event(
        &self,
        kind: OrderEventType,
        order: &Order,
        state: OrderState,
        ext_data: ExtData,
    ) -> Outgoing {
        let event = OrderEventMessage {
            user_id: Some(order.user_id.0),
            show_id: Some(order.show_id.0),
            session_id: Some(order.session_id.0),
            ticket_id: Some(order.ticket_id.0),
            quantity: i32::try_from(order.quantity).ok(),
            total_amount: order.total_amount,
            status: Some(state.wire_code()),
            ext_data: Some(ext_data),
            ..OrderEventMessage::default()
        };
        self.event(kind, &order.order_no, event)
    }

    fn event(&self, kind: OrderEventType, order_no: &OrderNo, event: OrderEventMessage) -> Outgoing {
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

    /// Requests a comparison of a ticket's stock cache with the ledger.
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

fn cancellation(remark: &str, seats: SeatsReserved) -> ExtData {
    let mut ext_data = ExtData::new();
    ext_data.insert_str(ext_key::REMARK, remark);
    seats.write(&mut ext_data);
    ext_data
}

#[cfg(test)]
mod tests;
