use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{Crash, Faults, fault_switches, locked};
use crate::ports::{Sale, SalesTotal, Statistics, StoreError};
use crate::{OrderNo, TicketId};

/// Sales in memory.
#[derive(Debug)]
pub struct FakeStatistics {
    faults: Faults<StoreError>,
    sales: Mutex<HashMap<OrderNo, Sale>>,
}

impl Default for FakeStatistics {
    fn default() -> Self {
        Self::new(&Crash::default())
    }
}

impl FakeStatistics {
    /// No sale yet; dies with `crash`.
    pub fn new(crash: &Crash) -> Self {
        let dead = || StoreError::Unavailable("the process died".to_owned());
        Self { faults: Faults::new(crash.clone(), dead), sales: Mutex::default() }
    }

    /// Number of sales.
    pub fn len(&self) -> usize {
        locked(&self.sales).len()
    }

    /// True when there is no sale.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sale of an order, if it was counted.
    pub fn sale(&self, order_no: &OrderNo) -> Option<Sale> {
        locked(&self.sales).get(order_no).cloned()
    }
}

#[async_trait]
impl Statistics for FakeStatistics {
    async fn record(&self, sale: &Sale) -> Result<bool, StoreError> {
        self.faults
            .call(|| {
                let mut sales = locked(&self.sales);
                let new = !sales.contains_key(&sale.order_no);
                if new {
                    sales.insert(sale.order_no.clone(), sale.clone());
                }
                Ok(new)
            })
            .await
    }

    async fn total(&self, ticket_id: TicketId) -> Result<SalesTotal, StoreError> {
        self.faults
            .call(|| {
                let sales = locked(&self.sales);
                let of_ticket = sales.values().filter(|sale| sale.ticket_id == ticket_id);
                Ok(of_ticket.fold(SalesTotal::default(), |sum, sale| SalesTotal {
                    orders: sum.orders + 1,
                    tickets: sum.tickets + u64::from(sale.quantity),
                    amount: sum.amount + sale.amount.unwrap_or_default(),
                }))
            })
            .await
    }
}

fault_switches!(FakeStatistics, StoreError);
