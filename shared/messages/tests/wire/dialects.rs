//! Forms that converters in the field send and that no golden file has, and bodies that are broken.

use boxoffice_messages::{
    Channel, DecodeError, EventTime, NotificationMessage, OrderEventMessage, OrderEventType, Payload,
    StockEventMessage, StockOperation,
};

fn order(body: &str) -> OrderEventMessage {
    OrderEventMessage::decode(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn refusal(body: &[u8]) -> String {
    OrderEventMessage::decode(body).unwrap_err().to_string()
}

fn local(text: &str) -> EventTime {
    EventTime::Local(text.parse().unwrap())
}

#[test]
fn jackson_with_explicit_serializers_sends_numbers_as_strings() {
    let event = order(
        r#"{"orderNo":"T1","userId":"9007199254740993","showId":"3001","sessionId":"30011","ticketId":"300111",
            "quantity":2,"totalAmount":"1E+3","status":0,"eventTime":"2026-11-22 10:15:30","eventType":"CREATED",
            "extData":{"long":"9007199254740993"}}"#,
    );
    assert_eq!(event.require_user_id(), Ok(9_007_199_254_740_993));
    assert_eq!(event.require_total_amount().unwrap().to_string(), "1000");
    assert_eq!(event.event_time, Some(local("2026-11-22T10:15:30")));
    assert_eq!(event.ext_data.unwrap().get_i64("long"), Some(9_007_199_254_740_993));
}

#[test]
fn fastjson_2_sends_a_space_a_false_zone_or_milliseconds() {
    assert_eq!(
        order(r#"{"eventTime":"2026-11-22 10:15:30.500"}"#).event_time,
        Some(local("2026-11-22T10:15:30.5"))
    );
    assert_eq!(
        order(r#"{"eventTime":"2026-11-22T10:15:30.500Z"}"#).event_time,
        Some(local("2026-11-22T10:15:30.5"))
    );
    let Some(EventTime::Instant(instant)) = order(r#"{"eventTime":1795342530123}"#).event_time else {
        panic!("milliseconds are not an instant")
    };
    assert_eq!(instant.as_millisecond(), 1_795_342_530_123);
    assert_eq!(order(r#"{"totalAmount":0.0000001}"#).total_amount.unwrap().to_string(), "0.0000001");
}

#[test]
fn escapes_order_of_fields_and_white_space_make_no_difference() {
    let event = order(
        " \r\n\t{ \"extData\" : null , \"event\\u0054ype\" : \"P\\u0041ID\" , \"quantity\" : \"\\u0032\" , \"orderNo\" : \"\\uD83C\\uDFAB\" } \n",
    );
    assert_eq!(event.event_type, Some(OrderEventType::Paid));
    assert_eq!(event.quantity, Some(2));
    assert_eq!(event.order_no.as_deref(), Some("🎫"));
}

#[test]
fn every_name_of_an_operation_and_a_channel_is_read() {
    for operation in StockOperation::ALL {
        let body = format!(r#"{{"operation":"{operation}"}}"#);
        assert_eq!(StockEventMessage::decode(body.as_bytes()).unwrap().operation, Some(*operation));
    }
    for channel in Channel::ALL {
        let body = format!(r#"{{"channel":"{channel}","phone":13800138000}}"#);
        let message = NotificationMessage::decode(body.as_bytes()).unwrap();
        assert_eq!(message.channel, Some(*channel));
        assert_eq!(message.require_phone(), Ok("13800138000"));
    }
}

#[test]
fn a_blank_text_counts_as_missing_for_whoever_needs_it() {
    for body in [r#"{"orderNo":""}"#, r#"{"orderNo":"  "}"#, r#"{"orderNo":null}"#, "{}"] {
        let missing = order(body).require_order_no().unwrap_err().to_string();
        assert_eq!(missing, "OrderEventMessage has no orderNo", "{body}");
    }
    let missing = NotificationMessage::default().require_device_token().unwrap_err().to_string();
    assert_eq!(missing, "NotificationMessage has no deviceToken");
    let missing = StockEventMessage::default().require_operation().unwrap_err().to_string();
    assert_eq!(missing, "StockEventMessage has no operation");
}

#[test]
fn of_a_field_given_twice_the_last_counts_even_if_the_first_is_wrong() {
    let event = order(r#"{"quantity":"x","quantity":3,"orderNo":"a","orderNo":null}"#);
    assert_eq!(event.quantity, Some(3));
    assert_eq!(event.order_no, None);
}

#[test]
fn a_wrong_value_is_refused_with_its_field_its_position_and_the_reason() {
    for (body, expected) in [
        (r#"{"quantity":2.5}"#, "field quantity at byte 12: not a whole number"),
        (
            r#"{"quantity": 2147483648}"#,
            "field quantity at byte 13: out of range, allowed are -2147483648 to 2147483647",
        ),
        (
            r#"{"userId":9223372036854775808}"#,
            "field userId at byte 10: out of range, allowed are -9223372036854775808 to 9223372036854775807",
        ),
        (
            r#"{"userId":true}"#,
            "field userId at byte 10: expected a number or a string that holds one, found a boolean",
        ),
        (r#"{"ticketId":"A1"}"#, "field ticketId at byte 12: not a number"),
        (r#"{"orderNo":{}}"#, "field orderNo at byte 11: expected a string, found an object"),
        (
            r#"{"orderNo":"\uD83C"}"#,
            "field orderNo at byte 11: the string has an invalid escape (half of a surrogate pair)",
        ),
        (
            r#"{"eventType":"PIAD"}"#,
            "field eventType at byte 13: unknown value \"PIAD\", allowed are CREATED, PAID, CANCELLED, TIMEOUT",
        ),
        (
            r#"{"eventType":1}"#,
            "field eventType at byte 13: expected a string out of CREATED, PAID, CANCELLED, TIMEOUT, found a number",
        ),
        (r#"{"totalAmount":"NaN"}"#, "field totalAmount at byte 15: not a number"),
        (
            r#"{"totalAmount":0.12345678901234567890123456789}"#,
            "field totalAmount at byte 15: has more digits than can be kept exactly (28)",
        ),
        (
            r#"{"eventTime":"22.11.2026"}"#,
            "field eventTime at byte 13: not a date-time: expected the form 2026-11-22T10:15:30",
        ),
        (r#"{"extData":"{}"}"#, "field extData at byte 11: expected an object or null, found a string"),
    ] {
        assert_eq!(refusal(body.as_bytes()), format!("OrderEventMessage: {expected}"), "{body}");
    }
}

#[test]
fn what_is_no_object_is_refused_with_what_it_is() {
    for (body, position, found) in [
        ("", 0, "an empty body"),
        (" \n", 2, "an empty body"),
        (" [1]", 1, "a list"),
        ("null", 0, "null"),
        ("nothing", 0, "text that is not JSON"),
        ("true", 0, "a boolean"),
        ("-1", 0, "a number"),
        ("\u{feff}\"text\"", 3, "a string"),
        ("<order/>", 0, "text that is not JSON"),
    ] {
        let expected = format!("OrderEventMessage: expected a JSON object at byte {position}, found {found}");
        assert_eq!(refusal(body.as_bytes()), expected, "{body:?}");
    }
}

#[test]
fn malformed_json_is_refused_with_the_position_counted_over_lines_and_the_byte_order_mark() {
    for (body, position) in [
        ("{\"orderNo\":\"a\"} x", 16),
        ("\u{feff}{\"orderNo\":\"a\"} x", 19),
        ("{\n\"orderNo\":\n\"a\"}}", 17),
        ("{\"quantity\":01}", 13),
        ("{\"quantity\":NaN}", 12),
        ("{\"quantity\":+1}", 12),
        ("{'quantity':1}", 1),
        ("{\"quantity\":1,}", 14),
        ("{\"unknown\":[1,}}", 14),
    ] {
        match OrderEventMessage::decode(body.as_bytes()) {
            Err(DecodeError::Malformed { offset, reason, .. }) => {
                assert_eq!(offset, position, "{body:?}: {reason}");
                assert!(!reason.is_empty() && !reason.contains("line"), "{reason}");
            }
            other => panic!("{body:?}: {other:?}"),
        }
    }
}

#[test]
fn a_body_cut_short_anywhere_is_refused() {
    let body = r#"{"orderNo":"T1","userId":10086,"totalAmount":1E+3,"eventTime":[2026,11,22,10,15],"extData":{"a":{}}}"#;
    for end in 0..body.len() {
        assert!(OrderEventMessage::decode(&body.as_bytes()[..end]).is_err(), "{end}");
    }
    assert!(OrderEventMessage::decode(body.as_bytes()).is_ok());
}

#[test]
fn invalid_utf_8_is_refused_with_the_position_of_the_bad_byte() {
    assert_eq!(refusal(b"{\"orderNo\":\"\xFF\"}"), "OrderEventMessage: invalid UTF-8 at byte 12");
    assert_eq!(refusal(b"\xEF\xBB\xBF{\"x\":\"\xE4\xB8\"}"), "OrderEventMessage: invalid UTF-8 at byte 9");
}

#[test]
fn a_million_nested_lists_neither_overflow_the_stack_nor_get_lost() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let event = order(&format!(r#"{{"unknown":{deep},"extData":{{"deep":{deep}}},"orderNo":"a"}}"#));
    assert_eq!(event.order_no.as_deref(), Some("a"));
    let data = event.ext_data.unwrap();
    assert!(data.get_raw("deep").is_some_and(|raw| raw.get() == deep));
    assert_eq!(data.get_str("deep"), None);
    assert!(refusal(format!(r#"{{"quantity":{deep}}}"#).as_bytes()).ends_with("found a list"));
    assert!(refusal(format!(r#"{{"eventTime":{deep}}}"#).as_bytes()).contains("not a date-time"));
    assert!(refusal("{\"a\":[".repeat(1_000_000).as_bytes()).contains("malformed JSON"));
}
