//! Every file of tests/golden: the bytes that a Java producer put on the wire.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine;
use boxoffice_messages::jiff::Timestamp;
use boxoffice_messages::{
    DEFAULT_MAX_INFLATED_BYTES, EventTime, ExtData, NotificationMessage, OrderEventMessage, Payload,
    RawValue, StockEventMessage, inflate, topic,
};
use serde_json::Value;

const NUMBER_OF_FILES: usize = 131;

/// Cases that are not a valid payload: the end of the case's name, and what the reason must say.
const REFUSED: &[(&str, &str)] = &[
    (
        "_date_2026-11-22T10.15.30.1234567891",
        "OrderEventMessage: field eventTime at byte 125: not a date-time: a fraction of a second has at most 9 digits",
    ),
    ("_ext_list", "OrderEventMessage: field extData at byte 179: expected an object or null, found a list"),
    ("_not-json", "OrderEventMessage: expected a JSON object at byte 0, found text that is not JSON"),
    ("_body-4095", "OrderEventMessage: expected a JSON object at byte 0, found a string"),
    ("_body-4096", "OrderEventMessage: expected a JSON object at byte 0, found a string"),
    ("_body-4097", "OrderEventMessage: expected a JSON object at byte 0, found a string"),
    ("_trailing-garbage", "OrderEventMessage: malformed JSON at byte 20: trailing characters"),
];

struct Golden {
    case: String,
    topic: String,
    sys_flag: i32,
    wire: Vec<u8>,
    text: String,
}

fn golden_files() -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let read = |path| {
        let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let text = |name: &str| file[name].as_str().unwrap().to_owned();
        Golden {
            case: text("case"),
            topic: text("topic"),
            sys_flag: i32::try_from(file["sysFlag"].as_i64().unwrap()).unwrap(),
            wire: base64::engine::general_purpose::STANDARD.decode(text("wireBodyBase64")).unwrap(),
            text: text("bodyText"),
        }
    };
    files.iter().map(read).collect()
}

fn decoded<P: Payload>(file: &Golden) -> Result<P, String> {
    let body = inflate(&file.wire, file.sys_flag, DEFAULT_MAX_INFLATED_BYTES).unwrap();
    P::decode(&body).map_err(|error| error.to_string())
}

/// The fields of a body as another parser sees them; nothing for a field that is missing or null.
struct Expected(BTreeMap<String, Box<RawValue>>);

impl Expected {
    fn of(file: &Golden) -> Self {
        Self(serde_json::from_str(file.text.trim_start_matches('\u{feff}')).unwrap())
    }

    fn raw(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(|raw| raw.get()).filter(|json| *json != "null")
    }

