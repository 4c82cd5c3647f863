//! Both ways between RocketMQ as the bus and a Java service: a Spring Boot program with rocketmq-spring.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::ports::Outgoing;
use boxoffice_messages::jiff::Timestamp;
use boxoffice_messages::jiff::civil::DateTime;
use boxoffice_messages::{
    Channel, EventTime, ExtData, NotificationMessage, OrderEventMessage, OrderEventType, Payload, ROUTES,
    RawValue, StockEventMessage, StockOperation, parse_decimal, tag, topic,
};
use boxoffice_rocketmq::{RocketMq, RocketMqSettings};
use boxoffice_runtime::{ConsumerSettings, Context, Decode, Engine, Handler, Outcome, Subscription};
use boxoffice_tests::Running;
use boxoffice_tests::java_peer::{JavaPeer, Line};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};

use crate::clusters::SHARED;
use crate::rocketmq::{on_a_runtime, settings};

/// Topic and tag of every message, and what it says of itself: event type, operation or channel.
const KINDS: [(&str, &str, &str); 11] = [
    (topic::ORDER, tag::ORDER_CREATED, "CREATED"),
    (topic::ORDER, tag::ORDER_PAID, "PAID"),
    (topic::ORDER, tag::ORDER_CANCELLED, "CANCELLED"),
    (topic::ORDER, tag::ORDER_TIMEOUT, "TIMEOUT"),
    (topic::STOCK, tag::STOCK_DEDUCT, "DEDUCT"),
    (topic::STOCK, tag::STOCK_ROLLBACK, "ROLLBACK"),
    (topic::STOCK, tag::STOCK_SYNC, "SYNC"),
    (topic::STOCK, tag::STOCK_SYNC, "CONFIRM"),
    (topic::NOTIFICATION, tag::SMS, "SMS"),
    (topic::NOTIFICATION, tag::EMAIL, "EMAIL"),
    (topic::NOTIFICATION, tag::PUSH, "PUSH"),
];

/// With 0, 3, 6 and 9 digits after the second.
const TIMES: [&str; 4] = [
    "2026-11-22T10:15:30",
    "2026-11-22T10:15:30.125",
    "2026-11-22T10:15:30.000001",
    "2026-11-22T10:15:30.123456789",
];

/// The system flag of a body that is compressed by zlib.
const ZLIB: i32 = 0x301;

/// With topics named as in production, which Java knows by no other names. So every test sees the messages of the others,
/// and has groups and order numbers of its own.
async fn connect() -> Arc<dyn RocketMq> {
    let settings = RocketMqSettings { prefix: String::new(), ..settings(&SHARED) };
    let rocketmq = boxoffice_rocketmq::connect(settings).await.unwrap();
    rocketmq.reached().await;
    rocketmq
}

/// A payload as JSON, for a comparison with what Java reads or wrote: the amount as text, digit for digit, the time in
/// one form of the several that mean the same.
trait Fields: Payload {
    fn fields(&self) -> Value;
    fn ext_data(&self) -> Option<&ExtData>;
}

fn time(time: Option<EventTime>) -> Option<String> {
    time.map(|time| match time {
        EventTime::Local(local) => local.to_string(),
        EventTime::Instant(_) => panic!("neither side sends a zone: {time:?}"),
    })
}

fn ext_data(ext_data: Option<&ExtData>) -> Value {
    ext_data.map_or(Value::Null, |data| serde_json::from_str(&data.to_json()).unwrap())
}

impl Fields for OrderEventMessage {
    fn fields(&self) -> Value {
        json!({
            "orderNo": self.order_no,
            "userId": self.user_id,
            "showId": self.show_id,
            "sessionId": self.session_id,
            "ticketId": self.ticket_id,
            "quantity": self.quantity,
            "totalAmount": self.total_amount.map(|amount| amount.to_string()),
            "status": self.status,
            "eventTime": time(self.event_time),
            "eventType": self.event_type.map(OrderEventType::as_str),
            "extData": ext_data(self.ext_data()),
        })
    }

    fn ext_data(&self) -> Option<&ExtData> {
        self.ext_data.as_ref()
    }
}

