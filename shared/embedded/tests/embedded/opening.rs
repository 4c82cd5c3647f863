use std::fs;

use boxoffice_domain::ports::{
    Bus, Claim, ClaimAnswer, DeadLetterStore, IdempotencyKey, IdempotencyStore, OrderStore, Outbox,
    ReservationRequest, Sale, SendError, Statistics, StockCache, StockLedger, StoreError,
};
use boxoffice_domain::{Decimal, LedgerChange, LedgerOperation, TicketId, UserId};
use boxoffice_embedded::{Embedded, OpenError, Options};
use boxoffice_messages::group;

use crate::support::{Place, at, letter, message, no, order, queue_of};

const TICKET: TicketId = TicketId(3);

#[test]
fn a_second_opening_is_refused_and_says_what_to_do() {
    let place = Place::new();
    let _first = place.open();
    let refused = Embedded::open(place.file(), Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::AlreadyOpen { .. }), "{refused:?}");
    let text = refused.to_string();
    assert!(text.contains("boxoffice.db") && text.contains("stop that program"), "{text}");
}

#[test]
fn a_second_opening_by_another_name_of_the_file_is_refused_as_well() {
    let place = Place::new();
    let _first = place.open();
    let other_name = place.folder.path().join("link.db");
    std::os::unix::fs::symlink(place.file(), &other_name).unwrap();
    let refused = Embedded::open(other_name, Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::AlreadyOpen { .. }), "{refused:?}");
}

#[test]
fn a_file_can_be_opened_again_once_the_first_is_dropped() {
    let place = Place::new();
    for _ in 0..3 {
        drop(place.open());
    }
}

#[test]
fn a_file_of_garbage_is_called_damaged_and_left_as_it_is() {
    let place = Place::new();
    fs::write(place.file(), b"these are not the bytes of a database").unwrap();
    let refused = Embedded::open(place.file(), Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::Corrupt { .. }), "{refused:?}");
    assert!(refused.to_string().contains("restore a backup"), "{refused}");
    assert_eq!(fs::read(place.file()).unwrap(), b"these are not the bytes of a database");
}

#[tokio::test]
async fn a_file_with_overwritten_pages_is_called_damaged() {
    let place = Place::new();
    let store = place.open();
    for number in 0..200 {
        store.send(message(&format!("T{number}"))).await.unwrap();
    }
    store.close().await.unwrap();
    drop(store);
    let mut bytes = fs::read(place.file()).unwrap();
    let half = bytes.len() / 2;
    bytes[4096..half].fill(0xAB);
    fs::write(place.file(), bytes).unwrap();
    let refused = Embedded::open(place.file(), Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::Corrupt { .. }), "{refused:?}");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let place = Place::new();
    let other = rusqlite::Connection::open(place.file()).unwrap();
    other.execute_batch("CREATE TABLE diary (page TEXT)").unwrap();
    drop(other);
    let refused = Embedded::open(place.file(), Options::default()).unwrap_err();
    assert!(refused.to_string().contains("another program made it"), "{refused}");
}

#[test]
fn a_file_of_a_newer_program_is_refused() {
    let place = Place::new();
    drop(place.open());
    let file = rusqlite::Connection::open(place.file()).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    let refused = Embedded::open(place.file(), Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::NewerSchema { found: 99, .. }), "{refused:?}");
    assert!(refused.to_string().contains("use a newer version"), "{refused}");
}

#[test]
fn a_folder_is_no_file() {
    let place = Place::new();
    let refused = Embedded::open(place.folder.path(), Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::NotWritable { .. }), "{refused:?}");
    assert!(refused.to_string().contains("directory"), "{refused}");
}

#[test]
fn a_missing_folder_is_named() {
    let place = Place::new();
    let refused =
        Embedded::open(place.folder.path().join("absent").join("b.db"), Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::NotWritable { .. }), "{refused:?}");
    assert!(refused.to_string().contains("absent"), "{refused}");
}

