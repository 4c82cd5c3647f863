use boxoffice_domain::TicketId;
use boxoffice_domain::ports::{SendError, StoreError, Tier};
use boxoffice_domain::testing::World;
use boxoffice_messages::{Payload, StockEventMessage, StockOperation};

use super::*;

const INTERVAL: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_comparison_is_asked_for_every_ticket() {
    let world = World::new();
    world.on_sale(10);
    let tier = world.catalogue.tier(World::TICKET).await.unwrap().unwrap();
    world.catalogue.put(Tier { ticket_id: TicketId(5), ..tier });
    let report = sweeper(&world.ports(), &world.settings(), INTERVAL).sweep().await.unwrap();
    assert_eq!(report.examined, 2);
    let sent = world.bus.sent_with("STOCK_SYNC");
    let keys: Vec<_> = sent.iter().filter_map(|message| message.key.as_deref()).collect();
    assert_eq!(keys, ["5", "300111"]);
    let event = StockEventMessage::decode(&sent[0].body).unwrap();
    assert_eq!((event.ticket_id, event.operation), (Some(5), Some(StockOperation::Sync)));
}

#[tokio::test]
async fn a_catalogue_or_bus_that_is_away_ends_the_sweep_with_its_error() {
    let world = World::new();
    world.on_sale(10);
    let reconcile = sweeper(&world.ports(), &world.settings(), INTERVAL);
    let away = StoreError::Unavailable("away".to_owned());
    world.catalogue.fail_next(1, away.clone());
    assert_eq!(reconcile.sweep().await, Err(SweepError::Store(away)));
    let unsent = SendError::Unavailable("away".to_owned());
    world.bus.fail_next(1, unsent.clone());
    assert_eq!(reconcile.sweep().await, Err(SweepError::Send(unsent)));
    assert!(reconcile.sweep().await.is_ok());
}

#[test]
fn it_runs_as_often_as_it_is_told() {
    let world = World::new();
    let reconcile = sweeper(&world.ports(), &world.settings(), Duration::from_secs(7));
    assert_eq!((reconcile.name(), reconcile.interval()), (NAME, Duration::from_secs(7)));
}
