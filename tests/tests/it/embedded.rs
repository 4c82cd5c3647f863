//! Bus and stores in one SQLite file.

use std::sync::Arc;

use boxoffice_embedded::{Embedded, Options};
use boxoffice_tests::bus::Harness;
use boxoffice_tests::{bus, stores};

/// Runs suites on a file each.
macro_rules! on_a_file {
    ($make:ident: $($module:ident :: $suite:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $suite() {
                let folder = tempfile::tempdir().unwrap();
                let store = Embedded::open(folder.path().join("test.db"), Options::default()).unwrap();
                $module::$suite($make(&store)).await;
                store.close().await.unwrap();
            }
        )+
    };
}

fn harness(store: &Embedded) -> Harness {
    Harness { bus: Arc::new(store.clone()), transport: Arc::new(store.clone()) }
}

fn port(store: &Embedded) -> Arc<Embedded> {
    Arc::new(store.clone())
}

on_a_file!(harness:
    bus::a_group_gets_its_tags_and_nothing_else,
    bus::a_delayed_message_waits_for_its_time,
    bus::a_message_that_keeps_failing_is_a_dead_letter_in_the_end,
    bus::a_retry_keeps_to_the_delay_it_asks_for,
    bus::a_bad_message_costs_its_neighbours_nothing,
    bus::competing_consumers_handle_every_message_once,
    bus::every_group_gets_a_message_once,
);

on_a_file!(port:
    stores::orders_move_along_the_arrows_once,
    stores::a_late_payment_is_kept_as_a_refund,
    stores::listings_are_paged_without_gaps,
    stores::the_fast_stock_never_oversells,
    stores::limits_and_tombstones_hold,
    stores::the_ledger_is_the_same_in_any_order,
    stores::idempotency_is_fenced,
    stores::dead_letters_are_kept_once,
    stores::a_sale_counts_once,
);
