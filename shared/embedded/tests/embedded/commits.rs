use boxoffice_domain::ports::Bus;
use boxoffice_messages::group;
use futures_util::future::join_all;

use crate::support::{Place, message, queue_of};

#[tokio::test]
async fn ten_thousand_senders_share_few_commits() {
    let place = Place::new();
    let store = place.open();
    let before = store.figures();
    let sends = (0..10_000).map(|number| store.send(message(&format!("T{number}"))));
    for sent in join_all(sends).await {
        sent.unwrap();
    }
    let after = store.figures();
    assert_eq!(after.writes - before.writes, 10_000);
    let commits = after.commits - before.commits;
    assert!(commits <= 1_000, "{commits} commits for 10,000 writes");
    assert_eq!(queue_of(&store, group::ORDER_PROCESS).await.waiting, 10_000);
}

#[tokio::test]
async fn a_single_write_does_not_wait_for_others() {
    let place = Place::new();
    let store = place.open();
    let before = store.figures();
    for number in 0..20 {
        store.send(message(&format!("T{number}"))).await.unwrap();
    }
    assert_eq!(store.figures().commits - before.commits, 20);
}
