//! The program is killed while a sale goes on.

use std::process::{Child, Stdio};
use std::time::Duration;

use boxoffice_tests::http::free_address;
use boxoffice_tests::size::short_or_long;
use boxoffice_tests::until;

use crate::support::{Ended, Place};

/// Decides when the server is killed; the same in every run.
const SEED: u64 = 20_261_122;

fn sale(place: &Place, buyers: u32) -> Child {
    let buyers = buyers.to_string();
    place
        .command(&["demo", "--buyers", &buyers, "--seats", "200", "--time-limit", "150", "--at-once", "24"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills or stops a server some times while a sale goes on.
fn interrupt(kill: bool, times: u32) {
    let address = free_address().to_string();
    let place = Place::new(&[("LISTEN", &address), ("PAYMENT_WINDOW", "3s"), ("DRAIN_TIMEOUT", "5s")]);
    let mut server = place.serve();
    // Enough of them to outlast the interruptions.
    let mut sale = sale(&place, 300 * times);
    let mut random = SEED;
    let mut interrupted = 0;
    for _ in 0..times {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The moment of the kill is the test's input, not something it waits for.
        std::thread::sleep(Duration::from_millis(100 + (random >> 33) % 500));
        interrupted += u32::from(sale.try_wait().unwrap().is_none());
        if kill {
            server.kill();
        } else {
            assert_eq!(server.stop(), Some(0), "{}", place.log());
        }
        server = place.serve();
    }
    assert!(5 * interrupted >= 4 * times, "the sale was over after {interrupted} interruptions");
    let begun = std::time::Instant::now();
    while sale.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(180), "the sale never ends");
        std::thread::sleep(Duration::from_millis(50));
    }
    let sale = Ended::of(&sale.wait_with_output().unwrap());
    assert_eq!(sale.status, Some(0), "{}\n{}\n{}", sale.stdout, sale.stderr, place.log());
    place.all_invariants_hold();
    until("nothing waits", || {
        let status = place.json(&["status"]);
        let groups = status.as_array().unwrap();
        assert!(!groups.is_empty());
        let idle = groups.iter().all(|group| group["waiting"] == 0 && group["inFlight"] == 0);
        idle.then_some(())
    });
    assert_eq!(place.json(&["dlq", "list"])["letters"].as_array().unwrap().len(), 0);
    assert_eq!(server.stop(), Some(0));
    // The file alone shows the same.
    place.all_invariants_hold();
}

#[test]
fn ten_kills_of_the_server_in_a_sale_lose_nothing() {
    interrupt(true, 10);
}

/// An orderly stop is a kill that loses less: it adds only that what is in hand is brought to its end.
#[test]
fn stops_of_the_server_in_a_sale_lose_nothing() {
    interrupt(false, short_or_long(3, 10));
}
