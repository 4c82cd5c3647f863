//! What every store must do, port by port.

pub mod audit;
pub mod dead_letters;
pub mod idempotency;
pub mod ledger;
pub mod orders;
pub mod outbox;
pub mod refunds;
pub mod statistics;
pub mod stock_cache;

use boxoffice_domain::{
    Contact, Order, OrderNo, OrderState, OrderStep, PayType, SessionId, ShowId, TicketId, UserId,
};
use jiff::Timestamp;

const TICKET: TicketId = TicketId(7);

fn number(text: &str) -> OrderNo {
    OrderNo::new(text).unwrap()
}

/// An instant of the test's own time, with a part of a second that no store may cut off.
fn at(second: i64) -> Timestamp {
    Timestamp::new(1_795_000_000 + second, 123_456_789).unwrap()
}

/// A new order for two seats, created in that second, with fifteen minutes to pay.
fn order(name: &str, user: i64, second: i64) -> Order {
    Order {
        order_no: number(name),
        user_id: UserId(user),
        show_id: ShowId(1),
        session_id: SessionId(2),
        ticket_id: TICKET,
        quantity: 2,
        total_amount: None,
        state: OrderState::Created,
        contact: Contact { phone: Some("+8613800138000".to_owned()), ..Contact::default() },
        pay_type: None,
        remark: None,
        created_at: at(second),
        paid_at: None,
        expires_at: at(second + 900),
        refund_due: None,
    }
}

fn await_payment() -> OrderStep {
    OrderStep::AwaitPayment { total_amount: "760.00".parse().unwrap() }
}

fn pay(second: i64) -> OrderStep {
    OrderStep::Pay { pay_type: Some(PayType::Alipay), at: at(second) }
}

fn cancel(second: i64) -> OrderStep {
    OrderStep::Cancel { remark: "changed my mind".to_owned(), at: at(second) }
}