    /// The text of a string, or the digits of a number.
    fn text(&self, field: &str) -> Option<String> {
        let json = self.raw(field)?;
        Some(serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned()))
    }

    fn whole(&self, field: &str) -> Option<i64> {
        let text = self.text(field)?;
        Some(text.strip_suffix(".0").unwrap_or(&text).parse().unwrap())
    }

    fn quantity(&self) -> Option<i32> {
        self.whole("quantity").map(|quantity| i32::try_from(quantity).unwrap())
    }

    fn amount(&self) -> Option<String> {
        let text = self.text("totalAmount")?;
        match text.as_str() {
            "" => None,
            "1E+3" => Some("1000".to_owned()),
            "1E-7" => Some("0.0000001".to_owned()),
            plain => Some(plain.to_owned()),
        }
    }

    fn time(&self) -> Option<EventTime> {
        let local = |text: &str| Some(EventTime::Local(text.parse().unwrap()));
        let instant = |text: &str| Some(EventTime::Instant(text.parse::<Timestamp>().unwrap()));
        match self.raw("eventTime")? {
            "\"\"" => None,
            "\"2026-11-22T10:15:30\""
            | "\"2026-11-22T10:15:30Z\""
            | "\"2026-11-22 10:15:30\""
            | "[2026,11,22,10,15,30]" => local("2026-11-22T10:15:30"),
            "\"2026-11-22T10:15:00\"" | "\"2026-11-22T10:15\"" | "[2026,11,22,10,15]" => {
                local("2026-11-22T10:15:00")
            }
            "\"2026-11-22T00:00:00\"" | "[2026,11,22,0,0]" => local("2026-11-22T00:00:00"),
            "\"2026-11-22T10:15:30.123\"" | "[2026,11,22,10,15,30,123000000]" => {
                local("2026-11-22T10:15:30.123")
            }
            "\"2026-11-22T10:15:30.12\""
            | "\"2026-11-22T10:15:30.120\""
            | "[2026,11,22,10,15,30,120000000]" => local("2026-11-22T10:15:30.12"),
            "\"2026-11-22T10:15:30.5\""
            | "\"2026-11-22T10:15:30.500\""
            | "[2026,11,22,10,15,30,500000000]" => local("2026-11-22T10:15:30.5"),
            "\"2026-11-22T10:15:30.123456789\"" | "[2026,11,22,10,15,30,123456789]" => {
                local("2026-11-22T10:15:30.123456789")
            }
            "\"2026-11-22T10:15:30.000001\""
            | "\"2026-11-22T10:15:30.000001000\""
            | "[2026,11,22,10,15,30,1000]" => local("2026-11-22T10:15:30.000001"),
            "\"2026-11-22T10:15:30+08:00\"" => instant("2026-11-22T02:15:30Z"),
            "1795342530123" => instant("2026-11-22T10:15:30.123Z"),
            unknown => panic!("no expectation for the eventTime {unknown}"),
        }
    }

    fn assert_ext_data(&self, case: &str, data: Option<&ExtData>) {
        let Some(json) = self.raw("extData") else {
            assert_eq!(data, None, "{case}");
            return;
        };
        let data = data.unwrap_or_else(|| panic!("{case}: extData is gone"));
        let expected: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).unwrap();
        assert_eq!(data.len(), expected.len(), "{case}");
        for (key, value) in &expected {
            assert_eq!(data.get_raw(key).map(RawValue::get), Some(value.get()), "{case}: extData.{key}");
        }
        assert_eq!(data.to_json(), json, "{case}");
    }
}

fn assert_order(file: &Golden, event: &OrderEventMessage) {
    let (case, expected) = (&file.case, Expected::of(file));
    assert_eq!(event.order_no, expected.text("orderNo"), "{case}");
    assert_eq!(event.user_id, expected.whole("userId"), "{case}");
    assert_eq!(event.show_id, expected.whole("showId"), "{case}");
    assert_eq!(event.session_id, expected.whole("sessionId"), "{case}");
    assert_eq!(event.ticket_id, expected.whole("ticketId"), "{case}");
    assert_eq!(event.quantity, expected.quantity(), "{case}");
    assert_eq!(event.total_amount.map(|amount| amount.to_string()), expected.amount(), "{case}");
    assert_eq!(event.status.map(i64::from), expected.whole("status"), "{case}");
    assert_eq!(event.event_time, expected.time(), "{case}");
    assert_eq!(event.event_type.map(|event| event.to_string()), expected.text("eventType"), "{case}");
    expected.assert_ext_data(case, event.ext_data.as_ref());
}

fn assert_stock(file: &Golden, event: &StockEventMessage) {
    let (case, expected) = (&file.case, Expected::of(file));
    assert_eq!(event.ticket_id, expected.whole("ticketId"), "{case}");
    assert_eq!(event.quantity, expected.quantity(), "{case}");
    assert_eq!(event.operation.map(|operation| operation.to_string()), expected.text("operation"), "{case}");
    assert_eq!(event.order_no, expected.text("orderNo"), "{case}");
    assert_eq!(event.event_time, expected.time(), "{case}");
    expected.assert_ext_data(case, event.ext_data.as_ref());
}

