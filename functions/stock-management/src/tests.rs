use boxoffice_domain::testing::World;
use boxoffice_domain::{Counters, OrderState};
use boxoffice_runtime::testing::{context, context_of, delivery};

use super::*;

mod changes;
mod sync;

fn message(operation: StockOperation, number: &str) -> StockEventMessage {
    StockEventMessage {
        ticket_id: Some(World::TICKET.0),
        quantity: Some(2),
        operation: Some(operation),
        order_no: Some(number.to_owned()),
        ..StockEventMessage::default()
    }
}

fn deduct(number: &str) -> StockEventMessage {
    message(StockOperation::Deduct, number)
}

fn confirm(number: &str) -> StockEventMessage {
    message(StockOperation::Confirm, number)
}

fn rollback(number: &str) -> StockEventMessage {
    message(StockOperation::Rollback, number)
}

fn sync() -> StockEventMessage {
    StockEventMessage {
        ticket_id: Some(World::TICKET.0),
        operation: Some(StockOperation::Sync),
        ..StockEventMessage::default()
    }
}

async fn handle(world: &World, messages: impl IntoIterator<Item = StockEventMessage>) -> Vec<Outcome> {
    let batch: Vec<_> = messages.into_iter().map(|message| (message, context())).collect();
    StockManagement::new(&world.ports(), &world.settings()).handle_batch(&batch).await
}

async fn redelivered(world: &World, message: StockEventMessage) -> Outcome {
    let second = context_of(boxoffice_runtime::Delivery { attempt: 2, ..delivery() });
    let mut outcomes =
        StockManagement::new(&world.ports(), &world.settings()).handle_batch(&[(message, second)]).await;
    outcomes.remove(0)
}

/// Reserves the two seats of an order, as order-process does.
async fn reserve(world: &World, number: &str) {
    use boxoffice_domain::UserId;
    use boxoffice_domain::ports::{ReservationRequest, ReserveAnswer, StockCache as _};
    let request = ReservationRequest {
        ticket_id: World::TICKET,
        order_no: World::order_no(number),
        user_id: UserId(9527),
        quantity: 2,
        per_user_limit: None,
    };
    assert_eq!(world.stock_cache.reserve(&request).await, Ok(ReserveAnswer::Reserved));
}

fn counters(world: &World) -> (u32, u32) {
    let Counters { locked, sold, .. } = world.ledger.snapshot(World::TICKET);
    (locked, sold)
}

fn available(world: &World) -> u32 {
    world.stock_cache.snapshot(World::TICKET).unwrap().available
}
