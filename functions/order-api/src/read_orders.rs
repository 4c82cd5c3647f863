use std::sync::Arc;

use boxoffice_domain::ports::{OrderStore, Ports, StoreError};
use boxoffice_domain::{FunctionSettings, OrderNo};
use jiff::tz::TimeZone;

use crate::{ApiError, ListOrders, OrderPage, OrderView};

/// Shows and lists orders.
pub struct ReadOrders {
    /// Where the orders are.
    pub orders: Arc<dyn OrderStore>,
    /// The zone of the times shown.
    pub zone: TimeZone,
}

impl ReadOrders {
    /// Shows the orders of these ports, with times in the zone of the rules.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self { orders: ports.orders.clone(), zone: settings.rules.zone.clone() }
    }

    /// One order.
    pub async fn get(&self, order_no: &OrderNo) -> Result<OrderView, ApiError> {
        let order = self.orders.get(order_no).await?;
        let order = order.ok_or_else(|| ApiError::UnknownOrder(order_no.clone()))?;
        Ok(OrderView::new(order, &self.zone))
    }

    /// A page of a buyer's orders, newest first.
    pub async fn list(&self, request: &ListOrders) -> Result<OrderPage, ApiError> {
        let limit = request.check()?;
        let page = self.orders.list_by_user(request.user_id, limit, request.cursor.as_deref()).await;
        let page = page.map_err(|error| match error {
            // The only part of the request that the store still judges.
            StoreError::Invalid(because) if request.cursor.is_some() => ApiError::field("cursor", because),
            other => other.into(),
        })?;
        let orders = page.items.into_iter().map(|order| OrderView::new(order, &self.zone)).collect();
        Ok(OrderPage { orders, next_cursor: page.next })
    }
}