#[tokio::test]
async fn a_closed_file_answers_that_it_is_closed() {
    let place = Place::new();
    let store = place.open();
    store.close().await.unwrap();
    let closed = "the file is closed".to_owned();
    assert_eq!(store.send(message("T1")).await.unwrap_err(), SendError::Unavailable(closed.clone()));
    assert_eq!(OrderStore::get(&store, &no("T1")).await.unwrap_err(), StoreError::Unavailable(closed));
    // The next program may have it although a clone is still around.
    let next = place.open();
    assert_eq!(OrderStore::get(&next, &no("T1")).await.unwrap(), None);
}

#[tokio::test]
async fn a_closed_file_needs_no_log_beside_it() {
    let place = Place::new();
    let store = place.open();
    store.send(message("T1")).await.unwrap();
    store.close().await.unwrap();
    let log = place.folder.path().join("boxoffice.db-wal");
    assert!(fs::metadata(log).map_or(0, |data| data.len()) == 0);
}

#[tokio::test]
async fn a_reopened_file_has_everything() {
    let place = Place::new();
    let key = IdempotencyKey::new("sms", "T1", 0);
    let claim = Claim {
        owner: "u1".to_owned(),
        payload_hash: "h".to_owned(),
        data: Some("T1".to_owned()),
        now: at(0),
        lease_until: at(60),
        expires_at: at(3600),
    };
    let sale = Sale {
        order_no: no("T1"),
        show_id: None,
        ticket_id: TICKET,
        quantity: 2,
        amount: Some(Decimal::new(38_000, 2)),
        at: at(3),
    };
    {
        let store = place.open();
        store.create(&order("T1"), Outbox::remembered(vec![message("T1")])).await.unwrap();
        StockCache::load(&store, TICKET, 10).await.unwrap();
        let request = ReservationRequest {
            ticket_id: TICKET,
            order_no: no("T1"),
            user_id: UserId(1001),
            quantity: 2,
            per_user_limit: None,
        };
        store.reserve(&request).await.unwrap();
        StockLedger::load(&store, TICKET, 10).await.unwrap();
        let deduct = LedgerChange { order_no: no("T1"), quantity: 2, operation: LedgerOperation::Deduct };
        store.apply(TICKET, &[deduct]).await.unwrap();
        store.begin(&key, &claim).await.unwrap();
        store.complete(&key, "u1", Some("sent"), at(3600)).await.unwrap();
        store.put(&letter("l1", group::ORDER_PAID)).await.unwrap();
        store.record(&sale).await.unwrap();
    }
    let store = place.open();
    assert_eq!(OrderStore::get(&store, &no("T1")).await.unwrap(), Some(order("T1")));
    assert_eq!(queue_of(&store, group::ORDER_PROCESS).await.waiting, 1);
    let stock = store.stock(TICKET).await.unwrap().unwrap();
    assert_eq!((stock.available, stock.held, stock.reservations), (8, 2, 1));
    assert_eq!(store.counters(TICKET).await.unwrap().unwrap().locked, 2);
    assert_eq!(
        store.begin(&key, &claim).await.unwrap(),
        ClaimAnswer::Completed { result: Some("sent".to_owned()) }
    );
    assert_eq!(DeadLetterStore::get(&store, "l1").await.unwrap(), Some(letter("l1", group::ORDER_PAID)));
    assert!(!store.record(&sale).await.unwrap());
    assert_eq!(store.total(TICKET).await.unwrap().amount.to_string(), "380.00");
}

#[tokio::test]
async fn no_message_id_is_ever_used_twice() {
    let place = Place::new();
    let mut ids = std::collections::HashSet::new();
    for _ in 0..3 {
        let store = place.open();
        for _ in 0..3 {
            assert!(ids.insert(store.send(message("T1")).await.unwrap().0));
        }
    }
    assert_eq!(ids.len(), 9);
}
