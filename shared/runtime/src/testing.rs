//! Deliveries and contexts for the tests of functions.

use std::sync::Arc;

use crate::{Context, Delivery};

/// A first delivery of an empty body, without tag and key.
pub fn delivery() -> Delivery {
    Delivery {
        topic: Arc::from("TEST_TOPIC"),
        tag: None,
        key: None,
        message_id: Arc::from("m1"),
        body: bytes::Bytes::new(),
        sys_flag: 0,
        attempt: 1,
        generation: 0,
        sent_at: None,
        available_at: None,
        properties: Vec::new(),
    }
}

/// The context of [`delivery`].
pub fn context() -> Context {
    context_of(delivery())
}

/// The context of a delivery.
pub fn context_of(delivery: Delivery) -> Context {
    Context { delivery: Arc::new(delivery), group: "test-group" }
}
