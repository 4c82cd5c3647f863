//! Several processes on one file; an opening of its own stands for each.

use std::sync::Arc;

use boxoffice_domain::ports::{
    OrderStore, Outbox, ReservationRequest, ReserveAnswer, StockCache, StockLedger,
};
use boxoffice_domain::{TicketId, UserId};
use boxoffice_embedded::{Embedded, OpenError, Options};

use crate::support::{Place, no, order};

const TICKET: TicketId = TicketId(3);

fn share(place: &Place) -> Result<Embedded, OpenError> {
    Embedded::open(place.file(), Options::stores_only())
}

#[test]
fn a_file_is_shared_only_by_those_who_all_share_it() {
    let place = Place::new();
    let shared = [share(&place).unwrap(), share(&place).unwrap()];
    let refused = Embedded::open(place.file(), Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::AlreadyOpen { .. }), "{refused:?}");
    drop(shared);
    let _alone = place.open();
    let refused = share(&place).unwrap_err();
    assert!(refused.to_string().contains("BUS is elsewhere"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_open_a_new_file_at_once_all_get_it() {
    let place = Arc::new(Place::new());
    let openings: Vec<_> = (0..12)
        .map(|_| {
            let place = place.clone();
            std::thread::spawn(move || share(&place).unwrap())
        })
        .collect();
    for opening in openings {
        opening.join().unwrap().close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_writes_the_others_read_at_once() {
    let place = Place::new();
    let (one, other) = (share(&place).unwrap(), share(&place).unwrap());
    one.create(&order("T1"), Outbox::default()).await.unwrap();
    assert_eq!(other.get(&no("T1")).await.unwrap().unwrap().order_no, no("T1"));
}

/// The seats of a ticket are handed out once each, however the commits of eight processes interleave.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_race_for_seats_sell_none_twice() {
    const SEATS: u32 = 100;
    let place = Place::new();
    let stores: Vec<Embedded> = (0..8).map(|_| share(&place).unwrap()).collect();
    StockLedger::load(&stores[0], TICKET, SEATS).await.unwrap();
    StockCache::load(&stores[0], TICKET, SEATS).await.unwrap();
    let racing: Vec<_> = stores
        .iter()
        .cloned()
        .enumerate()
        .map(|(number, store)| {
            tokio::spawn(async move {
                let mut got = 0;
                for order in 0..40 {
                    let request = ReservationRequest {
                        ticket_id: TICKET,
                        order_no: no(&format!("T{number}-{order}")),
                        user_id: UserId(1),
                        quantity: 1,
                        per_user_limit: None,
                    };
                    got +=
                        u32::from(matches!(store.reserve(&request).await.unwrap(), ReserveAnswer::Reserved));
                }
                got
            })
        })
        .collect();
    let mut sold = 0;
    for task in racing {
        sold += task.await.unwrap();
    }
    assert_eq!(sold, SEATS);
    let stock = StockCache::stock(&stores[3], TICKET).await.unwrap().unwrap();
    assert_eq!((stock.available, stock.held), (0, SEATS));
}
