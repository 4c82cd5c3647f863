//! What a RocketMQ cluster can do to us, on the real Apache servers.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use boxoffice_domain::ports::{MessageId, Outgoing, SendError};
use boxoffice_messages::{group, tag, topic};
use boxoffice_rocketmq::{Credentials, RocketMq, RocketMqSettings, Tls};
use boxoffice_runtime::{
    ConsumerSettings, Function, Outcome, Readiness, Secret, Shutdown, Subscription, TopicFilter,
    TransportError,
};
use boxoffice_tests::rocketmq::Cluster;
use boxoffice_tests::{Recorder, Running, eventually, eventually_all, recorder};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::timeout;

use crate::certificates::Authority;
use crate::clusters::{Breakable, SHARED};
use crate::fake_broker::{CREATE_TOPIC, FakeBroker, ROUTE, ask};
use crate::rocketmq::{consumer_settings, on_a_breakable_cluster, on_a_runtime, patient, settings};

/// How long something may take that must come.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the answer to a send may take that cannot succeed.
const QUICK: Duration = Duration::from_secs(1);
/// How soon all must go on after a broker is back; on a slow machine within twice the time that its start took. The
/// client library alone takes half a minute.
const GOING_ON: Duration = Duration::from_secs(10);
/// The pause between two sends of a sender that does not give up.
const SENDING: Duration = Duration::from_millis(50);
/// 4 MiB, the largest body with a broker's default settings.
const LARGEST: usize = 4 * 1024 * 1024;

