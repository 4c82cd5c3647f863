use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use boxoffice_domain::ports::{Notice, NotificationProvider};
use boxoffice_messages::Channel;
use boxoffice_notify::{Delivery, DeliveryLogError, NotificationLog, SetupError, read_deliveries};

use crate::support::{clock, notice};

/// Set for the child process of the kill test: the file to write to.
const CHILD_FILE: &str = "BOXOFFICE_TEST_NOTIFICATIONS";

fn deliveries(path: &Path) -> Vec<Delivery> {
    read_deliveries(path).unwrap().collect::<Result<_, _>>().unwrap()
}

fn delivery(channel: Channel, key: &str) -> Delivery {
    Delivery { channel, idempotency_key: key.to_owned() }
}

#[tokio::test]
async fn a_person_reads_one_line_per_notice_with_everything_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notifications.log");
    let log = NotificationLog::append_to(&path, clock()).unwrap();
    log.provider(Channel::Sms).deliver(&notice("T1/ORDER_PAID/SMS", "+8613800138000")).await.unwrap();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "2026-11-22T10:15:30Z SMS key=\"T1/ORDER_PAID/SMS\" to=\"+8613800138000\" template=\"ORDER_PAID\" \
         title=\"购票成功 🎉\" content=\"Your order T1 is paid.\\nSee you there.\"\n"
    );
}

#[tokio::test]
async fn what_was_delivered_is_read_back_in_order_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notifications.log");
    let nasty = "quote\" key=\"x\" \\ \n\r 单号 🎉";
    for _ in 0..2 {
        let log = NotificationLog::append_to(&path, clock()).unwrap();
        let sly = Notice {
            content: "\n2026-11-22T10:15:30Z SMS key=\"forged\"".to_owned(),
            ..notice(nasty, nasty)
        };
        log.provider(Channel::Push).deliver(&sly).await.unwrap();
        log.provider(Channel::Email).deliver(&notice("", "")).await.unwrap();
    }
    let once = [delivery(Channel::Push, nasty), delivery(Channel::Email, "")];
    assert_eq!(deliveries(&path), [once.clone(), once].concat());
}

#[tokio::test]
async fn providers_that_share_a_file_never_mix_their_lines() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notifications.log");
    let log = NotificationLog::append_to(&path, clock()).unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for channel in Channel::ALL {
        let provider = Arc::new(log.provider(*channel));
        for number in 0..200 {
            let provider = Arc::clone(&provider);
            writers.spawn(async move { provider.deliver(&notice(&format!("{number}"), "x")).await });
        }
    }
    for result in writers.join_all().await {
        result.unwrap();
    }
    let mut counts = HashMap::new();
    for delivery in deliveries(&path) {
        *counts.entry(delivery).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 600);
    assert!(counts.values().all(|count| *count == 1));
}

#[tokio::test]
async fn a_line_that_was_cut_short_counts_as_not_delivered_and_spoils_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notifications.log");
    let log = NotificationLog::append_to(&path, clock()).unwrap();
    log.provider(Channel::Sms).deliver(&notice("whole", "x")).await.unwrap();
    drop(log);
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"2026-11-22T10:15:30Z SMS key=\"cut\" to=\"x").unwrap();
    assert_eq!(deliveries(&path), [delivery(Channel::Sms, "whole")]);

    let log = NotificationLog::append_to(&path, clock()).unwrap();
    log.provider(Channel::Sms).deliver(&notice("after", "x")).await.unwrap();
    assert_eq!(deliveries(&path), [delivery(Channel::Sms, "whole"), delivery(Channel::Sms, "after")]);
}

#[test]
fn a_line_that_nobody_here_wrote_is_an_error_with_its_number() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notifications.log");
    for line in [
        "hello",
        "2026-11-22T10:15:30Z FAX key=\"a\"",
        "today SMS key=\"a\"",
        "2026-11-22T10:15:30Z SMS key=a",
    ] {
        std::fs::write(&path, format!("2026-11-22T10:15:30Z SMS key=\"a\" to=\"\"\n{line}\n")).unwrap();
        let found: Vec<_> = read_deliveries(&path).unwrap().collect();
        assert!(matches!(&found[..], [Ok(_), Err(DeliveryLogError::Malformed(2))]), "{line}: {found:?}");
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let Err(error) = NotificationLog::append_to(directory.path(), clock()) else { panic!("it opened") };
    assert!(matches!(&error, SetupError::Log { path, .. } if directory.path().ends_with(path)), "{error}");
    let missing = directory.path().join("none.log");
    assert!(matches!(read_deliveries(&missing), Err(DeliveryLogError::Io(_))));
}

#[test]
fn a_killed_process_leaves_every_acknowledged_delivery_in_the_file_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notifications.log");
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "delivery_log::the_child_that_is_killed", "--nocapture"])
            .env(CHILD_FILE, &path)
            .env("ROUND", round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let keys = |line: String| line.split_once("delivered ").map(|(_, key)| key.to_owned());
        acknowledged.extend(lines.by_ref().filter_map(keys).take(300));
        child.kill().unwrap();
        child.wait().unwrap();
        // What the child had said before it died counts too.
        acknowledged.extend(lines.filter_map(keys));
    }
    assert!(acknowledged.len() >= 900, "only {}", acknowledged.len());

    let mut counts: HashMap<String, u32> = HashMap::new();
    for delivery in deliveries(&path) {
        *counts.entry(delivery.idempotency_key).or_default() += 1;
    }
    for key in &acknowledged {
        assert_eq!(counts.get(key), Some(&1), "{key}");
    }
    assert!(counts.len() <= acknowledged.len() + 3, "at most one delivery per kill is unacknowledged");
}

#[tokio::test]
async fn the_child_that_is_killed() {
    let Some(path) = std::env::var_os(CHILD_FILE) else { return };
    let round = std::env::var("ROUND").unwrap();
    let provider = NotificationLog::append_to(Path::new(&path), clock()).unwrap().provider(Channel::Sms);
    for number in 0.. {
        let key = format!("{round}-{number}");
        provider.deliver(&notice(&key, "+8613800138000")).await.unwrap();
        let mut stdout = std::io::stdout().lock();
        // The parent may be gone already: then nobody counts on.
        if writeln!(stdout, "delivered {key}").and_then(|()| stdout.flush()).is_err() {
            return;
        }
    }
}
