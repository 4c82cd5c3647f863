//! An order may be open for longer than its bus holds a message back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_domain::OrderState;
use boxoffice_domain::ports::{Bus, Clock as _, MessageId, Outgoing, Ports, SendError};
use boxoffice_domain::testing::{VirtualClock, World};
use boxoffice_embedded::{Embedded, Options};
use boxoffice_messages::{tag, topic};
use boxoffice_runtime::{Function, Shutdown, Transport as _};
use boxoffice_tests::{eventually, settings};
use jiff::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);

/// A file that holds messages back for as long as SQS does.
struct ShortDelays {
    file: Embedded,
    clock: Arc<VirtualClock>,
    /// For each ORDER_TIMEOUT sent, the instant it was held back to.
    timeouts: Mutex<Vec<Timestamp>>,
}

#[async_trait]
impl Bus for ShortDelays {
    fn longest_delay(&self) -> Option<Duration> {
        Some(15 * MINUTE)
    }

    async fn send(&self, mut message: Outgoing) -> Result<MessageId, SendError> {
        message.deliver_at = message.held_until(self.clock.now(), self.longest_delay());
        let due = message.deliver_at.filter(|_| message.tag.as_deref() == Some(tag::ORDER_TIMEOUT));
        let answer = self.file.send(message).await;
        // Only now: the test moves the clock when it sees it.
        self.timeouts.lock().unwrap().extend(due);
        answer
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_expires_in_time_although_its_bus_delays_for_less() {
    let mut world = World::new();
    world.rules.payment_window = 50 * MINUTE;
    world.on_sale(10);
    let order = world.order("T1", OrderState::Created);
    let folder = tempfile::tempdir().unwrap();
    let options = Options { clock: Some(world.clock.clone()), ..Options::default() };
    let file = Embedded::open(folder.path().join("test.db"), options).unwrap();
    let timeouts = Mutex::default();
    let bus = Arc::new(ShortDelays { file: file.clone(), clock: world.clock.clone(), timeouts });
    let ports = Ports { bus: bus.clone(), ..world.ports() };
    let functions: [Arc<dyn Function>; 2] = [
        Arc::new(order_process::function(&ports, &world.settings())),
        Arc::new(order_timeout::function(&ports, &world.settings())),
    ];
    let shutdown = Shutdown::new();
    let running = functions.map(|function| {
        let (file, shutdown) = (file.clone(), shutdown.clone());
        tokio::spawn(async move { file.run(function, settings(), shutdown).await })
    });
    let body =
        r#"{"orderNo":"T1","userId":9527,"showId":3001,"sessionId":30011,"ticketId":300111,"quantity":2}"#;
    bus.send(Outgoing::new(topic::ORDER, tag::ORDER_CREATED, "T1", body)).await.unwrap();

    let state = || world.orders.state(&order.order_no);
    let due = [15, 30, 45, 50].map(|minutes| order.created_at + minutes * MINUTE);
    for next in due {
        eventually("the next timeout is sent", || bus.timeouts.lock().unwrap().contains(&next)).await;
        assert_eq!(state(), Some(OrderState::AwaitingPayment));
        world.clock.set(next);
        file.wake();
    }
    eventually("the order is cancelled", || state() == Some(OrderState::Cancelled)).await;
    assert_eq!(*bus.timeouts.lock().unwrap(), due);
    shutdown.begin();
    for function in running {
        function.await.unwrap().unwrap();
    }
    file.close().await.unwrap();
}