impl Fields for StockEventMessage {
    fn fields(&self) -> Value {
        json!({
            "ticketId": self.ticket_id,
            "quantity": self.quantity,
            "operation": self.operation.map(StockOperation::as_str),
            "orderNo": self.order_no,
            "eventTime": time(self.event_time),
            "extData": ext_data(self.ext_data()),
        })
    }

    fn ext_data(&self) -> Option<&ExtData> {
        self.ext_data.as_ref()
    }
}

impl Fields for NotificationMessage {
    fn fields(&self) -> Value {
        json!({
            "orderNo": self.order_no,
            "userId": self.user_id,
            "channel": self.channel.map(Channel::as_str),
            "phone": self.phone,
            "email": self.email,
            "deviceToken": self.device_token,
            "template": self.template,
            "title": self.title,
            "content": self.content,
            "eventTime": time(self.event_time),
            "extData": ext_data(self.ext_data()),
        })
    }

    fn ext_data(&self) -> Option<&ExtData> {
        self.ext_data.as_ref()
    }
}

/// The text of one field of a JSON object, as it stands there.
fn part(object: &str, field: &str) -> String {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(object).unwrap();
    fields[field].get().to_owned()
}

/// The same as [`Fields::fields`], of a payload that Java wrote.
fn fields_of(payload: &str) -> Value {
    let mut fields: Value = serde_json::from_str(payload).unwrap();
    if fields["totalAmount"].is_number() {
        fields["totalAmount"] = part(payload, "totalAmount").into();
    }
    let time: DateTime = fields["eventTime"].as_str().unwrap().parse().unwrap();
    fields["eventTime"] = time.to_string().into();
    fields
}

/// What a handler of ours was given.
#[derive(Debug, Clone)]
struct Seen {
    fields: Value,
    /// The text of its extData.
    ext_data: String,
    context: Context,
}

impl Seen {
    fn order_no(&self) -> &str {
        self.fields["orderNo"].as_str().unwrap_or_default()
    }

    fn case(&self) -> &str {
        self.fields["extData"]["case"].as_str().unwrap_or_default()
    }
}

type Log = Arc<Mutex<Vec<Seen>>>;
type Answer = fn(&Seen) -> Outcome;

/// Records every message and answers as the test says.
struct Recording<P> {
    subscription: Subscription,
    answer: Answer,
    log: Log,
    payload: PhantomData<fn() -> P>,
}

#[async_trait]
impl<P: Fields + Decode> Handler for Recording<P> {
    type Message = P;

    fn subscription(&self) -> Subscription {
        self.subscription.clone()
    }

    async fn handle(&self, message: P, context: &Context) -> Outcome {
        let ext_data = message.ext_data().map(ExtData::to_json).unwrap_or_default();
        let seen = Seen { fields: message.fields(), ext_data, context: context.clone() };
        let answer = (self.answer)(&seen);
        self.log.lock().unwrap().push(seen);
        answer
    }
}

/// A consumer of ours: the engine, fed by RocketMQ.
struct Ours {
    running: Running,
    log: Log,
}

impl Ours {
    fn start<P: Fields + Decode>(
        rocketmq: &Arc<dyn RocketMq>,
        subscription: Subscription,
        answer: Answer,
    ) -> Self {
        let log = Log::default();
        let handler = Recording::<P> { subscription, answer, log: log.clone(), payload: PhantomData };
        let function = Arc::new(Engine::new("interop", handler));
        let settings = ConsumerSettings { batch: 8, ..boxoffice_tests::settings() };
        Self { running: Running::start(rocketmq.clone(), function, settings), log }
    }

    fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    /// What it handled of the orders whose numbers begin like this.
    fn orders(&self, prefix: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.order_no().starts_with(prefix)).collect()
    }

    async fn stop(self) {
        self.running.stop().await;
    }
}

fn done(_: &Seen) -> Outcome {
    Outcome::Done
}

/// What Java reports of the orders whose numbers begin like this: `handled` or `refused`.
fn orders(java: &JavaPeer, what: &str, prefix: &str) -> Vec<Line> {
    java.all(what).into_iter().filter(|line| line.text_of("orderNo").starts_with(prefix)).collect()
}

