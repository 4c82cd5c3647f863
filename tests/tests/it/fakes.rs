//! The fakes that unit tests trust keep the same contracts.

use boxoffice_domain::testing::World;
use boxoffice_tests::stores;

macro_rules! on_the_fakes {
    ($($port:ident: $suite:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $suite() {
                stores::$suite(World::new().ports().$port).await;
            }
        )+
    };
}

on_the_fakes!(
    orders: orders_move_along_the_arrows_once,
    orders: a_late_payment_is_kept_as_a_refund,
    orders: listings_are_paged_without_gaps,
    stock: the_fast_stock_never_oversells,
    stock: limits_and_tombstones_hold,
    ledger: the_ledger_is_the_same_in_any_order,
    idempotency: idempotency_is_fenced,
    dead_letters: dead_letters_are_kept_once,
    statistics: a_sale_counts_once,
);
