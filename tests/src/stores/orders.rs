//! Orders: saved once, moved along the arrows only, listed without gaps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use boxoffice_domain::ports::{Created, OrderStore, Outbox, Stepped};
use boxoffice_domain::{
    Contact, Order, OrderState, OrderStep, PayType, RefundDue, StepOutcome, StepRefused, UserId,
};
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;

use super::{at, await_payment, cancel, number, order, pay};
use crate::support::{at_once, every_page, holds_for};

fn taken(outcome: StepOutcome) -> Stepped {
    Stepped::Taken { outcome, unsent: Vec::new() }
}

async fn step(store: &dyn OrderStore, name: &str, step: OrderStep) -> Stepped {
    store.step(&number(name), step, Outbox::none()).await.unwrap()
}

/// Every field comes back as it was saved, whether it is there or not.
pub async fn an_order_is_read_as_it_was_saved(store: Arc<dyn OrderStore>) {
    assert_eq!(store.get(&number("T0")).await.unwrap(), None);
    let bare = Order { contact: Contact::default(), ..order("T1", i64::MAX, 0) };
    let refund =
        RefundDue { since: at(3), because: "sold \"twice\"\0\u{1F3AB}".to_owned(), settled_at: None };
    let full = Order {
        quantity: u32::try_from(i32::MAX).unwrap(),
        total_amount: Some("12345678901234567890.10".parse().unwrap()),
        state: OrderState::Paid,
        contact: Contact {
            phone: Some("+86 138".to_owned()),
            email: Some("o'neill@example.com".to_owned()),
            device_token: Some("'; DROP TABLE orders; --".to_owned()),
        },
        pay_type: Some(PayType::BankCard),
        remark: Some("\u{8863}".to_owned()),
        paid_at: Some(at(2)),
        refund_due: Some(refund),
        ..order("T2", 1, 1)
    };
    let whole = Order { total_amount: Some("1000".parse().unwrap()), ..order("T3", -1, 1) };
    for order in [bare, full, whole] {
        assert_eq!(store.create(&order, Outbox::none()).await.unwrap(), Created::New { unsent: Vec::new() });
        let read = store.get(&order.order_no).await.unwrap().expect("it was saved");
        let digits = |order: &Order| order.total_amount.map(|amount| amount.to_string());
        assert_eq!(digits(&read), digits(&order), "money keeps its scale");
        assert_eq!(read, order);
    }
}

/// An order number is saved once, however many try at the same time; all others read the one that was saved.
pub async fn an_order_number_is_saved_once_however_many_try(store: Arc<dyn OrderStore>) {
    let answers = at_once(32, |user| {
        let store = store.clone();
        async move { store.create(&order("T1", user.into(), user.into()), Outbox::none()).await.unwrap() }
    });
    let answers = answers.await;
    let saved = store.get(&number("T1")).await.unwrap().unwrap();
    let (new, existing): (Vec<_>, Vec<_>) =
        answers.into_iter().enumerate().partition(|(_, answer)| matches!(answer, Created::New { .. }));
    assert_eq!(new.len(), 1, "{new:?}");
    assert_eq!(saved.user_id.0, i64::try_from(new[0].0).unwrap());
    for (_, answer) in existing {
        assert_eq!(answer, Created::Existing(Box::new(saved.clone())));
    }
}

/// An order walks along the arrows; any other step is refused and changes nothing.
pub async fn orders_move_along_the_arrows(store: Arc<dyn OrderStore>) {
    store.create(&order("T1", 1, 0), Outbox::none()).await.unwrap();
    assert_eq!(step(&*store, "T0", pay(1)).await, Stepped::Unknown);
    assert_eq!(step(&*store, "T1", pay(1)).await, Stepped::Refused { state: OrderState::Created });
    assert_eq!(step(&*store, "T1", await_payment()).await, taken(StepOutcome::Moved));
    let other = OrderStep::AwaitPayment { total_amount: "1".parse().unwrap() };
    assert_eq!(step(&*store, "T1", other).await, taken(StepOutcome::AlreadyThere));
    assert_eq!(step(&*store, "T1", pay(10)).await, taken(StepOutcome::Moved));
    let other = OrderStep::Pay { pay_type: None, at: at(11) };
    assert_eq!(step(&*store, "T1", other).await, taken(StepOutcome::AlreadyThere));
    assert_eq!(step(&*store, "T1", cancel(12)).await, Stepped::Refused { state: OrderState::Paid });
    let paid = store.get(&number("T1")).await.unwrap().unwrap();
    let wanted = Order {
        state: OrderState::Paid,
        total_amount: Some("760.00".parse().unwrap()),
        pay_type: Some(PayType::Alipay),
        paid_at: Some(at(10)),
        ..order("T1", 1, 0)
    };
    assert_eq!(paid, wanted);
}

fn any_step() -> impl Strategy<Value = OrderStep> {
    let seconds = 0..1_000_i64;
    let pay_type = prop_oneof![Just(None), Just(Some(PayType::Alipay)), Just(Some(PayType::WeChatPay))];
    prop_oneof![
        any::<u32>().prop_map(|cents| OrderStep::AwaitPayment {
            total_amount: format!("{cents}.50").parse().unwrap()
        }),
        (pay_type, seconds.clone())
            .prop_map(|(pay_type, at_second)| OrderStep::Pay { pay_type, at: at(at_second) }),
        seconds.prop_map(cancel),
    ]
}