/// How often each order number comes.
fn counts<'a>(order_nos: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for order_no in order_nos {
        *counts.entry(order_no.to_owned()).or_default() += 1;
    }
    counts
}

/// How often each order was handled, by Java and by us together.
fn handled(java: &JavaPeer, ours: &Ours, prefix: &str) -> BTreeMap<String, usize> {
    let (by_java, by_us) = (orders(java, "handled", prefix), ours.orders(prefix));
    counts(by_java.iter().map(|line| line.text_of("orderNo")).chain(by_us.iter().map(Seen::order_no)))
}

#[test]
fn every_message_that_java_sends_is_handled_once_and_read_to_the_last_digit() {
    on_a_runtime(async {
        let rocketmq = connect().await;
        let take = |group, topic| Subscription::new(group, topic, &[]);
        let consumers = [
            Ours::start::<OrderEventMessage>(&rocketmq, take("interop-orders", topic::ORDER), done),
            Ours::start::<StockEventMessage>(&rocketmq, take("interop-stock", topic::STOCK), done),
            Ours::start::<NotificationMessage>(&rocketmq, take("interop-buyers", topic::NOTIFICATION), done),
        ];
        let java = JavaPeer::start(&SHARED, "produce", &["--prefix=fromjava"]);
        java.told("done").await;
        let sent = || -> BTreeMap<String, Line> {
            java.all("sent").into_iter().map(|line| (line.text_of("case").to_owned(), line)).collect()
        };
        let seen = || {
            let seen = consumers.iter().flat_map(Ours::seen);
            seen.filter(|seen| seen.case().starts_with("fromjava-")).collect::<Vec<Seen>>()
        };
        let all = sent();
        assert_eq!(all.len(), 57);
        boxoffice_tests::eventually("all messages of Java's", || {
            counts(seen().iter().map(Seen::case)).len() >= all.len()
        })
        .await;

        let mut compressions = BTreeSet::new();
        for seen in seen() {
            let sent = &all[seen.case()];
            let delivery = &seen.context.delivery;
            let payload = part(&sent.text, "json");
            assert_eq!(seen.fields, fields_of(&payload), "{}", seen.case());
            assert_eq!(seen.ext_data, part(&payload, "extData"));
            assert_eq!(&*delivery.topic, sent["topic"]);
            assert_eq!(json!(delivery.tag.as_deref()), sent["tag"]);
            assert_eq!(json!(delivery.key.as_deref()), sent["key"]);
            assert_eq!((delivery.attempt, delivery.generation), (1, 0));
            if !sent["msgId"].is_null() {
                assert_eq!(&*delivery.message_id, sent["msgId"]);
            }
            let compression = match delivery.sys_flag & 0x701 {
                0 => Value::Null,
                0x101 => "LZ4".into(),
                0x201 => "ZSTD".into(),
                0x301 => "ZLIB".into(),
                other => panic!("flags {other:#x}"),
            };
            assert_eq!(compression, sent["compression"], "{}", seen.case());
            let kind = seen.fields["operation"].as_str().map_or(&sent["tag"], |_| &seen.fields["operation"]);
            compressions.insert((kind.to_string(), compression.to_string()));
        }
        let often: Vec<_> =
            counts(seen().iter().map(Seen::case)).into_iter().filter(|(_, count)| *count > 1).collect();
        assert_eq!(often, [], "handled more than once");
        assert_eq!(compressions.len(), KINDS.len() * 4, "each kind, plain and compressed in three ways");
        assert_eq!(java.wait().last().unwrap()["failures"], 0);
        for ours in consumers {
            ours.stop().await;
        }
        rocketmq.close().await.unwrap();
    });
}

/// A message of ours, and what Java is to read.
struct Sent {
    outgoing: Outgoing,
    fields: Value,
}

impl Sent {
    fn new(payload: &impl Fields, (topic, tag, _): (&'static str, &'static str, &str), key: &str) -> Self {
        let mut outgoing = Outgoing::new(topic, tag, key, payload.encode());
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        outgoing.properties.push(("traceparent".to_owned(), parent.to_owned()));
        if tag == tag::ORDER_TIMEOUT {
            outgoing = outgoing.deliver_at(Timestamp::now() + Duration::from_secs(1));
        }
        Self { outgoing, fields: payload.fields() }
    }

