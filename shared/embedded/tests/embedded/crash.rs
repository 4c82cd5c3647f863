use std::time::Duration;

use boxoffice_domain::ports::{Bus, OrderStore, Outbox};
use boxoffice_embedded::{Embedded, Options};
use boxoffice_messages::group;
use boxoffice_runtime::{ConsumerSettings, DEAD_LETTER_ATTEMPTS, DEAD_LETTER_REASON, Outcome, Subscription};

use crate::support::{
    Place, Scripted, crash_image, created, drained, message, no, order, queue_of, quick, run, until,
};

fn dead_letters() -> Subscription {
    Subscription { group: group::DLQ_HANDLER, topics: Vec::new() }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let place = Place::new();
    let store = place.open();
    for number in 0..50 {
        let name = format!("T{number}");
        store.create(&order(&name), Outbox::remembered(vec![message(&name)])).await.unwrap();
    }
    let image = place.folder.path().join("image.db");
    crash_image(&store, &image);

    let revived = Embedded::open(image, Options::default()).unwrap();
    for number in 0..50 {
        assert!(revived.get(&no(&format!("T{number}"))).await.unwrap().is_some());
    }
    assert_eq!(queue_of(&revived, group::ORDER_PROCESS).await.waiting, 50);
}

#[tokio::test]
async fn a_message_in_flight_at_a_kill_comes_again_with_one_attempt_more() {
    let place = Place::new();
    let store = place.open();
    store.send(message("T1")).await.unwrap();
    let stuck = Scripted::new(created(), |_| None);
    let running = run(&store, stuck.clone(), quick());
    stuck.has_seen(1).await;
    // How far the group has claimed is written down by the next commit, whoever makes it.
    store.send(message("T2")).await.unwrap();
    let image = place.folder.path().join("image.db");
    crash_image(&store, &image);
    running.abort().await;

    let revived = Embedded::open(image, Options::default()).unwrap();
    let function = Scripted::done();
    let running = run(&revived, function.clone(), quick());
    function.has_seen(2).await;
    running.stop().await.unwrap();
    let mut attempts: Vec<(String, u32)> = function
        .seen()
        .iter()
        .map(|delivery| (delivery.key.as_deref().unwrap().to_owned(), delivery.attempt))
        .collect();
    attempts.sort();
    assert_eq!(attempts, [("T1".to_owned(), 2), ("T2".to_owned(), 1)]);
}

#[tokio::test]
async fn a_message_that_ends_the_program_each_time_ends_in_the_dead_letters() {
    let place = Place::new();
    let mut path = place.file();
    let store = Embedded::open(&path, Options::default()).unwrap();
    store.send(message("T1")).await.unwrap();
    let mut store = Some(store);
    // The first kill may cost no attempt; from the second on, a claim is written down before the handler runs.
    for life in 0..4 {
        let current = store.take().unwrap_or_else(|| Embedded::open(&path, Options::default()).unwrap());
        let killer = Scripted::new(created(), |_| None);
        let running = run(&current, killer.clone(), quick());
        killer.has_seen(1).await;
        path = place.folder.path().join(format!("life-{life}.db"));
        crash_image(&current, &path);
        running.abort().await;
    }

    let store = Embedded::open(&path, Options::default()).unwrap();
    let function = Scripted::done();
    let letters = Scripted::new(dead_letters(), |_| Some(Outcome::Done));
    let (first, second) = (run(&store, function.clone(), quick()), run(&store, letters.clone(), quick()));
    letters.has_seen(1).await;
    assert!(function.seen().is_empty(), "it must not run once more");
    let letter = &letters.seen()[0];
    assert_eq!(letter.key.as_deref(), Some("T1"));
    assert_eq!(letter.property(DEAD_LETTER_ATTEMPTS), Some("3"));
    assert_eq!(letter.property(DEAD_LETTER_REASON), Some("the program ended while it handled this message"));
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_clean_stop_costs_no_attempt() {
    let place = Place::new();
    let store = place.open();
    store.send(message("T1")).await.unwrap();
    let stuck = Scripted::new(created(), |_| None);
    let running = run(&store, stuck.clone(), quick());
    stuck.has_seen(1).await;
    running.stop().await.unwrap();
    store.send(message("T2")).await.unwrap();
    store.close().await.unwrap();
    drop(store);

    let store = place.open();
    let function = Scripted::done();
    let running = run(&store, function.clone(), quick());
    function.has_seen(2).await;
    running.stop().await.unwrap();
    assert!(function.seen().iter().all(|delivery| delivery.attempt == 1));
}

#[tokio::test]
async fn a_consumer_that_is_dropped_loses_nothing() {
    let place = Place::new();
    let store = place.open();
    for number in 0..200 {
        store.send(message(&format!("T{number}"))).await.unwrap();
    }
    for _ in 0..20 {
        let function = Scripted::done();
        let running = run(&store, function.clone(), ConsumerSettings { batch: 3, ..quick() });
        tokio::task::yield_now().await;
        running.abort().await;
    }
    let running = run(&store, Scripted::done(), quick());
    drained(&store, group::ORDER_PROCESS).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn closing_under_a_running_consumer_ends_it_with_an_error() {
    let place = Place::new();
    let store = place.open();
    let function = Scripted::done();
    let running = run(&store, function.clone(), quick());
    store.send(message("T1")).await.unwrap();
    drained(&store, group::ORDER_PROCESS).await;
    store.close().await.unwrap();
    until("the consumer ended", || running.is_finished()).await;
    let error = tokio::time::timeout(Duration::from_secs(1), running.ended()).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("the file is closed"), "{error}");
}
