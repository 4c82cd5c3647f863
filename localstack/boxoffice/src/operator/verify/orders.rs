//! The orders, with what ledger and statistics say of each.

use std::collections::HashSet;

use boxoffice_domain::ports::{AuditedOrder, StoreAudit, StoreError};
use boxoffice_domain::{LedgerState, Order, OrderState};
use jiff::Timestamp;

use super::PAGE;

/// Every order counted once. Only orders that lack something are remembered, so that a store of any size fits.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) count: u64,
    pub(super) paid: u64,
    pub(super) cancelled: u64,
    /// Orders that wait for their payment, within their time.
    pub(super) awaiting_payment: u64,
    pub(super) stuck: u64,
    /// Orders with fields that do not fit their state.
    pub(super) impossible: u64,
    /// Refunds recorded and not settled.
    pub(super) refunds_due: u64,
    /// Paid orders whose seats were gone, so that the money goes back.
    pub(super) paid_then_refunded: u64,
    /// Paid orders that have neither their seats nor a refund.
    pub(super) without_seats: HashSet<String>,
    /// Cancelled orders that were paid and have no refund.
    pub(super) payments_lost: u64,
    /// Paid orders without a sale.
    pub(super) without_sale: HashSet<String>,
    /// Sales of orders that this store keeps.
    pub(super) sales: u64,
    /// Sales of orders that are not paid.
    pub(super) sales_of_unpaid: u64,
}

impl Orders {
    /// Reads every order, page by page.
    pub(super) async fn count(store: &dyn StoreAudit, now: Timestamp) -> Result<Self, StoreError> {
        let mut orders = Self::default();
        let mut cursor = None;
        loop {
            let page = store.orders(PAGE, cursor.as_deref()).await?;
            for audited in &page.items {
                orders.add(audited, now);
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(orders);
            }
        }
    }

    fn add(&mut self, audited: &AuditedOrder, now: Timestamp) {
        let AuditedOrder { order, entry, has_sale } = audited;
        self.count += 1;
        match order.state {
            OrderState::Paid => self.paid += 1,
            OrderState::Cancelled => self.cancelled += 1,
            // At rest nothing is on its way that would take it further.
            OrderState::Created => self.stuck += 1,
            OrderState::AwaitingPayment if order.expires_at < now => self.stuck += 1,
            OrderState::AwaitingPayment => self.awaiting_payment += 1,
        }
        self.impossible += u64::from(!fits_its_state(order));
        let refund = order.refund_due.as_ref();
        self.refunds_due += u64::from(refund.is_some_and(|refund| refund.settled_at.is_none()));
        self.sales += u64::from(*has_sale);
        let has_seats = entry.as_ref().is_some_and(|entry| entry.state == LedgerState::Confirmed);
        match order.state {
            OrderState::Paid => {
                self.paid_then_refunded += u64::from(refund.is_some());
                if !has_seats && refund.is_none() {
                    self.without_seats.insert(order.order_no.to_string());
                }
                if !has_sale {
                    self.without_sale.insert(order.order_no.to_string());
                }
            }
            OrderState::Created | OrderState::AwaitingPayment | OrderState::Cancelled => {
                self.sales_of_unpaid += u64::from(*has_sale);
                self.payments_lost += u64::from(order.pay_type.is_some() && refund.is_none());
            }
        }
    }
}

/// Whether an order has the fields that its state comes with, and none that it cannot have.
fn fits_its_state(order: &Order) -> bool {
    let (priced, paid) = (order.total_amount.is_some(), order.paid_at.is_some());
    match order.state {
        OrderState::Created => !priced && !paid,
        OrderState::AwaitingPayment => priced && !paid,
        OrderState::Paid => priced && paid,
        OrderState::Cancelled => order.remark.is_some() && !paid,
    }
}
