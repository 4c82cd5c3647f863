//! Money that is owed to a buyer.

use std::sync::Arc;

use boxoffice_domain::ports::{OrderStore, Outbox, Stepped, StoreError};
use boxoffice_domain::{Order, OrderState, PayType, RefundDue, StepOutcome};

use super::{at, await_payment, cancel, number, order, pay};
use crate::support::every_page;

async fn refunds_due(store: &dyn OrderStore) -> Vec<Order> {
    every_page(10, async |cursor| store.refunds_due(10, cursor).await).await
}

/// A payment of a cancelled order is kept as a refund, once, until it is settled.
pub async fn a_late_payment_is_a_refund_until_it_is_settled(store: Arc<dyn OrderStore>) {
    store.create(&order("T1", 1, 0), Outbox::none()).await.unwrap();
    store.step(&number("T1"), cancel(1), Outbox::none()).await.unwrap();
    for newly in [true, false] {
        let stepped =
            store.step(&number("T1"), pay(if newly { 2 } else { 3 }), Outbox::none()).await.unwrap();
        let recorded = StepOutcome::RefundRecorded { newly };
        assert_eq!(stepped, Stepped::Taken { outcome: recorded, unsent: Vec::new() });
    }
    let due = refunds_due(&*store).await;
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].state, due[0].pay_type), (OrderState::Cancelled, Some(PayType::Alipay)));
    assert_eq!(due[0].refund_due.as_ref().map(|refund| refund.since), Some(at(2)));
    assert!(store.settle_refund(&number("T1"), at(4)).await.unwrap());
    assert!(!store.settle_refund(&number("T1"), at(5)).await.unwrap());
    assert_eq!(refunds_due(&*store).await, []);
    let refund = store.get(&number("T1")).await.unwrap().unwrap().refund_due.unwrap();
    assert_eq!(refund.settled_at, Some(at(4)));
}

/// A refund of a paid order is recorded once, with its reason; the order stays paid.
pub async fn a_refund_of_a_paid_order_is_recorded_once(store: Arc<dyn OrderStore>) {
    store.create(&order("T1", 1, 0), Outbox::none()).await.unwrap();
    store.step(&number("T1"), await_payment(), Outbox::none()).await.unwrap();
    store.step(&number("T1"), pay(1), Outbox::none()).await.unwrap();
    assert!(!store.settle_refund(&number("T1"), at(2)).await.unwrap(), "there is none");
    assert!(store.record_refund(&number("T1"), "no seats", at(2)).await.unwrap());
    assert!(!store.record_refund(&number("T1"), "another reason", at(3)).await.unwrap());
    let paid = store.get(&number("T1")).await.unwrap().unwrap();
    let refund = RefundDue { since: at(2), because: "no seats".to_owned(), settled_at: None };
    assert_eq!((paid.state, paid.refund_due), (OrderState::Paid, Some(refund)));
    assert!(store.settle_refund(&number("T1"), at(4)).await.unwrap());
    assert!(!store.record_refund(&number("T1"), "again", at(5)).await.unwrap(), "it was paid back");
    assert_eq!(refunds_due(&*store).await, []);
}

/// A refund of an order that the store does not know is an error; settling one is not.
pub async fn an_unknown_order_has_no_refund(store: Arc<dyn OrderStore>) {
    let unknown = store.record_refund(&number("T0"), "no seats", at(1)).await;
    assert!(matches!(unknown, Err(StoreError::Invalid(_))), "{unknown:?}");
    assert!(!store.settle_refund(&number("T0"), at(1)).await.unwrap());
}

/// Open refunds come oldest first, page by page.
pub async fn open_refunds_are_paged_oldest_first(store: Arc<dyn OrderStore>) {
    for index in 0..11_i64 {
        let name = format!("T{index:02}");
        store.create(&order(&name, 1, 0), Outbox::none()).await.unwrap();
        store.record_refund(&number(&name), "no seats", at(10 - index / 2)).await.unwrap();
    }
    store.settle_refund(&number("T04"), at(20)).await.unwrap();
    for limit in [1, 3, 100] {
        let found = every_page(limit, async |cursor| store.refunds_due(limit, cursor).await).await;
        let since = |order: &boxoffice_domain::Order| order.refund_due.as_ref().map(|refund| refund.since);
        assert!(found.is_sorted_by_key(since), "oldest first");
        let mut names: Vec<&str> = found.iter().map(|order| order.order_no.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["T00", "T01", "T02", "T03", "T05", "T06", "T07", "T08", "T09", "T10"]);
    }
}