    /// The message of one kind that is found by `case`.
    fn of(kind: (&'static str, &'static str, &'static str), case: &str, number: usize) -> Self {
        let nested = r#"{"list":[1,null,"二",2.50,true],"deep":{"er":{"x":[]}},"empty":{}}"#;
        let ext_data = ExtData::from_json(&format!(
            "{{\"case\":\"{case}\",\"nested\":{nested},\"long\":9007199254740993,\"price\":0.10,\"no\":null,\
            \"reserved\":true,\"seats\":\"A区12排08座 🎫 \\\"x\\\" \\\\ \\n\"}}"
        ));
        let ext_data = ext_data.ok();
        let event_time = Some(EventTime::Local(TIMES[number % TIMES.len()].parse().unwrap()));
        let order_no = Some(case.to_owned());
        match kind.0 {
            topic::ORDER => {
                let amounts = [Some("380.00"), Some("0.1"), None];
                let payload = OrderEventMessage {
                    order_no,
                    user_id: Some(i64::MAX),
                    show_id: Some(3_001),
                    session_id: Some(30_011),
                    ticket_id: Some(300_111),
                    quantity: Some(2),
                    total_amount: amounts[number % 3].map(|text| parse_decimal(text).unwrap()),
                    status: Some(1),
                    event_time,
                    event_type: Some(kind.2.parse().unwrap()),
                    ext_data,
                };
                Self::new(&payload, kind, case)
            }
            topic::STOCK => {
                let operation: StockOperation = kind.2.parse().unwrap();
                let of_an_order = operation != StockOperation::Sync;
                let payload = StockEventMessage {
                    ticket_id: Some(300_111),
                    quantity: of_an_order.then_some(2),
                    operation: Some(operation),
                    order_no: order_no.filter(|_| of_an_order),
                    event_time,
                    ext_data,
                };
                Self::new(&payload, kind, if of_an_order { case } else { "300111" })
            }
            _ => {
                let payload = NotificationMessage {
                    order_no,
                    user_id: Some(10_086),
                    channel: Some(kind.2.parse().unwrap()),
                    phone: Some("+8613800138000".to_owned()),
                    email: Some("buyer@example.com".to_owned()),
                    device_token: None,
                    template: Some("ORDER_PAID".to_owned()),
                    title: Some("购票成功🎉".to_owned()),
                    content: Some("¥380.00\n\u{1}\u{2028}".to_owned()),
                    event_time,
                    ext_data,
                };
                Self::new(&payload, kind, case)
            }
        }
    }

    /// The same message compressed, as one that Java sent and we send on.
    fn compressed(mut self) -> Self {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&self.outgoing.body).unwrap();
        self.outgoing.body = encoder.finish().unwrap().into();
        self.outgoing.sys_flag = ZLIB;
        self
    }
}

