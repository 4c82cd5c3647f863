use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::Ports;

use crate::{CancelOrder, CreateOrder, PayOrder, ReadOrders, ReadStock};

/// Every call of the API, each on the ports that it uses. Knows no HTTP.
///
/// An error other than [`ApiError::Store`](crate::ApiError::Store) means that nothing changed, but for
/// [`ApiError::PaidTooLate`](crate::ApiError::PaidTooLate), which puts a refund on record.
pub struct OrderService {
    /// Accepts orders.
    pub create: CreateOrder,
    /// Takes payments.
    pub pay: PayOrder,
    /// Cancels orders.
    pub cancel: CancelOrder,
    /// Shows and lists orders.
    pub orders: ReadOrders,
    /// Shows the stock of a ticket.
    pub stock: ReadStock,
}

impl OrderService {
    /// The calls on these ports.
    pub fn new(ports: &Ports, settings: &FunctionSettings) -> Self {
        Self {
            create: CreateOrder::new(ports, settings),
            pay: PayOrder::new(ports, settings),
            cancel: CancelOrder::new(ports, settings),
            orders: ReadOrders::new(ports, settings),
            stock: ReadStock::new(ports),
        }
    }
}
