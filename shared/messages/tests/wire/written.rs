//! What we write, byte for byte: the files of tests/written.

use std::fs;
use std::path::Path;

use boxoffice_messages::jiff::Timestamp;
use boxoffice_messages::{
    Channel, Decimal, EventTime, ExtData, NotificationMessage, OrderEventMessage, OrderEventType, Payload,
    RawValue, StockEventMessage, StockOperation, default_zone, status,
};

/// Compares with the file, which ends in a line break that the wire does not have, and reads it back.
fn assert_written<P: Payload + PartialEq + std::fmt::Debug>(file: &str, message: &P) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/written").join(file);
    let expected = fs::read_to_string(path).unwrap();
    let written = message.encode();
    assert_eq!(String::from_utf8(written.clone()).unwrap() + "\n", expected, "{file}");
    assert_eq!(P::decode(&written).unwrap(), *message, "{file}");
}

fn at(text: &str) -> EventTime {
    EventTime::from_timestamp(text.parse::<Timestamp>().unwrap(), &default_zone())
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn event(event_type: OrderEventType, status: i32) -> OrderEventMessage {
    OrderEventMessage {
        order_no: Some("T202611221015300001".to_owned()),
        user_id: Some(10086),
        show_id: Some(3001),
        session_id: Some(30011),
        ticket_id: Some(300_111),
        quantity: Some(2),
        total_amount: None,
        status: Some(status),
        event_time: Some(at("2026-11-22T10:15:30+08:00")),
        event_type: Some(event_type),
        ext_data: None,
    }
}

#[test]
fn an_order_event_is_written_in_one_form() {
    let created = event(OrderEventType::Created, status::TO_BE_PAID);
    assert_written("order_created.json", &created);
    assert_written("order_empty.json", &OrderEventMessage::default());

    let mut paid = event(OrderEventType::Paid, status::PAID);
    paid.total_amount = Some(amount("380.00"));
    paid.event_time = Some(at("2026-11-22T10:15:00+08:00"));
    paid.ext_data = Some(ExtData::new());
    assert_written("order_paid.json", &paid);

    let mut cancelled = event(OrderEventType::Cancelled, status::CANCELLED);
    cancelled.total_amount = Some(amount("0.0000001"));
    cancelled.event_time = Some(at("2026-11-22T10:15:30.120+08:00"));
    let mut data = ExtData::new();
    data.insert_str("remark", "库存不足 \"sold out\" \\ /\n\r\t\u{8}\u{1f}🎫\u{7f}\u{2028}");
    data.insert_bool("reserved", false);
    data.insert_i64("attempt", i64::MAX);
    data.insert_raw("price", RawValue::from_string("{\"list\": [0.10, 1E+3]}".to_owned()).unwrap());
    data.insert_i64("key with \"quote\" 键", -1);
    cancelled.ext_data = Some(data);
    assert_written("order_cancelled.json", &cancelled);

    let mut timeout = event(OrderEventType::Timeout, status::TO_BE_PAID);
    timeout.total_amount = Some(amount("760"));
    timeout.event_time = Some(at("2026-11-22T00:00:00.000000001+08:00"));
    assert_written("order_timeout.json", &timeout);
}

#[test]
fn a_stock_event_is_written_in_one_form() {
    let deduct = StockEventMessage {
        ticket_id: Some(300_111),
        quantity: Some(2),
        operation: Some(StockOperation::Deduct),
        order_no: Some("T202611221015300001".to_owned()),
        event_time: Some(at("2026-11-22T10:15:30.5+08:00")),
        ext_data: None,
    };
    assert_written("stock_deduct.json", &deduct);
    let sync = StockEventMessage {
        operation: Some(StockOperation::Sync),
        ticket_id: Some(300_111),
        ..StockEventMessage::default()
    };
    assert_written("stock_sync.json", &sync);
}

#[test]
fn a_notification_is_written_in_one_form() {
    let message = NotificationMessage {
        order_no: Some("T202611221015300001".to_owned()),
        user_id: Some(10086),
        channel: Some(Channel::Sms),
        phone: Some("+8613800138000".to_owned()),
        email: None,
        device_token: None,
        template: Some("ORDER_PAID".to_owned()),
        title: Some("购票成功🎉".to_owned()),
        content: Some("您的订单已支付，共 ¥760.00。".to_owned()),
        event_time: Some(at("2026-11-22T10:15:30.123456789+08:00")),
        ext_data: None,
    };
    assert_written("notification_sms.json", &message);
}

#[test]
fn an_instant_is_written_as_the_local_time_of_shanghai() {
    let message = StockEventMessage {
        event_time: Some(EventTime::Instant("2026-11-22T02:15:30Z".parse().unwrap())),
        ..StockEventMessage::default()
    };
    let text = String::from_utf8(message.encode()).unwrap();
    assert!(text.contains("\"eventTime\":\"2026-11-22T10:15:30\""), "{text}");
}
