use std::sync::Arc;
use std::time::Duration;

use super::shop::{SeenOrder, Shop, ShopError, Wish};
use super::tally::Tally;

/// The pause between two looks at an order that is being processed.
const LOOK_AGAIN: Duration = Duration::from_millis(150);
/// The pause between two looks at an order that its buyer does not mean to pay.
const LOOK_NOW_AND_THEN: Duration = Duration::from_secs(1);

/// What a buyer means to do once seats are reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// Pay at once.
    Pay,
    /// Never pay, and see whether the order is cancelled in time.
    WalkAway,
    /// Never pay, and not wait either: the time to pay is too long to watch.
    WalkAwayUnseen,
}

/// How it ended for a buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Paid,
    SoldOut,
    TimedOut,
    StillReserved,
}

/// One buyer, from the order to the end.
pub(super) async fn buy(
    shop: &Shop,
    tally: &Arc<Tally>,
    wish: Wish,
    key: String,
    intent: Intent,
) -> Result<End, ShopError> {
    let (order, took) = shop.order(wish, &key).await?;
    tally.accepted(took, &order.order_no);
    let order = wait_while(shop, tally, order, "Created", LOOK_AGAIN).await?;
    if order.state == "Cancelled" {
        return Ok(End::SoldOut);
    }
    match intent {
        Intent::Pay => pay(shop, tally, &order.order_no).await,
        Intent::WalkAwayUnseen => Ok(End::StillReserved),
        Intent::WalkAway => {
            let order = wait_while(shop, tally, order, "AwaitingPayment", LOOK_NOW_AND_THEN).await?;
            Ok(if order.state == "Cancelled" { End::TimedOut } else { End::Paid })
        }
    }
}

async fn pay(shop: &Shop, tally: &Arc<Tally>, order_no: &str) -> Result<End, ShopError> {
    match shop.pay(order_no).await {
        Ok((_, took)) => {
            tally.paid(took);
            Ok(End::Paid)
        }
        // The time to pay ran out while the server was away: that is an answer, and no money was taken.
        Err(ShopError::Refused { status: 409, .. }) => {
            let order = shop.look(order_no).await?;
            Ok(if order.state == "Cancelled" { End::TimedOut } else { End::StillReserved })
        }
        Err(error) => Err(error),
    }
}

/// Looks at an order until it has left `state`, and checks that it moved along an arrow.
async fn wait_while(
    shop: &Shop,
    tally: &Arc<Tally>,
    order: SeenOrder,
    state: &str,
    pause: Duration,
) -> Result<SeenOrder, ShopError> {
    let begun = std::time::Instant::now();
    let mut order = order;
    while order.state == state {
        if shop.is_over() {
            return Err(ShopError::GaveUp(format!("order {} is still {state}", order.order_no)));
        }
        tokio::time::sleep(pause).await;
        let next = shop.look(&order.order_no).await?;
        tally.moved(&order.state, &next.state);
        order = next;
    }
    if state == "Created" {
        tally.processed(begun.elapsed());
    }
    Ok(order)
}
