use std::collections::{BTreeMap, HashSet};

use boxoffice_domain::ports::{Ports, SalesCount};
use boxoffice_messages::group;

use super::letters::unexplained;
use super::messages::Messages;
use super::notifications::{NOTIFIERS, Notifications};
use super::orders::Orders;
use super::stock::Stock;
use crate::operator::OperatorError;
use crate::operator::audit::Audit;

/// Everything counted once.
#[derive(Debug)]
pub(super) struct Census {
    /// Nothing was due, in flight or marked, neither before nor after, and nothing came in between: what holds only at
    /// rest can be judged.
    pub(super) quiet: bool,
    pub(super) orders: Orders,
    pub(super) stock: Stock,
    pub(super) messages: Messages,
    pub(super) notifications: Notifications,
    pub(super) sales: SalesCount,
    /// Dead letters kept, by consumer group.
    pub(super) dead_letters: BTreeMap<String, u64>,
    /// Paid orders with neither seats nor refund that no dead letter of the groups that owe the seats accounts for.
    pub(super) seats_missing: HashSet<String>,
    /// Paid orders without a sale that no dead letter of the group that records it accounts for.
    pub(super) sales_missing: HashSet<String>,
}

impl Census {
    /// Reads everything page by page. It never holds up a writer, so what is read last may be newer than what was read
    /// first; the second look at the messages tells whether anything happened meanwhile.
    pub(super) async fn take(ports: &Ports, audit: &Audit) -> Result<Self, OperatorError> {
        let Audit { store, bus, groups, deliveries } = audit;
        let letters = &*ports.dead_letters;
        // Before the messages: an order that has expired by now has its timeout among those that are due.
        let now = ports.clock.now();
        let before = Messages::look(&**bus, groups, &**store).await?;
        let orders = Orders::count(&**store, now).await?;
        let stock = Stock::count(ports, &**store).await?;
        let sales = store.sales().await?;
        let dead_letters = letters.counts().await?;
        let owing_seats = [group::ORDER_PAID, group::STOCK_MANAGEMENT];
        let seats_missing = unexplained(letters, &owing_seats, &orders.without_seats).await?;
        let sales_missing = unexplained(letters, &[group::ORDER_PAID], &orders.without_sale).await?;
        let notifications = Notifications::count(&**store, letters, deliveries.as_deref()).await?;
        let messages = Messages::look(&**bus, groups, &**store).await?;
        // A broker hides what it delivers again later, but what a killed worker had begun is on record.
        let all_seen = messages.shows_retries() || notifications.unexplained == 0;
        let quiet =
            before.is_at_rest() && messages.is_at_rest() && messages.none_came_since(&before) && all_seen;
        Ok(Self {
            quiet,
            orders,
            stock,
            messages,
            notifications,
            sales,
            dead_letters,
            seats_missing,
            sales_missing,
        })
    }

    /// Dead letters kept of the groups that deliver notifications.
    pub(super) fn undelivered_notifications(&self) -> u64 {
        NOTIFIERS.iter().filter_map(|(_, group)| self.dead_letters.get(*group)).sum()
    }
}
