//! A function: one decoded message in, an outcome out.
//!
//! `cargo run -p boxoffice-runtime --example function`

#![allow(clippy::expect_used, reason = "an example may stop at the first surprise")]

#[path = "transport/mod.rs"]
mod transport;

use async_trait::async_trait;
use boxoffice_messages::{OrderEventMessage, group, tag, topic};
use boxoffice_runtime::{Context, Engine, Handler, Outcome, Subscription};

/// Thanks the buyer of each paid order.
struct Thanks;

#[async_trait]
impl Handler for Thanks {
    type Message = OrderEventMessage;

    fn subscription(&self) -> Subscription {
        Subscription::new(group::ORDER_PAID, topic::ORDER, &[tag::ORDER_PAID])
    }

    async fn handle(&self, message: OrderEventMessage, context: &Context) -> Outcome {
        thank(&message, context).into()
    }
}

/// Errors convert with `?`: a message without an order number is poison.
fn thank(message: &OrderEventMessage, context: &Context) -> Result<Outcome, Outcome> {
    let order_no = message.require_order_no()?;
    println!("thank you for order {order_no} (attempt {})", context.attempt());
    Ok(Outcome::Done)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let function = Engine::new("thanks", Thanks);
    // One good message, one without an order number, and one that is not JSON: each is answered by itself.
    let answers = transport::deliver(&function, &[r#"{"orderNo":"T1"}"#, "{}", "garbage"]).await;
    assert_eq!(answers[0], Some(Outcome::Done));
    assert_eq!(answers[1], Some(Outcome::poison("OrderEventMessage has no orderNo")));
    assert!(matches!(&answers[2], Some(Outcome::Poison { because }) if because.contains("cannot be read")));
}