/// Whatever steps are tried in whatever order, each ends as the state machine says.
pub async fn any_steps_end_as_the_state_machine_says(store: Arc<dyn OrderStore>) {
    let orders = AtomicU32::new(0);
    holds_for(64, proptest::collection::vec(any_step(), 1..12), move |steps| {
        let name = format!("T{}", orders.fetch_add(1, Ordering::SeqCst));
        let store = store.clone();
        async move {
            let mut model = order(&name, 1, 0);
            store.create(&model, Outbox::none()).await.unwrap();
            for tried in steps {
                let wanted = match model.take(&tried) {
                    Ok(outcome) => taken(outcome),
                    Err(StepRefused { from, .. }) => Stepped::Refused { state: from },
                };
                assert_eq!(step(&*store, &name, tried).await, wanted);
                assert_eq!(store.get(&number(&name)).await.unwrap().as_ref(), Some(&model));
            }
        }
    })
    .await;
}

/// Of many writers that take the same step exactly one moves the order.
pub async fn exactly_one_of_many_writers_moves_an_order(store: Arc<dyn OrderStore>) {
    store.create(&order("T1", 1, 0), Outbox::none()).await.unwrap();
    for tried in [await_payment(), pay(1)] {
        let stepped = at_once(32, |_| {
            let (store, tried) = (store.clone(), tried.clone());
            async move { step(&*store, "T1", tried).await }
        });
        let stepped = stepped.await;
        let count = |outcome| stepped.iter().filter(|answer| **answer == taken(outcome)).count();
        assert_eq!((count(StepOutcome::Moved), count(StepOutcome::AlreadyThere)), (1, 31));
    }
}

/// However payment and cancellation race, one of both moves the order, and a payment that loses is a refund.
pub async fn a_race_of_payment_and_cancellation_loses_no_payment(store: Arc<dyn OrderStore>) {
    for round in 0..20 {
        let name = format!("T{round}");
        store.create(&order(&name, 1, 0), Outbox::none()).await.unwrap();
        step(&*store, &name, await_payment()).await;
        let stepped = at_once(8, |writer| {
            let (store, name) = (store.clone(), name.clone());
            async move { step(&*store, &name, if writer % 2 == 0 { pay(1) } else { cancel(1) }).await }
        });
        let stepped = stepped.await;
        let moved = stepped.iter().filter(|answer| **answer == taken(StepOutcome::Moved)).count();
        assert_eq!(moved, 1, "{stepped:?}");
        let ended = store.get(&number(&name)).await.unwrap().unwrap();
        match ended.state {
            OrderState::Paid => assert_eq!(ended.refund_due, None),
            OrderState::Cancelled => assert!(ended.refund_due.is_some(), "the payment is lost"),
            other => panic!("the order is {other}"),
        }
    }
}

/// The orders of a buyer come newest first, without gaps and repeats, also when many were made in one instant.
pub async fn a_buyers_orders_are_paged_newest_first(store: Arc<dyn OrderStore>) {
    let mut wanted = Vec::new();
    for index in 0..25_i64 {
        let (mine, others) =
            (order(&format!("T{index:02}"), 1, index / 6), order(&format!("U{index:02}"), 2, 2));
        store.create(&mine, Outbox::none()).await.unwrap();
        store.create(&others, Outbox::none()).await.unwrap();
        wanted.push(mine);
    }
    let name = |order: &Order| order.order_no.to_string();
    for limit in [1, 4, 25, 100] {
        let found =
            every_page(limit, async |cursor| store.list_by_user(UserId(1), limit, cursor).await).await;
        assert!(found.is_sorted_by(|one, next| one.created_at >= next.created_at), "newest first");
        let mut names: Vec<String> = found.iter().map(name).collect();
        names.sort();
        assert_eq!(names, wanted.iter().map(name).collect::<Vec<_>>(), "pages of {limit}");
    }
    let nobodys = every_page(10, async |cursor| store.list_by_user(UserId(3), 10, cursor).await).await;
    assert_eq!(nobodys, []);
}

/// Overdue are the orders that are neither paid nor cancelled and expired before the instant, oldest expiry first.
pub async fn overdue_orders_are_paged_by_their_expiry(store: Arc<dyn OrderStore>) {
    for index in 0..12_i64 {
        // The expiry falls while the order number rises; three share each.
        let order = Order { expires_at: at(100 - index / 3), ..order(&format!("T{index:02}"), 1, 0) };
        store.create(&order, Outbox::none()).await.unwrap();
    }
    step(&*store, "T05", cancel(1)).await;
    step(&*store, "T06", await_payment()).await;
    step(&*store, "T07", await_payment()).await;
    step(&*store, "T07", pay(1)).await;
    for limit in [1, 2, 100] {
        let found = every_page(limit, async |cursor| store.overdue(at(100), limit, cursor).await).await;
        assert!(found.is_sorted_by_key(|order| order.expires_at), "oldest expiry first");
        let mut names: Vec<&str> = found.iter().map(|order| order.order_no.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["T03", "T04", "T06", "T08", "T09", "T10", "T11"], "pages of {limit}");
    }
    let earlier = every_page(10, async |cursor| store.overdue(at(97), 10, cursor).await).await;
    assert_eq!(earlier, [], "none expired before that");
}
