//! Sale after sale.

use boxoffice_tests::size::short_or_long;

use crate::support::Place;

/// Servers that run at the same time, each with its share of the sales.
const SERVERS: usize = 5;

#[test]
fn sales_with_different_seeds_all_hold() {
    let sales = short_or_long(20, 100);
    std::thread::scope(|threads| {
        for first in 0..SERVERS {
            threads.spawn(move || {
                let place = Place::new(&[("PAYMENT_WINDOW", "1s")]);
                let server = place.serve();
                for seed in (first..sales).step_by(SERVERS) {
                    one_sale(&place, &seed.to_string());
                }
                place.all_invariants_hold();
                assert_eq!(server.stop(), Some(0));
            });
        }
    });
}

fn one_sale(place: &Place, seed: &str) {
    let args =
        ["demo", "--buyers", "40", "--seats", "12", "--seed", seed, "--at-once", "40", "--time-limit", "100"];
    let ended = place.run(&args);
    assert_eq!(ended.status, Some(0), "seed {seed}: {}\n{}\n{}", ended.stdout, ended.stderr, place.log());
    assert!(ended.stdout.contains("12 of 12"), "seed {seed}: {}", ended.stdout);
}
