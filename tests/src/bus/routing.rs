//! Who gets a message, and what of it.

use std::time::Duration;

use boxoffice_domain::ports::Outgoing;
use boxoffice_messages::{group, tag, topic};
use boxoffice_runtime::{Outcome, Subscription};
use jiff::Timestamp;

use super::{Backend, audit, created, order};
use crate::support::{done, message, recorder};

/// A group gets the tags it asked for and no others.
pub async fn a_group_gets_its_tags_and_nothing_else(backend: &dyn Backend) {
    let paid = done(Subscription::new(group::ORDER_PAID, topic::ORDER, &[tag::ORDER_PAID]));
    let stock =
        done(Subscription::new(group::STOCK_MANAGEMENT, topic::STOCK, &[tag::STOCK_DEDUCT, tag::STOCK_SYNC]));
    let running = [backend.run(paid.clone()), backend.run(stock.clone())];
    for (topic, tag, key) in [
        (topic::ORDER, tag::ORDER_CREATED, "T1"),
        (topic::ORDER, tag::ORDER_PAID, "T2"),
        (topic::STOCK, tag::STOCK_DEDUCT, "T3"),
        (topic::STOCK, tag::STOCK_SYNC, "T4"),
    ] {
        backend.send(message(topic, tag, key)).await;
    }
    paid.has_seen(1).await;
    stock.has_seen(2).await;
    for running in running {
        running.stop().await;
    }
    assert_eq!((paid.keys(), stock.keys()), (vec!["T2".to_owned()], vec!["T3".to_owned(), "T4".to_owned()]));
}

/// Body, key, tag, properties and system flag come out as they went in; attempts count from 1.
pub async fn a_message_arrives_as_it_was_sent(backend: &dyn Backend) {
    let begun = Timestamp::now();
    let function = done(created());
    let running = backend.run(function.clone());
    let mut whole = order("T1");
    whole.properties = vec![
        ("traceparent".to_owned(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        ("contentType".to_owned(), "application/json; note=\"\u{1F3AB}\"".to_owned()),
    ];
    whole.body = (0..=255).collect::<Vec<u8>>().into();
    whole.sys_flag = 0x300 | 1;
    let id = backend.bus().send(whole.clone()).await.unwrap();
    function.has_seen(1).await;
    running.stop().await;
    let seen = &function.seen()[0];
    assert_eq!((&seen.body, seen.sys_flag), (&whole.body, whole.sys_flag));
    assert_eq!((seen.attempt, seen.generation), (1, 0));
    assert_eq!((&*seen.topic, seen.tag.as_deref()), (topic::ORDER, Some(tag::ORDER_CREATED)));
    assert_eq!((seen.key.as_deref(), &*seen.message_id), (Some("T1"), id.0.as_str()));
    for (name, value) in &whole.properties {
        assert_eq!(seen.property(name), Some(value.as_str()));
    }
    let about_now = (begun - Duration::from_secs(5))..(Timestamp::now() + Duration::from_secs(5));
    assert!(seen.sent_at.is_none_or(|at| about_now.contains(&at)), "sent at {:?}", seen.sent_at);
}

/// Every group gets a message once, tagged or not, and whatever another group makes of it.
pub async fn every_group_gets_a_message_once(backend: &dyn Backend) {
    backend.subscribe(audit()).await;
    let failing =
        recorder(
            created(),
            |delivery| {
                if delivery.attempt < 3 { Outcome::retry("not yet") } else { Outcome::Done }
            },
        );
    let all = done(audit());
    let running = [backend.run(failing.clone()), backend.run(all.clone())];
    let untagged = Outgoing { tag: None, key: None, ..order("ignored") };
    backend.send_all(vec![order("T1"), untagged, message(topic::ORDER, "A_TAG_OF_OTHERS", "T2")]).await;
    all.has_seen(3).await;
    failing.has_seen(3).await;
    for running in running {
        running.stop().await;
    }
    assert_eq!(all.keys(), ["", "T1", "T2"]);
    let untagged = all.seen().into_iter().find(|seen| seen.key.is_none()).expect("the one without a key");
    assert_eq!(untagged.tag, None);
    assert_eq!(failing.keys(), ["T1"; 3]);
    backend.nothing_is_left(audit()).await;
    backend.nothing_is_left(created()).await;
}

/// A consumer that starts later finds what was sent before.
pub async fn a_group_that_was_not_running_finds_its_messages(backend: &dyn Backend) {
    backend.send(order("T1")).await;
    let function = done(created());
    let running = backend.run(function.clone());
    function.has_seen(1).await;
    running.stop().await;
    assert_eq!(function.keys(), ["T1"]);
}
