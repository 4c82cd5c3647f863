use boxoffice_domain::testing::World;

use super::*;

fn writer(world: &World) -> MessageWriter {
    use boxoffice_domain::ports::Clock as _;
    MessageWriter::new(world.clock.now(), &world.rules.zone)
}

fn body(message: &Outgoing) -> &str {
    std::str::from_utf8(&message.body).unwrap()
}

#[test]
fn an_order_event_says_how_the_order_stands_in_local_time() {
    let world = World::new();
    let order = world.order("T1", OrderState::AwaitingPayment);
    let message = writer(&world).order_timeout(&order);
    assert_eq!(message.tag.as_deref(), Some("ORDER_TIMEOUT"));
    assert_eq!(message.key.as_deref(), Some("T1"));
    let expected = r#"{"orderNo":"T1","userId":9527,"showId":3001,"sessionId":30011,"ticketId":300111,"quantity":2,"totalAmount":760.00,"status":0,"eventTime":"2026-11-22T10:15:30","eventType":"TIMEOUT","extData":{}}"#;
    assert_eq!(body(&message), expected);
}

#[test]
fn a_created_order_carries_its_expiry_and_the_addresses_that_were_given() {
    let world = World::new();
    let mut order = world.order("T1", OrderState::Created);
    let bare = writer(&world).order_created(&order);
    assert_eq!((bare.topic.as_ref(), bare.tag.as_deref()), ("ORDER_TOPIC", Some("ORDER_CREATED")));
    let expected = r#"{"orderNo":"T1","userId":9527,"showId":3001,"sessionId":30011,"ticketId":300111,"quantity":2,"totalAmount":null,"status":0,"eventTime":"2026-11-22T10:15:30","eventType":"CREATED","extData":{"expireTime":"2026-11-22T10:30:30"}}"#;
    assert_eq!(body(&bare), expected);

    order.contact = Contact {
        phone: Some("13800000000".to_owned()),
        email: Some("b@example.com".to_owned()),
        device_token: Some("d1".to_owned()),
    };
    let expected = r#""extData":{"expireTime":"2026-11-22T10:30:30","phone":"13800000000","email":"b@example.com","deviceToken":"d1"}}"#;
    let message = writer(&world).order_created(&order);
    assert!(body(&message).ends_with(expected), "{}", body(&message));
}

#[test]
fn a_payment_is_written_before_the_order_is_marked_as_paid() {
    let world = World::new();
    let order = world.order("T1", OrderState::AwaitingPayment);
    let message = writer(&world).order_paid(&order, PayType::WeChatPay);
    assert_eq!((message.topic.as_ref(), message.tag.as_deref()), ("ORDER_TOPIC", Some("ORDER_PAID")));
    let expected = r#"{"orderNo":"T1","userId":9527,"showId":3001,"sessionId":30011,"ticketId":300111,"quantity":2,"totalAmount":760.00,"status":1,"eventTime":"2026-11-22T10:15:30","eventType":"PAID","extData":{"payType":2}}"#;
    assert_eq!(body(&message), expected);
}

#[test]
fn a_cancellation_names_its_reason_and_always_says_whether_seats_may_be_reserved() {
    let world = World::new();
    let order = world.order("T1", OrderState::Created);
    for (seats, said) in [(SeatsReserved::Maybe, "true"), (SeatsReserved::Never, "false")] {
        let message = writer(&world).order_cancelled(&order, "sold out", seats);
        assert_eq!(message.tag.as_deref(), Some("ORDER_CANCELLED"));
        let expected = format!(
            r#""status":2,"eventTime":"2026-11-22T10:15:30","eventType":"CANCELLED","extData":{{"remark":"sold out","stockReserved":{said}}}}}"#
        );
        assert!(body(&message).ends_with(&expected), "{}", body(&message));
    }
    let message = writer(&world).unknown_order_cancelled(&order.order_no, World::TICKET, 2, "sold out");
    let expected = r#"{"orderNo":"T1","userId":null,"showId":null,"sessionId":null,"ticketId":300111,"quantity":2,"totalAmount":null,"status":2,"eventTime":"2026-11-22T10:15:30","eventType":"CANCELLED","extData":{"remark":"sold out","stockReserved":true}}"#;
    assert_eq!(body(&message), expected);
}

#[test]
fn a_stock_sync_is_found_by_its_ticket() {
    let world = World::new();
    let message = writer(&world).stock_sync(World::TICKET);
    assert_eq!((message.tag.as_deref(), message.key.as_deref()), (Some("STOCK_SYNC"), Some("300111")));
    let expected = r#"{"ticketId":300111,"quantity":null,"operation":"SYNC","orderNo":null,"eventTime":"2026-11-22T10:15:30","extData":null}"#;
    assert_eq!(body(&message), expected);
}

#[test]
fn there_is_one_notification_for_each_address_and_none_without() {
    let world = World::new();
    let text =
        BuyerText { template: "ORDER_PAID", title: "Paid".to_owned(), content: "Thank you".to_owned() };
    let order_no = World::order_no("T1");
    let contact =
        Contact { phone: Some("13800000000".to_owned()), device_token: Some("d1".to_owned()), email: None };
    let messages = writer(&world).notifications(&order_no, Some(UserId(9527)), contact, &text);
    let tags: Vec<_> = messages.iter().filter_map(|message| message.tag.as_deref()).collect();
    assert_eq!(tags, ["SMS", "PUSH"]);
    let sms = NotificationMessage::decode(&messages[0].body).unwrap();
    assert_eq!((sms.phone.as_deref(), sms.device_token), (Some("13800000000"), None));
    assert_eq!(sms.channel, Some(Channel::Sms));
    assert!(writer(&world).notifications(&order_no, None, Contact::default(), &text).is_empty());
}

#[test]
fn messages_carry_on_the_trace_of_the_one_being_handled() {
    let world = World::new();
    let mut context = boxoffice_runtime::testing::context();
    let mut delivery = (*context.delivery).clone();
    delivery.properties.push((TRACEPARENT.to_owned(), "00-a-b-01".to_owned()));
    context.delivery = std::sync::Arc::new(delivery);
    let message = writer(&world).in_trace_of(&context).stock_sync(World::TICKET);
    assert_eq!(message.properties, [(TRACEPARENT.to_owned(), "00-a-b-01".to_owned())]);
}
