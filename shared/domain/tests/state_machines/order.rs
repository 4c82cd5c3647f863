use boxoffice_domain::{
    Contact, Decimal, Order, OrderNo, OrderState, OrderStep, PayType, SessionId, ShowId, StepOutcome,
    StepRefused, TicketId, UserId,
};
use jiff::Timestamp;
use proptest::prelude::*;

fn new_order() -> Order {
    Order {
        order_no: OrderNo::new("T1").unwrap(),
        user_id: UserId(9527),
        show_id: ShowId(3001),
        session_id: SessionId(30011),
        ticket_id: TicketId(300_111),
        quantity: 2,
        total_amount: None,
        state: OrderState::Created,
        contact: Contact::default(),
        pay_type: None,
        remark: None,
        created_at: Timestamp::UNIX_EPOCH,
        paid_at: None,
        expires_at: Timestamp::UNIX_EPOCH,
        refund_due: None,
    }
}

fn await_payment() -> OrderStep {
    OrderStep::AwaitPayment { total_amount: Decimal::new(76_000, 2) }
}

fn pay() -> OrderStep {
    OrderStep::Pay { pay_type: Some(PayType::Alipay), at: Timestamp::UNIX_EPOCH }
}

fn cancel() -> OrderStep {
    OrderStep::Cancel { remark: "changed my mind".to_owned(), at: Timestamp::UNIX_EPOCH }
}

#[test]
fn a_paid_order_went_through_awaiting_payment_and_keeps_what_it_learnt() {
    let mut order = new_order();
    assert_eq!(order.take(&await_payment()), Ok(StepOutcome::Moved));
    assert_eq!(order.take(&pay()), Ok(StepOutcome::Moved));
    assert_eq!(order.state, OrderState::Paid);
    assert_eq!(order.total_amount.unwrap().to_string(), "760.00");
    assert_eq!((order.pay_type, order.paid_at), (Some(PayType::Alipay), Some(Timestamp::UNIX_EPOCH)));
}

#[test]
fn an_order_that_is_only_created_cannot_be_paid() {
    let mut order = new_order();
    let refused = StepRefused { from: OrderState::Created, to: OrderState::Paid };
    assert_eq!(order.take(&pay()), Err(refused));
    assert_eq!(refused.to_string(), "an order that is Created cannot become Paid");
    assert_eq!(order, new_order());
}

#[test]
fn a_paid_order_cannot_be_cancelled() {
    let mut order = new_order();
    order.take(&await_payment()).unwrap();
    order.take(&pay()).unwrap();
    let refused = StepRefused { from: OrderState::Paid, to: OrderState::Cancelled };
    assert_eq!(order.take(&cancel()), Err(refused));
}

#[test]
fn a_payment_of_a_cancelled_order_is_recorded_once_as_a_refund() {
    let mut order = new_order();
    order.take(&cancel()).unwrap();
    assert_eq!(order.take(&pay()), Ok(StepOutcome::RefundRecorded { newly: true }));
    assert_eq!(order.take(&pay()), Ok(StepOutcome::RefundRecorded { newly: false }));
    assert_eq!(order.state, OrderState::Cancelled);
    assert_eq!(order.pay_type, Some(PayType::Alipay));
    assert!(order.refund_due.is_some_and(|refund| refund.settled_at.is_none()));
}

#[test]
fn pay_types_read_back_as_their_codes_and_others_are_refused() {
    for code in 1..=3 {
        assert_eq!(PayType::try_from(code).unwrap().code(), code);
    }
    let message = PayType::try_from(4).unwrap_err().to_string();
    assert_eq!(message, "payType 4 is unknown: 1 is Alipay, 2 is WeChat Pay, 3 is bank card");
}

#[test]
fn an_order_number_has_no_spaces_and_an_end() {
    assert!(OrderNo::new("票-1").is_ok());
    for text in ["", "a b", "a\n", &"x".repeat(65)] {
        assert!(OrderNo::new(text).is_err(), "{text:?} was taken");
    }
}

fn any_step() -> impl Strategy<Value = OrderStep> {
    prop_oneof![Just(await_payment()), Just(pay()), Just(cancel())]
}

proptest! {
    #[test]
    fn an_order_only_moves_along_the_arrows(steps in prop::collection::vec(any_step(), 0..12)) {
        let mut order = new_order();
        for step in &steps {
            let before = order.clone();
            match order.take(step) {
                Ok(StepOutcome::Moved) => {
                    prop_assert!(before.state.may_become(order.state));
                    prop_assert_eq!(order.state, step.target());
                }
                Ok(StepOutcome::AlreadyThere) => {
                    prop_assert_eq!(before.state, step.target());
                    prop_assert_eq!(&order, &before);
                }
                Ok(StepOutcome::RefundRecorded { newly }) => {
                    prop_assert_eq!(before.state, OrderState::Cancelled);
                    prop_assert_eq!(order.state, OrderState::Cancelled);
                    prop_assert_eq!(newly, before.refund_due.is_none());
                }
                Err(refused) => {
                    prop_assert_eq!(refused.from, before.state);
                    prop_assert!(!before.state.may_become(step.target()));
                    prop_assert_eq!(&order, &before);
                }
            }
            prop_assert!(!before.state.is_final() || order.state == before.state);
        }
    }

    #[test]
    fn a_payment_that_was_not_refused_is_never_lost(steps in prop::collection::vec(any_step(), 0..12)) {
        let mut order = new_order();
        let mut money_taken = false;
        for step in &steps {
            let taken = order.take(step).is_ok();
            money_taken |= taken && step.target() == OrderState::Paid;
        }
        prop_assert_eq!(money_taken, order.state == OrderState::Paid || order.refund_due.is_some());
    }

    #[test]
    fn taking_every_step_twice_changes_nothing_more(steps in prop::collection::vec(any_step(), 0..12)) {
        let (mut once, mut twice) = (new_order(), new_order());
        for step in &steps {
            let _ = once.take(step);
            let _ = twice.take(step);
            let _ = twice.take(step);
        }
        prop_assert_eq!(once, twice);
    }
}