#[test]
fn every_message_that_we_send_is_read_by_java_even_where_it_refuses_unknown_fields() {
    let ours: BTreeSet<_> = KINDS.iter().map(|(topic, tag, _)| (*topic, *tag)).collect();
    let routed = ROUTES.iter().flat_map(|route| route.tags.iter().map(|tag| (route.topic, *tag)));
    assert_eq!(ours, routed.collect(), "each tag is sent");
    on_a_runtime(async {
        let java = JavaPeer::start(&SHARED, "consume", &["--group-suffix=-interop"]);
        let rocketmq = connect().await;
        let mut sent = BTreeMap::new();
        for kind in KINDS {
            for number in 0..TIMES.len() {
                let case = format!("tojava-{}-{number}", kind.2);
                let message = Sent::of(kind, &case, number);
                sent.insert(case, message);
            }
            let case = format!("tojava-{}-compressed", kind.2);
            let message = Sent::of(kind, &case, 0).compressed();
            sent.insert(case, message);
        }
        let answers = rocketmq.send_all(sent.values().map(|sent| sent.outgoing.clone()).collect()).await;
        let ids: Vec<String> = answers.into_iter().map(|answer| answer.unwrap().0).collect();
        let ids: BTreeMap<&str, &String> = sent.keys().map(String::as_str).zip(&ids).collect();

        let case = |line: &Line| line["payload"]["extData"]["case"].as_str().unwrap_or_default().to_owned();
        let received = || {
            let received = java.all("received").into_iter().map(|line| (case(&line), line));
            received.filter(|(case, _)| case.starts_with("tojava-")).collect::<Vec<_>>()
        };
        java.until("both listeners get every message", || {
            received().len() >= 2 * sent.len() || !java.all("failed").is_empty()
        })
        .await;
        let failed: Vec<String> = java.all("failed").into_iter().map(|line| line.text).collect();
        assert_eq!(failed, Vec::<String>::new(), "Java cannot read these");

        let mut listeners = BTreeSet::new();
        for (case, line) in received() {
            let Sent { outgoing, fields } = &sent[&case];
            let payload = part(&line.text, "payload");
            assert_eq!(&fields_of(&payload), fields, "{}", line.text);
            assert_eq!(line["topic"], json!(outgoing.topic));
            assert_eq!(line["tag"], json!(outgoing.tag));
            assert_eq!(line["key"], json!(outgoing.key));
            assert_eq!(line["msgId"], json!(ids[case.as_str()]));
            assert_eq!(line["reconsumeTimes"], 0);
            assert_eq!(line["compression"], if outgoing.sys_flag == 0 { Value::Null } else { "ZLIB".into() });
            let new = listeners.insert((line.text_of("listener").to_owned(), case));
            assert!(new, "a listener was given a message twice: {}", line.text);
        }
        assert_eq!(listeners.len(), 2 * sent.len());
        assert_eq!(java.stop().last().unwrap()["failures"], 0);
        rocketmq.close().await.unwrap();
    });
}

/// Sends orders that were created, every other one compressed.
async fn send(rocketmq: &Arc<dyn RocketMq>, prefix: &str, count: usize) {
    let orders = (0..count).map(|number| {
        let sent = Sent::of(KINDS[0], &format!("{prefix}{number:03}"), 0);
        if number % 2 == 0 { sent.outgoing } else { sent.compressed().outgoing }
    });
    for answer in rocketmq.send_all(orders.collect()).await {
        answer.unwrap();
    }
}

/// A Java member of a group that takes created orders.
fn member(group: &str, options: &[&str]) -> JavaPeer {
    let group = format!("--group={group}");
    let topic = format!("--topic={}", topic::ORDER);
    let tag = format!("--tag={}", tag::ORDER_CREATED);
    let mut all = vec![group.as_str(), topic.as_str(), tag.as_str()];
    all.extend(options);
    JavaPeer::start(&SHARED, "member", &all)
}

/// How many queues the Java member has now.
fn queues(java: &JavaPeer) -> usize {
    java.lines().iter().rev().find_map(|line| line["queues"].as_array().map(Vec::len)).unwrap_or(0)
}

/// Starts both members of a group, and waits until each has its part of the queues.
async fn both_members(
    rocketmq: &Arc<dyn RocketMq>,
    group: &'static str,
    java: &JavaPeer,
    answer: Answer,
) -> Ours {
    // In this order: a queue that Java has given up was never consumed by both at once.
    java.until("Java has every queue", || queues(java) == 4).await;
    let subscription = Subscription::new(group, topic::ORDER, &[tag::ORDER_CREATED]);
    let ours = Ours::start::<OrderEventMessage>(rocketmq, subscription, answer);
    java.until("Java gives queues up", || queues(java) == 2).await;
    ours
}