fn assert_notification(file: &Golden, message: &NotificationMessage) {
    let (case, expected) = (&file.case, Expected::of(file));
    assert_eq!(message.order_no, expected.text("orderNo"), "{case}");
    assert_eq!(message.user_id, expected.whole("userId"), "{case}");
    assert_eq!(message.channel.map(|channel| channel.to_string()), expected.text("channel"), "{case}");
    assert_eq!(message.phone, expected.text("phone"), "{case}");
    assert_eq!(message.email, expected.text("email"), "{case}");
    assert_eq!(message.device_token, expected.text("deviceToken"), "{case}");
    assert_eq!(message.template, expected.text("template"), "{case}");
    assert_eq!(message.title.as_deref(), Some("购票成功🎉"), "{case}");
    assert_eq!(message.content, expected.text("content"), "{case}");
    assert_eq!(message.event_time, expected.time(), "{case}");
    expected.assert_ext_data(case, message.ext_data.as_ref());
}

fn order(case: &str) -> OrderEventMessage {
    let files = golden_files();
    let file = files.iter().find(|file| file.case == case).unwrap_or_else(|| panic!("no file {case}"));
    decoded(file).unwrap()
}

#[test]
fn every_body_inflates_to_what_java_sent() {
    let files = golden_files();
    assert_eq!(files.len(), NUMBER_OF_FILES);
    for file in &files {
        let body = inflate(&file.wire, file.sys_flag, DEFAULT_MAX_INFLATED_BYTES).unwrap();
        assert_eq!(String::from_utf8_lossy(&body), file.text, "{}", file.case);
    }
    let compressed = files.iter().filter(|file| file.sys_flag & 1 != 0).count();
    assert_eq!(compressed, 6);
}

#[test]
fn every_file_decodes_to_its_fields_or_is_refused_with_the_reason() {
    let mut refused = 0;
    let mut seen = 0;
    for file in golden_files() {
        seen += 1;
        if let Some((_, reason)) = REFUSED.iter().find(|(end, _)| file.case.ends_with(end)) {
            refused += 1;
            assert_eq!(decoded::<OrderEventMessage>(&file).unwrap_err(), *reason, "{}", file.case);
            continue;
        }
        let refusal = |reason| -> ! { panic!("{} is refused: {reason}", file.case) };
        match file.topic.as_str() {
            topic::ORDER if file.case.ends_with("_duplicate-field") => {
                let event: OrderEventMessage = decoded(&file).unwrap();
                assert_eq!(event.order_no.as_deref(), Some("second"));
            }
            topic::ORDER => assert_order(&file, &decoded(&file).unwrap_or_else(|reason| refusal(reason))),
            topic::STOCK => assert_stock(&file, &decoded(&file).unwrap_or_else(|reason| refusal(reason))),
            topic::NOTIFICATION => {
                assert_notification(&file, &decoded(&file).unwrap_or_else(|reason| refusal(reason)));
            }
            unknown => panic!("{} has the topic {unknown}", file.case),
        }
    }
    assert_eq!(seen, NUMBER_OF_FILES);
    assert_eq!(refused, REFUSED.len());
}

#[test]
fn a_message_without_what_its_handler_needs_decodes_and_names_the_missing_field() {
    for case in
        ["default__ORDER_TOPIC_ORDER_CREATED_all-null", "fastjson1__ORDER_TOPIC_ORDER_CREATED_all-null"]
    {
        let event = order(case);
        assert_eq!(event, OrderEventMessage::default());
        assert_eq!(event.require_order_no().unwrap_err().to_string(), "OrderEventMessage has no orderNo");
    }
    let event = order("probe__ORDER_TOPIC_ORDER_CREATED_missing-fields");
    assert_eq!(event.require_order_no(), Ok("probe"));
    assert_eq!(event.require_ticket_id().unwrap_err().to_string(), "OrderEventMessage has no ticketId");
    assert_eq!(order("api__ORDER_TOPIC_ORDER_CREATED_payload-map"), OrderEventMessage::default());
}