#[test]
fn a_cluster_that_is_absent_at_the_start_is_waited_for() {
    on_a_breakable_cluster(Breakable::absent, async |cluster| {
        let rocketmq = boxoffice_rocketmq::connect(settings(&cluster)).await.unwrap();
        let absent = format!("none of the name servers {} responds", cluster.name_servers());
        not_ready(&rocketmq, &[&absent]).await;
        let text = unavailable(send_quickly(&rocketmq, order("T0")).await);
        assert!(text.contains(&absent), "{text}");
        let function = done();
        let consumer = start(&rocketmq, function.clone());

        cluster.start_name_server();
        let no_broker = format!("the name servers {} know no broker", cluster.name_servers());
        not_ready(&rocketmq, &[&no_broker]).await;
        let text = unavailable(send_quickly(&rocketmq, order("T0")).await);
        assert!(text.contains(&no_broker), "{text}");
        assert!(!consumer.has_ended(), "a consumer must wait for its cluster");

        cluster.start_broker();
        ready(&rocketmq).await;
        send_at_last(&rocketmq, order("T1")).await;
        function.has_seen(1).await;
        assert_eq!(function.keys(), ["T1"]);
        consumer.stop().await;
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn a_process_may_send_as_its_first_act() {
    on_a_runtime(async {
        let rocketmq = boxoffice_rocketmq::connect(patient(&SHARED)).await.unwrap();
        rocketmq.send(order("T1")).await.unwrap();
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn a_broker_with_access_control_serves_accounts_with_rights_and_tells_others_what_is_wrong() {
    on_a_runtime(async {
        let cluster = Cluster::prepare(&["aclEnable=true"]);
        write(
            &cluster.broker_home().join("conf/plain_acl.yml"),
            "accounts:\n\
             - {accessKey: shopowner, secretKey: right-secret, admin: true}\n\
             - {accessKey: boxoffice, secretKey: right-secret, admin: false, defaultTopicPerm: PUB|SUB, \
             defaultGroupPerm: SUB}\n",
        );
        cluster.start_name_server();
        cluster.start_broker();
        let base = settings(&cluster);

        // An administrator: what is missing is created.
        let owner = connect(account(&base, "shopowner", "right-secret")).await;
        let function = recorder(created(), |delivery| match (delivery.key.as_deref(), delivery.attempt) {
            (Some("retried"), 1) => Outcome::retry("not yet"),
            (Some("bad"), _) => Outcome::poison("bad"),
            _ => Outcome::Done,
        });
        let letters = recorder(dead_letters(), |_| Outcome::Done);
        let consumers = [start(&owner, function.clone()), start(&owner, letters.clone())];
        for key in ["good", "retried", "bad"] {
            owner.send(order(key)).await.unwrap();
        }
        function.has_seen(4).await;
        letters.has_seen(1).await;
        assert_eq!(
            (function.keys(), letters.keys()),
            (keys(&["bad", "good", "retried", "retried"]), keys(&["bad"]))
        );
        for consumer in consumers {
            consumer.stop().await;
        }

        // No administrator, but everything is there: this suffices.
        let clerk = connect(account(&base, "boxoffice", "right-secret")).await;
        let function = recorder(created(), |delivery| match (delivery.key.as_deref(), delivery.attempt) {
            (Some("retried"), 1) => Outcome::retry("not yet"),
            (Some("bad"), _) => Outcome::poison("bad"),
            _ => Outcome::Done,
        });
        let letters = recorder(dead_letters(), |_| Outcome::Done);
        let consumers = [start(&clerk, function.clone()), start(&clerk, letters.clone())];
        for key in ["retried", "bad"] {
            clerk.send(order(key)).await.unwrap();
        }
        function.has_seen(3).await;
        letters.has_seen(1).await;
        assert_eq!(letters.keys(), ["bad"]);
        for consumer in consumers {
            consumer.stop().await;
        }

        // No administrator, and something is missing.
        let elsewhere =
            RocketMqSettings { prefix: "missing-".to_owned(), ..account(&base, "boxoffice", "right-secret") };
        let newcomer = connect(elsewhere).await;
        let text = refused(start(&newcomer, done())).await;
        says(&text, &["does not exist", "an administrator", "mqadmin", "ROCKETMQ_ACCESS_KEY"]);

        // No account at all, or a wrong secret, or a name nobody knows.
        let nobody = connect(base.clone()).await;
        let liar = connect(account(&base, "boxoffice", "wrong-secret")).await;
        let stranger = connect(account(&base, "stranger", "right-secret")).await;
        for rocketmq in [&nobody, &liar, &stranger] {
            let text = unavailable(send_quickly(rocketmq, order("T1")).await);
            says(&text, &["does not accept the account", "ROCKETMQ_ACCESS_KEY", "ROCKETMQ_SECRET_KEY"]);
            let text = refused(start(rocketmq, done())).await;
            says(&text, &[group::ORDER_PROCESS, "ROCKETMQ_ACCESS_KEY", "ROCKETMQ_SECRET_KEY"]);
        }
        for rocketmq in [owner, clerk, newcomer, nobody, liar, stranger] {
            rocketmq.close().await.unwrap();
        }
    });
}

#[test]
fn sends_and_consumers_go_on_while_the_name_server_is_away() {
    on_a_runtime(async {
        // As often as a broker can be made to register.
        let cluster = Cluster::start_with(&["registerNameServerPeriod=10000"]);
        let rocketmq = connect(settings(&cluster)).await;
        let function = done();
        let consumer = start(&rocketmq, function.clone());
        rocketmq.send(order("T000")).await.unwrap();
        function.has_seen(1).await;

        cluster.kill_name_server();
        let mut sent = vec!["T000".to_owned()];
        let begun = Instant::now();
        // Longer than the pause between two looks at the cluster.
        while begun.elapsed() < Duration::from_secs(5) {
            let key = format!("T{:03}", sent.len());
            rocketmq.send(order(&key)).await.unwrap();
            sent.push(key);
            tokio::time::sleep(SENDING).await;
        }
        function.has_seen(sent.len()).await;
        assert_eq!(rocketmq.readiness(), Readiness::Ready);
        let text = unavailable(rocketmq.send(new_topic("T1")).await);
        println!("a new topic without name servers: {text}");
        let new = recorder(Subscription::new("audit", "NEW_TOPIC", &[]), |_| Outcome::Done);
        let newcomer = start(&rocketmq, new.clone());

        cluster.start_name_server();
        let begun = Instant::now();
        let mut last = None;
        while last.is_none() {
            let key = format!("T{:03}", sent.len());
            rocketmq.send(order(&key)).await.expect("a known topic is sent to all the time");
            sent.push(key);
            last = rocketmq.send(new_topic("T1")).await.ok();
            assert!(begun.elapsed() < PATIENCE, "a new topic can be used again");
            tokio::time::sleep(SENDING).await;
        }
        println!("a new topic is usable {:?} after the return of the name server", begun.elapsed());
        new.has_seen(1).await;
        function.has_seen(sent.len()).await;
        assert_eq!(function.keys(), sent, "nothing is lost and nothing comes twice");
        consumer.stop().await;
        newcomer.stop().await;
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn topics_and_groups_are_created_where_the_broker_does_not_do_so() {
    on_a_runtime(async {
        let cluster =
            Cluster::start_with(&["autoCreateTopicEnable=false", "autoCreateSubscriptionGroup=false"]);
        let rocketmq = connect(settings(&cluster)).await;
        let text = unavailable(rocketmq.send(new_topic("T1")).await);
        says(&text, &["NEW_TOPIC", "the topic does not exist", "mqadmin updateTopic"]);
        let function = recorder(created(), |delivery| match (delivery.key.as_deref(), delivery.attempt) {
            (Some("retried"), 1) => Outcome::retry("not yet"),
            (Some("bad"), _) => Outcome::poison("bad"),
            _ => Outcome::Done,
        });
        let letters = recorder(dead_letters(), |_| Outcome::Done);
        let consumers = [start(&rocketmq, function.clone()), start(&rocketmq, letters.clone())];
        for key in ["good", "retried", "bad"] {
            send_at_last(&rocketmq, order(key)).await;
        }
        function.has_seen(4).await;
        letters.has_seen(1).await;
        assert_eq!(function.keys(), ["bad", "good", "retried", "retried"]);
        for consumer in consumers {
            consumer.stop().await;
        }
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn the_largest_message_goes_through_and_more_is_refused_while_any_delay_is_taken() {
    // Not the one that is shared: what a broker sets aside for large messages it keeps.
    on_a_breakable_cluster(Breakable::running, async |cluster| {
        let rocketmq = connect(settings(&cluster)).await;
        let function = done();
        let consumer = start(&rocketmq, function.clone());
        ready(&rocketmq).await;
        let of_size = |key: &str, size| Outgoing { body: vec![b'x'; size].into(), ..order(key) };
        let text = rejected(rocketmq.send(of_size("T1", LARGEST + 1)).await);
        says(&text, &["4194305", "4194304", "bytes"]);
        let text = rejected(rocketmq.send(of_size("T2", 0)).await);
        says(&text, &["the body is empty"]);
        rocketmq.send(of_size("T3", LARGEST)).await.unwrap();
        rocketmq.send(of_size("T4", 1)).await.unwrap();
        function.has_seen(2).await;
        assert_eq!(function.keys(), ["T3", "T4"]);
        assert!(function.seen().iter().any(|seen| seen.body.len() == LARGEST), "it came whole");
        consumer.stop().await;
        // The broker's timer rejects what is later than three days, so a longer delay is cut to what it takes.
        let later = |key: &str, hours: u64| {
            order(key).deliver_at(Timestamp::now() + Duration::from_secs(hours * 3_600))
        };
        for (key, hours) in [("T6", 72), ("T7", 73), ("T8", 24 * 365)] {
            rocketmq.send(later(key, hours)).await.unwrap();
        }
        rocketmq.close().await.unwrap();

        // Where the limit here is higher than the broker's, the broker's answer is as final.
        let more = RocketMqSettings { max_message_bytes: 2 * LARGEST, ..settings(&cluster) };
        let rocketmq = connect(more).await;
        let text = rejected(rocketmq.send(of_size("T5", LARGEST + 1)).await);
        says(&text, &["maxMessageSize", "ROCKETMQ_MAX_MESSAGE"]);
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn what_a_broker_answers_tells_whether_a_message_is_kept() {
    on_a_runtime(async {
        // The real broker does not run full on a machine with space: this one says what it would.
        let broker = FakeBroker::start();
        let rocketmq = connect(RocketMqSettings::new(broker.address.to_string())).await;
        broker.answer(FakeBroker::OK);
        assert_eq!(send_to(&rocketmq).await, Ok(MessageId(String::new())));
        broker.answer(FakeBroker::DISK_FULL);
        let text = unavailable(send_to(&rocketmq).await);
        says(&text, &[topic::ORDER, "its disk is full", &broker.address.to_string()]);
        assert_eq!(rocketmq.readiness(), Readiness::Ready, "the cluster can be reached");
        broker.answer(FakeBroker::BUSY);
        says(&unavailable(send_to(&rocketmq).await), &["it is too busy"]);
        broker.answer(FakeBroker::ILLEGAL);
        says(&rejected(send_to(&rocketmq).await), &["does not accept such a message"]);
        broker.answer(FakeBroker::NO_PERMISSION);
        says(&unavailable(send_to(&rocketmq).await), &["does not permit this"]);
        for (code, who) in
            [(FakeBroker::FLUSH_DISK_TIMEOUT, "disk"), (FakeBroker::FLUSH_SLAVE_TIMEOUT, "slave")]
        {
            broker.answer(code);
            let Err(SendError::OutcomeUnknown(text)) = send_to(&rocketmq).await else { panic!("{code}") };
            says(&text, &[who, "did not confirm it in time"]);
        }
        broker.answer(FakeBroker::SLAVE_NOT_AVAILABLE);
        send_to(&rocketmq).await.unwrap();
        // It recovers without being asked to.
        broker.answer(FakeBroker::OK);
        send_to(&rocketmq).await.unwrap();
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn a_broker_that_is_busy_for_a_moment_is_asked_again() {
    on_a_runtime(async {
        let broker = FakeBroker::start();
        let settings = RocketMqSettings::new(broker.address.to_string());
        let rocketmq = connect(RocketMqSettings { send_timeout: Duration::from_secs(60), ..settings }).await;
        broker.answer(FakeBroker::BUSY);
        let sending = tokio::spawn({
            let rocketmq = rocketmq.clone();
            async move { rocketmq.send(order("T1")).await }
        });
        // The client library by itself asks three times, at once.
        eventually("it is asked again", || broker.sends() > 6).await;
        broker.answer(FakeBroker::OK);
        sending.await.unwrap().unwrap();
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn sending_works_again_soon_after_a_broker_outage_and_nothing_is_lost() {
    on_a_breakable_cluster(Breakable::running, async |cluster| {
        let rocketmq = connect(settings(&cluster)).await;
        let function = done();
        let consumer = start(&rocketmq, function.clone());
        ready(&rocketmq).await;
        let (acknowledged, sender) = (Arc::new(Mutex::new(Vec::new())), Shutdown::new());
        let sending = tokio::spawn({
            let (rocketmq, acknowledged, ended) = (rocketmq.clone(), acknowledged.clone(), sender.clone());
            async move {
                let mut longest = Duration::ZERO;
                for number in 0.. {
                    if ended.has_begun() {
                        break;
                    }
                    let (key, begun) = (format!("T{number:04}"), Instant::now());
                    match rocketmq.send(order(&key)).await {
                        Ok(_) => acknowledged.lock().unwrap().push((key, Instant::now())),
                        Err(error) => {
                            assert!(!matches!(error, SendError::Rejected(_)), "it may be lost: {error}");
                        }
                    }
                    longest = longest.max(begun.elapsed());
                    tokio::time::sleep(SENDING).await;
                }
                longest
            }
        });
        for round in 1..=2 {
            let sent = acknowledged.lock().unwrap().len();
            eventually("messages are sent", || acknowledged.lock().unwrap().len() > sent + 20).await;
            cluster.kill_broker();
            let killed = Instant::now();
            eventually("the outage is noticed", || rocketmq.readiness() != Readiness::Ready).await;
            let noticed = killed.elapsed();
            let starts = Instant::now();
            let starting = tokio::task::spawn_blocking({
                let cluster = cluster.clone();
                move || cluster.start_broker()
            });
            eventually("the broker listens", || TcpStream::connect(cluster.broker()).is_ok()).await;
            let listens = Instant::now();
            starting.await.unwrap();
            let booted = Instant::now();
            let first = || {
                let acknowledged = acknowledged.lock().unwrap();
                acknowledged.iter().map(|(_, at)| *at).find(|at| *at > killed + noticed)
            };
            eventually("a message is sent again", || first().is_some()).await;
            let first = first().unwrap();
            println!(
                "round {round}: noticed {noticed:?} after the kill; first send {:?} after the port, {:?} after the boot",
                first.saturating_duration_since(listens),
                first.saturating_duration_since(booted),
            );
            assert!(first.saturating_duration_since(booted) < GOING_ON.max(2 * (booted - starts)));
        }
        let sent = acknowledged.lock().unwrap().len();
        eventually("messages are sent", || acknowledged.lock().unwrap().len() > sent + 20).await;
        sender.begin();
        let longest = sending.await.unwrap();
        println!("the longest send took {longest:?}");
        let acknowledged: Vec<String> =
            acknowledged.lock().unwrap().iter().map(|(key, _)| key.clone()).collect();
        let missing = || {
            let seen = function.keys();
            acknowledged.iter().filter(|key| seen.binary_search(key).is_err()).count()
        };
        eventually("every acknowledged message is handled", || missing() == 0).await;
        println!("{} acknowledged, {} deliveries", acknowledged.len(), function.count());
        consumer.stop().await;
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn a_broker_that_comes_back_is_used_again_though_another_was_there_all_the_time() {
    on_a_breakable_cluster(Breakable::running, async |first| {
        let second = first.one_more_broker("broker-b");
        let starts = Instant::now();
        second.start_broker();
        let boot = starts.elapsed();
        let settings = settings(&first);
        let orders = format!("{}{}", settings.prefix, topic::ORDER);
        let rocketmq = connect(settings).await;
        let function = done();
        let consumer = start(&rocketmq, function.clone());
        ready(&rocketmq).await;
        let mut sent = BTreeSet::new();
        let mut send_one = async || {
            let key = format!("T{:04}", sent.len());
            send_at_last(&rocketmq, order(&key)).await;
            sent.insert(key);
            sent.len()
        };
        while !(first.has_messages_of(&orders) && second.has_messages_of(&orders)) {
            assert!(send_one().await < 1_000, "one broker is never used");
        }
        second.kill_broker();
        // The client library stops asking it.
        for _ in 0..40 {
            send_one().await;
        }
        second.start_broker();
        first.kill_broker();
        let begun = Instant::now();
        send_one().await;
        let waited = begun.elapsed();
        println!("the first send through the broker that is back took {waited:?}; its first boot {boot:?}");
        assert!(waited < GOING_ON.max(2 * boot));
        first.start_broker();
        eventually_all("the messages that are handled", &sent, || function.keys().into_iter().collect())
            .await;
        consumer.stop().await;
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn a_message_that_another_broker_delivers_again_has_its_attempts_counted_on() {
    on_a_breakable_cluster(Breakable::running, async |first| {
        let second = first.one_more_broker("broker-b");
        second.start_broker();
        let settings = patient(&first);
        let orders = format!("{}{}", settings.prefix, topic::ORDER);
        let rocketmq = connect(settings).await;
        let (in_hand, gone) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let functions = ["one", "two", "three", "four", "five", "six"].map(|group| {
            let (in_hand, gone) = (in_hand.clone(), gone.clone());
            recorder(Subscription::new(group, topic::ORDER, &[]), move |delivery| {
                if delivery.attempt > 1 {
                    return Outcome::Done;
                }
                in_hand.fetch_add(1, Ordering::SeqCst);
                let begun = Instant::now();
                while !gone.load(Ordering::SeqCst) && begun.elapsed() < PATIENCE {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Outcome::retry("its broker is away")
            })
        });
        let consumers = functions.clone().map(|function| start(&rocketmq, function));
        ready(&rocketmq).await;
        rocketmq.send(order("T1")).await.unwrap();
        eventually("every group has it in hand", || in_hand.load(Ordering::SeqCst) == 6).await;
        let keeper = if first.has_messages_of(&orders) { &*first } else { &second };
        keeper.kill_broker();
        gone.store(true, Ordering::SeqCst);
        for function in &functions {
            function.has_seen(2).await;
            let attempts: Vec<_> = function.seen().iter().map(|delivery| delivery.attempt).collect();
            assert_eq!(attempts, [1, 2]);
        }
        for consumer in consumers {
            consumer.stop().await;
        }
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn messages_in_hand_when_the_broker_goes_do_not_hold_up_the_others_when_it_is_back() {
    on_a_breakable_cluster(Breakable::running, async |cluster| {
        let rocketmq = connect(patient(&cluster)).await;
        let (in_hand, away) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let handled = Arc::new(Mutex::new(BTreeSet::new()));
        let function = recorder(created(), {
            let (in_hand, away, handled) = (in_hand.clone(), away.clone(), handled.clone());
            // As a function that has something to send fails while the bus is away.
            move |delivery| {
                if away.load(Ordering::SeqCst) {
                    handled.lock().unwrap().insert(delivery.key.as_deref().unwrap_or_default().to_owned());
                    return Outcome::Done;
                }
                in_hand.store(true, Ordering::SeqCst);
                let begun = Instant::now();
                while !away.load(Ordering::SeqCst) && begun.elapsed() < PATIENCE {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Outcome::retry("the bus is away")
            }
        });
        // A consumer that ends only once all it has in hand is settled must not be waited for that long.
        let settings = ConsumerSettings { drain: 2 * PATIENCE, ..consumer_settings() };
        let consumer = Running::start(rocketmq.clone(), function.clone(), settings);
        ready(&rocketmq).await;
        for number in 0..20 {
            rocketmq.send(order(&format!("T{number:04}"))).await.unwrap();
        }
        eventually("messages are in hand", || in_hand.load(Ordering::SeqCst)).await;
        cluster.kill_broker();
        eventually("the outage is noticed", || rocketmq.readiness() != Readiness::Ready).await;
        away.store(true, Ordering::SeqCst);
        let (starting, starts) = (cluster.clone(), Instant::now());
        tokio::task::spawn_blocking(move || starting.start_broker()).await.unwrap();
        let booted = Instant::now();
        send_at_last(&rocketmq, order("T0020")).await;
        let all = (0..=20).map(|number| format!("T{number:04}")).collect();
        eventually_all("the messages that are handled", &all, || handled.lock().unwrap().clone()).await;
        println!("all are handled {:?} after the boot", booted.elapsed());
        assert!(booted.elapsed() < GOING_ON.max(2 * (booted - starts)));
        consumer.stop().await;
        rocketmq.close().await.unwrap();
    });
}

#[test]
fn connections_are_encrypted_and_only_trusted_servers_are_talked_to() {
    on_a_runtime(async {
        let cluster = Cluster::prepare(&[]);
        let files = tempfile::tempdir().unwrap();
        let ours = Authority::new(files.path(), "ours");
        let other = Authority::new(files.path(), "other");
        let (certificate, key) = ours.sign("server");
        let properties = |mode: &str| {
            format!(
                "tls.test.mode.enable=false\ntls.server.certPath={}\ntls.server.keyPath={}\ntls.server.mode={mode}\n",
                certificate.display(),
                key.display(),
            )
        };
        // The name server also takes the broker, which does not encrypt.
        write(&cluster.name_server_home().join("conf/tls.properties"), &properties("permissive"));
        write(&cluster.broker_home().join("conf/tls.properties"), &properties("enforcing"));
        cluster.start_name_server();
        cluster.start_broker();
        let base = patient(&cluster);
        let trusting = |file: &Path| RocketMqSettings {
            tls: Some(Tls { trusted: Some(file.to_owned()) }),
            ..base.clone()
        };

        let rocketmq = connect(trusting(&ours.certificate)).await;
        let function = recorder(created(), |delivery| match (delivery.key.as_deref(), delivery.attempt) {
            (Some("retried"), 1) => Outcome::retry("not yet"),
            _ => Outcome::Done,
        });
        let consumer = start(&rocketmq, function.clone());
        for key in ["T1", "retried"] {
            send_at_last(&rocketmq, order(key)).await;
        }
        function.has_seen(3).await;

        let distrusting = boxoffice_rocketmq::connect(trusting(&other.certificate)).await.unwrap();
        not_ready(&distrusting, &[&cluster.name_servers(), "ROCKETMQ_TLS_CA"]).await;
        let text = unavailable(send_quickly(&distrusting, order("T2")).await);
        says(&text, &["certificate", "ROCKETMQ_TLS_CA"]);
        let missing = boxoffice_rocketmq::connect(trusting(&files.path().join("nothing.pem"))).await;
        let text = missing.map(|_| ()).unwrap_err().to_string();
        says(&text, &["ROCKETMQ_TLS_CA", "nothing.pem"]);

        send_at_last(&rocketmq, order("T3")).await;
        function.has_seen(4).await;
        assert_eq!(function.keys(), ["T1", "T3", "retried", "retried"]);
        consumer.stop().await;
        rocketmq.close().await.unwrap();
        distrusting.close().await.unwrap();
    });
}

#[test]
fn topics_that_nobody_may_read_are_made_readable_at_the_start() {
    on_a_runtime(async {
        let settings = settings(&SHARED);
        let letters = format!("%DLQ%{}{}", settings.prefix, group::ORDER_PROCESS);
        let orders = format!("{}{}", settings.prefix, topic::ORDER);
        let rocketmq = connect(settings).await;
        for topic in [&letters, &orders] {
            let fields = json!({
                "topic": topic, "defaultTopic": "TBW102", "readQueueNums": "3", "writeQueueNums": "3", "perm": "2",
                "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
            });
            assert_eq!(ask(&SHARED.broker(), CREATE_TOPIC, &fields).0, 0);
        }
        let letter = Outgoing { topic: format!("%DLQ%{}", group::ORDER_PROCESS).into(), ..order("letter") };
        send_at_last(&rocketmq, letter).await;
        send_at_last(&rocketmq, order("T1")).await;
        let functions = [done(), recorder(dead_letters(), |_| Outcome::Done)];
        let consumers = functions.clone().map(|function| start(&rocketmq, function));
        for function in &functions {
            function.has_seen(1).await;
        }
        assert_eq!((functions[0].keys(), functions[1].keys()), (keys(&["T1"]), keys(&["letter"])));
        for topic in [&letters, &orders] {
            let (_, route) = ask(&SHARED.name_servers(), ROUTE, &json!({ "topic": topic }));
            let queues = &route["queueDatas"][0];
            assert_eq!((&queues["perm"], &queues["readQueueNums"]), (&json!(6), &json!(3)), "{topic}");
        }
        for consumer in consumers {
            consumer.stop().await;
        }
        rocketmq.close().await.unwrap();
    });
}

fn order(key: &str) -> Outgoing {
    Outgoing::new(topic::ORDER, tag::ORDER_CREATED, key, key.as_bytes().to_vec())
}

fn new_topic(key: &str) -> Outgoing {
    Outgoing { topic: "NEW_TOPIC".into(), ..order(key) }
}

fn created() -> Subscription {
    Subscription::new(group::ORDER_PROCESS, topic::ORDER, &[tag::ORDER_CREATED])
}

/// The dead letters of [`created`].
fn dead_letters() -> Subscription {
    let topic = format!("%DLQ%{}", group::ORDER_PROCESS).into();
    Subscription { group: "letters", topics: vec![TopicFilter { topic, tags: Vec::new() }] }
}

fn done() -> Arc<Recorder> {
    recorder(created(), |_| Outcome::Done)
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

fn account(base: &RocketMqSettings, access_key: &str, secret_key: &str) -> RocketMqSettings {
    let credentials = Credentials { access_key: access_key.to_owned(), secret_key: Secret::new(secret_key) };
    RocketMqSettings { credentials: Some(credentials), ..base.clone() }
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

async fn connect(settings: RocketMqSettings) -> Arc<dyn RocketMq> {
    let rocketmq = boxoffice_rocketmq::connect(settings).await.unwrap();
    timeout(PATIENCE, rocketmq.reached()).await.expect("the cluster can be reached");
    rocketmq
}

fn start(rocketmq: &Arc<dyn RocketMq>, function: Arc<dyn Function>) -> Running {
    Running::start(rocketmq.clone(), function, consumer_settings())
}

/// Why a consumer ended by itself.
async fn refused(consumer: Running) -> String {
    match consumer.ended().await {
        Err(error @ TransportError::Refused(_)) => {
            println!("refused: {error}");
            error.to_string()
        }
        other => panic!("it was not refused: {other:?}"),
    }
}

fn unavailable(sent: Result<MessageId, SendError>) -> String {
    match sent {
        Err(error @ SendError::Unavailable(_)) => {
            println!("{error}");
            error.to_string()
        }
        other => panic!("the bus is not unavailable: {other:?}"),
    }
}

fn rejected(sent: Result<MessageId, SendError>) -> String {
    match sent {
        Err(error @ SendError::Rejected(_)) => {
            println!("{error}");
            error.to_string()
        }
        other => panic!("it was not rejected: {other:?}"),
    }
}

fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
}

async fn ready(rocketmq: &Arc<dyn RocketMq>) {
    eventually("the cluster is ready", || rocketmq.readiness() == Readiness::Ready).await;
}

/// Waits until the readiness says all of this.
async fn not_ready(rocketmq: &Arc<dyn RocketMq>, parts: &[&str]) {
    let because = || match rocketmq.readiness() {
        Readiness::NotReady { because } => because,
        Readiness::Ready => "it is ready".to_owned(),
    };
    let begun = Instant::now();
    while !parts.iter().all(|part| because().contains(part)) {
        assert!(begun.elapsed() < PATIENCE, "{parts:?} is missing: {}", because());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("not ready: {}", because());
}

/// Sends an order to a [`FakeBroker`], whose ids say nothing.
async fn send_to(rocketmq: &Arc<dyn RocketMq>) -> Result<MessageId, SendError> {
    rocketmq.send(order("T1")).await.map(|_| MessageId(String::new()))
}

async fn send_quickly(rocketmq: &Arc<dyn RocketMq>, message: Outgoing) -> Result<MessageId, SendError> {
    timeout(QUICK, rocketmq.send(message)).await.expect("an answer comes soon")
}

/// Sends until it is taken, as the outbox does.
async fn send_at_last(rocketmq: &Arc<dyn RocketMq>, message: Outgoing) {
    let begun = Instant::now();
    while let Err(error) = rocketmq.send(message.clone()).await {
        assert!(!matches!(error, SendError::Rejected(_)), "{error}");
        assert!(begun.elapsed() < PATIENCE, "{error}");
        tokio::time::sleep(SENDING).await;
    }
}