#[test]
fn a_java_service_and_ours_share_a_group_and_take_over_from_one_another() {
    const GROUP: &str = "interop-mixed-group";
    on_a_runtime(async {
        let rocketmq = connect().await;
        // So that the topic is there.
        send(&rocketmq, "mixed-first-", 1).await;
        let java = member(GROUP, &[]);
        let ours = both_members(&rocketmq, GROUP, &java, done).await;
        send(&rocketmq, "mixed-both-", 200).await;
        java.until("200 orders", || handled(&java, &ours, "mixed-both-").len() >= 200).await;
        let often: Vec<_> =
            handled(&java, &ours, "mixed-both-").into_iter().filter(|(_, count)| *count > 1).collect();
        assert_eq!(often, [], "handled by both, or twice by one");
        let parts = (orders(&java, "handled", "mixed-both-").len(), ours.orders("mixed-both-").len());
        assert!(parts.0 > 0 && parts.1 > 0, "one handled all: {parts:?}");

        java.stop();
        send(&rocketmq, "mixed-ours-", 50).await;
        boxoffice_tests::eventually("ours handles what Java would have", || {
            counts(ours.orders("mixed-ours-").iter().map(Seen::order_no)).len() >= 50
        })
        .await;

        let java = member(GROUP, &[]);
        java.told("ready").await;
        ours.stop().await;
        send(&rocketmq, "mixed-java-", 50).await;
        java.until("Java handles what ours would have", || {
            let handled = orders(&java, "handled", "mixed-java-");
            counts(handled.iter().map(|line| line.text_of("orderNo"))).len() >= 50
        })
        .await;
        java.stop();
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn what_one_member_of_a_shared_group_fails_the_other_may_handle() {
    const GROUP: &str = "interop-retry-group";
    on_a_runtime(async {
        let rocketmq = connect().await;
        send(&rocketmq, "retry-first-", 1).await;
        let java = member(GROUP, &["--fail=retry-java-"]);
        // Ours fails each of its own once, and none of Java's.
        let answer = |seen: &Seen| match seen.context.attempt() {
            1 if seen.order_no().starts_with("retry-ours-") => Outcome::retry("told to fail"),
            _ => Outcome::Done,
        };
        let ours = both_members(&rocketmq, GROUP, &java, answer).await;

        send(&rocketmq, "retry-ours-", 8).await;
        let failed_by_us = || -> BTreeSet<String> {
            let failed = ours.orders("retry-ours-").into_iter().filter(|seen| seen.context.attempt() == 1);
            failed.map(|seen| seen.order_no().to_owned()).collect()
        };
        // The order number, and which delivery it was.
        let handled = || -> Vec<(String, u64)> {
            let by_java = orders(&java, "handled", "retry-ours-").into_iter().map(|line| {
                (line.text_of("orderNo").to_owned(), line["reconsumeTimes"].as_u64().unwrap() + 1)
            });
            let by_us = ours.orders("retry-ours-").into_iter();
            let by_us = by_us.map(|seen| (seen.order_no().to_owned(), seen.context.attempt().into()));
            by_java.chain(by_us.filter(|(_, attempt)| *attempt > 1)).collect()
        };
        java.until("all orders that ours failed", || handled().len() >= 8).await;
        let failed = failed_by_us();
        assert!(!failed.is_empty(), "ours was given none");
        let mut handled = handled();
        handled.sort();
        let wanted: Vec<(String, u64)> = (0..8)
            .map(|number| format!("retry-ours-{number:03}"))
            .map(|order_no| (order_no.clone(), if failed.contains(&order_no) { 2 } else { 1 }))
            .collect();
        assert_eq!(handled, wanted, "handled once each, on the second delivery where the first had failed");

        send(&rocketmq, "retry-java-", 8).await;
        let refused = || -> BTreeSet<String> {
            let refused = orders(&java, "refused", "retry-java-");
            refused.iter().map(|line| line.text_of("orderNo").to_owned()).collect()
        };
        let first = || ours.orders("retry-java-").iter().filter(|seen| seen.context.attempt() == 1).count();
        java.until("each order is handled by ours or refused by Java", || first() + refused().len() >= 8)
            .await;
        let refused = refused();
        assert!(!refused.is_empty(), "Java was given none");
        assert!(orders(&java, "handled", "retry-java-").is_empty());
        // The broker delivers again to whichever has the one queue of redeliveries; Java would refuse for ever.
        java.stop();
        let again = || -> BTreeSet<String> {
            let again = ours.orders("retry-java-").into_iter().filter(|seen| seen.context.attempt() > 1);
            again.map(|seen| seen.order_no().to_owned()).collect()
        };
        boxoffice_tests::eventually("what Java refused comes to ours", || again().len() >= refused.len())
            .await;
        assert_eq!(again(), refused);
        ours.stop().await;
        rocketmq.close().await.unwrap();
    });
}