#[test]
fn the_probes_read_as_their_readme_says() {
    let probe = |case: &str| order(&format!("probe__ORDER_TOPIC_ORDER_CREATED_{case}"));
    let amount = |case: &str| probe(case).total_amount.map(|amount| amount.to_string());
    assert_eq!(amount("amount_string").as_deref(), Some("380.00"));
    assert_eq!(amount("amount_many-digits").as_deref(), Some("123456789012345678.123456789"));
    assert_eq!(amount("amount_empty-string"), None);
    assert_eq!(probe("bom").order_no.as_deref(), Some("probe"));
    assert_eq!(probe("orderNo-as-number").order_no.as_deref(), Some("20261122"));
    assert_eq!(probe("int-as-float").quantity, Some(2));
    assert_eq!(probe("int-as-float").user_id, Some(10086));
    assert_eq!(probe("long-as-string").user_id, Some(10086));
    assert_eq!(probe("date_").event_time, None);
    let data = probe("ext_raw-emoji-u64").ext_data.unwrap();
    assert_eq!(data.to_json(), r#"{"e":"🎫","u64":18446744073709551615,"d":0.10}"#);
    assert_eq!(data.get_str("e").as_deref(), Some("🎫"));
}

#[test]
fn we_write_what_javas_default_converter_writes() {
    let mut compared = 0;
    for file in golden_files().iter().filter(|file| file.case.starts_with("default__")) {
        // The same values in other words: an exponent, and escapes of characters that need none.
        if ["amount-1E", "_sms", "_email", "_push"].iter().any(|part| file.case.contains(part)) {
            continue;
        }
        let written = match file.topic.as_str() {
            topic::ORDER => decoded::<OrderEventMessage>(file).unwrap().encode(),
            _ => decoded::<StockEventMessage>(file).unwrap().encode(),
        };
        assert_eq!(String::from_utf8(written).unwrap(), file.text, "{}", file.case);
        compared += 1;
    }
    assert_eq!(compared, 11);
}

#[test]
fn whatever_decodes_is_the_same_after_writing_and_reading_it() {
    fn round<P: Payload + PartialEq + std::fmt::Debug>(file: &Golden, same: impl Fn(&mut P)) -> usize {
        let Ok(mut first) = decoded::<P>(file) else { return 0 };
        same(&mut first);
        assert_eq!(P::decode(&first.encode()).unwrap(), first, "{}", file.case);
        1
    }
    // An instant is written as a local time.
    let local = |time: &mut Option<EventTime>| {
        *time = time.map(|time| EventTime::Local(time.to_local(&boxoffice_messages::default_zone())));
    };
    let count: usize = golden_files()
        .iter()
        .map(|file| match file.topic.as_str() {
            topic::ORDER => round(file, |event: &mut OrderEventMessage| local(&mut event.event_time)),
            topic::STOCK => round(file, |event: &mut StockEventMessage| local(&mut event.event_time)),
            _ => round(file, |message: &mut NotificationMessage| local(&mut message.event_time)),
        })
        .sum();
    assert_eq!(count, NUMBER_OF_FILES - REFUSED.len());
}

#[test]
fn a_damaged_body_is_read_or_refused_and_what_is_read_can_be_sent_on() {
    let (mut read, mut refused, mut state) = (0, 0, 1_u64);
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for file in golden_files() {
        for _ in 0..200 {
            let mut wire = file.wire.clone();
            for _ in 0..=random(3) {
                if wire.is_empty() {
                    break;
                }
                let place = random(wire.len());
                match random(3) {
                    0 => wire[place] = u8::try_from(random(256)).unwrap(),
                    1 => wire[place] = b"{}[],:\"\\0123456789.eE+-Z "[random(25)],
                    _ => drop(wire.remove(place)),
                }
            }
            let sys_flag = if random(10) == 0 {
                0x101 + 0x100 * i32::try_from(random(3)).unwrap()
            } else {
                file.sys_flag
            };
            let event = inflate(&wire, sys_flag, DEFAULT_MAX_INFLATED_BYTES)
                .map_err(|error| error.to_string())
                .and_then(|body| OrderEventMessage::decode(&body).map_err(|error| error.to_string()));
            match event {
                Ok(event) => {
                    read += 1;
                    let sent = event.encode();
                    assert_eq!(OrderEventMessage::decode(&sent).unwrap().encode(), sent, "{}", file.case);
                }
                Err(reason) => {
                    refused += 1;
                    assert!(!reason.is_empty());
                }
            }
        }
    }
    assert!(read > 1000 && refused > 1000, "{read} read, {refused} refused");
}
