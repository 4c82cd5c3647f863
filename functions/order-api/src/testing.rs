//! A service on fakes, for the tests of this crate.

use std::sync::Arc;

use boxoffice_domain::testing::World;
use boxoffice_domain::{Contact, SessionId, ShowId, TicketId, UserId};
use boxoffice_messages::{OrderEventMessage, Payload};

use crate::{CallContext, NewOrder, OrderService};

/// The service on these fakes.
pub fn service(world: &World) -> OrderService {
    OrderService::new(&world.ports(), &world.settings())
}

/// Fakes with [`World::TICKET`] on sale, and the service on them.
pub fn on_sale() -> (World, Arc<OrderService>) {
    let world = World::new();
    world.on_sale(100);
    let service = Arc::new(service(&world));
    (world, service)
}

/// Two tickets of [`World::TICKET`] for buyer 9527.
pub fn new_order() -> NewOrder {
    NewOrder {
        user_id: UserId(9_527),
        show_id: ShowId(3_001),
        session_id: SessionId(30_011),
        ticket_id: TicketId(300_111),
        quantity: 2,
        contact: Contact::default(),
    }
}

/// A call with this idempotency key.
pub fn with_key(key: &str) -> CallContext {
    CallContext { idempotency_key: Some(key.to_owned()), traceparent: None }
}

/// The only message sent with this tag.
pub fn only_message(world: &World, tag: &str) -> OrderEventMessage {
    let sent = world.bus.sent_with(tag);
    assert_eq!(sent.len(), 1, "messages with tag {tag}");
    OrderEventMessage::decode(&sent[0].body).unwrap()
}
