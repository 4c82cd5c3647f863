//! Sales statistics.

use std::sync::Arc;

use boxoffice_domain::ports::{Sale, SalesTotal, Statistics};
use boxoffice_domain::{ShowId, TicketId};

use super::{TICKET, at, number};
use crate::support::at_once;

fn sale(name: &str, quantity: u32, amount: Option<&str>) -> Sale {
    Sale {
        order_no: number(name),
        show_id: Some(ShowId(1)),
        ticket_id: TICKET,
        quantity,
        amount: amount.map(|amount| amount.parse().unwrap()),
        at: at(0),
    }
}

/// An order counts once, however often it is recorded; money adds up digit for digit.
pub async fn an_order_counts_once(store: Arc<dyn Statistics>) {
    assert_eq!(store.total(TICKET).await.unwrap(), SalesTotal::default());
    assert!(store.record(&sale("A", 2, Some("0.10"))).await.unwrap());
    assert!(store.record(&sale("B", 1, Some("380.00"))).await.unwrap());
    assert!(!store.record(&sale("A", 2, Some("0.10"))).await.unwrap());
    assert!(store.record(&Sale { show_id: None, ..sale("C", 3, None) }).await.unwrap());
    assert!(store.record(&Sale { ticket_id: TicketId(8), ..sale("D", 1, Some("5")) }).await.unwrap());
    let total = store.total(TICKET).await.unwrap();
    assert_eq!((total.orders, total.tickets, total.amount.to_string().as_str()), (3, 6, "380.10"));
    let other = store.total(TicketId(8)).await.unwrap();
    assert_eq!((other.orders, other.tickets, other.amount.to_string().as_str()), (1, 1, "5"));
}

/// Sales recorded at the same time, each twice, all count, each once.
pub async fn racing_sales_all_count(store: Arc<dyn Statistics>) {
    let counted = at_once(64, |index| {
        let store = store.clone();
        async move { store.record(&sale(&format!("T{}", index / 2), 1, Some("0.01"))).await.unwrap() }
    });
    assert_eq!(counted.await.into_iter().filter(|counted| *counted).count(), 32);
    let total = store.total(TICKET).await.unwrap();
    assert_eq!((total.orders, total.tickets, total.amount.to_string().as_str()), (32, 32, "0.32"));
}
