//! The messages that an order's steps send.

use boxoffice_domain::ports::Outgoing;
use boxoffice_domain::{BusinessRules, Order, OrderState, PayType};
use boxoffice_messages::{EventTime, ExtData, OrderEventMessage, OrderEventType, Payload, tag, topic};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// ORDER_CREATED. Carries the expiry and the addresses, so that order-process need not read the order.
pub(crate) fn created(order: &Order, rules: &BusinessRules, traceparent: Option<&str>) -> Outgoing {
    let mut extra = ExtData::new();
    extra.insert_str("expireTime", &rules.zone.to_datetime(order.expires_at).to_string());
    let contact = &order.contact;
    let addresses =
        [("phone", &contact.phone), ("email", &contact.email), ("deviceToken", &contact.device_token)];
    for (name, address) in addresses {
        if let Some(address) = address {
            extra.insert_str(name, address);
        }
    }
    let event = event(order, OrderEventType::Created, order.created_at, &rules.zone, extra);
    outgoing(order, tag::ORDER_CREATED, &event, traceparent)
}

/// ORDER_PAID of an order that was read before it was paid.
pub(crate) fn paid(
    order: &Order,
    pay_type: PayType,
    at: Timestamp,
    rules: &BusinessRules,
    traceparent: Option<&str>,
) -> Outgoing {
    let mut extra = ExtData::new();
    extra.insert_i64("payType", pay_type.code());
    let event = OrderEventMessage {
        status: Some(OrderState::Paid.wire_code()),
        ..event(order, OrderEventType::Paid, at, &rules.zone, extra)
    };
    outgoing(order, tag::ORDER_PAID, &event, traceparent)
}

/// ORDER_CANCELLED of an order that was read before it was cancelled.
pub(crate) fn cancelled(
    order: &Order,
    remark: &str,
    at: Timestamp,
    rules: &BusinessRules,
    traceparent: Option<&str>,
) -> Outgoing {
    let mut extra = ExtData::new();
    extra.insert_str("remark", remark);
    // Seats of a Created order may be reserved at this moment: without the key the consumer gives them back.
    if order.state == OrderState::AwaitingPayment {
        extra.insert_bool("stockReserved", true);
    }
    let event = OrderEventMessage {
        status: Some(OrderState::Cancelled.wire_code()),
        ..event(order, OrderEventType::Cancelled, at, &rules.zone, extra)
    };
    outgoing(order, tag::ORDER_CANCELLED, &event, traceparent)
}

fn event(
    order: &Order,
    event_type: OrderEventType,
    at: Timestamp,
    zone: &TimeZone,
    extra: ExtData,
) -> OrderEventMessage {
    OrderEventMessage {
        order_no: Some(order.order_no.as_str().to_owned()),
        user_id: Some(order.user_id.0),
        show_id: Some(order.show_id.0),
        session_id: Some(order.session_id.0),
        ticket_id: Some(order.ticket_id.0),
        quantity: i32::try_from(order.quantity).ok(),
        total_amount: order.total_amount,
        status: Some(order.state.wire_code()),
        event_time: Some(EventTime::from_timestamp(at, zone)),
        event_type: Some(event_type),
        ext_data: Some(extra),
    }
}

fn outgoing(
    order: &Order,
    tag: &'static str,
    event: &OrderEventMessage,
    traceparent: Option<&str>,
) -> Outgoing {
    let mut message = Outgoing::new(topic::ORDER, tag, order.order_no.as_str(), event.encode());
    if let Some(traceparent) = traceparent {
        message.properties.push(("traceparent".to_owned(), traceparent.to_owned()));
    }
    message
}
