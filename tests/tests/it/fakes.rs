//! The fakes that unit tests trust keep the same contracts.

use std::sync::Arc;

use boxoffice_domain::ports::{
    DeadLetterStore, IdempotencyStore, OrderStore, Statistics, StockCache, StockLedger,
};
use boxoffice_domain::testing::{FakeStoreAudit, World};
use boxoffice_tests::stores::{self, audit::Audited, outbox::Marking};

fn orders() -> Arc<dyn OrderStore> {
    World::new().orders
}

fn marking() -> Marking {
    let world = World::new();
    Marking { store: world.orders, clock: world.clock }
}

fn stock_cache() -> Arc<dyn StockCache> {
    World::new().stock_cache
}

fn ledger() -> Arc<dyn StockLedger> {
    World::new().ledger
}

fn idempotency() -> Arc<dyn IdempotencyStore> {
    World::new().idempotency
}

fn dead_letters() -> Arc<dyn DeadLetterStore> {
    World::new().dead_letters
}

fn statistics() -> Arc<dyn Statistics> {
    World::new().statistics
}

fn audited() -> Audited {
    let world = World::new();
    Audited {
        audit: Arc::new(FakeStoreAudit::new(&world)),
        orders: world.orders,
        ledger: world.ledger,
        idempotency: world.idempotency,
        statistics: world.statistics,
        clock: world.clock,
    }
}

macro_rules! on_the_fakes {
    ($($port:ident: $module:ident::$suite:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $suite() {
                stores::$module::$suite($port()).await;
            }
        )+
    };
}

every_store_suite!(on_the_fakes);

#[tokio::test]
async fn a_store_that_sends_leaves_nothing_to_the_caller() {
    let world = World::in_one_file();
    let sent = async || world.bus.sent().len() as u64;
    stores::outbox::a_store_that_sends_leaves_nothing_to_the_caller(world.orders.clone(), sent).await;
}
