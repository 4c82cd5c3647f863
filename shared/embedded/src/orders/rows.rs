use boxoffice_domain::{Contact, Order, OrderState, PayType, RefundDue, SessionId, ShowId, TicketId, UserId};
use rusqlite::{Row, named_params};

use crate::columns::{decimal, instant, nanos, order_no, out_of_range, unreadable};
use crate::tx::Tx;

/// Reads every column that [`order_from`] wants.
pub(crate) const ORDER: &str = "SELECT order_no, user_id, show_id, session_id, ticket_id, quantity, \
    total_amount, state, phone, email, device_token, pay_type, remark, created_at, paid_at, expires_at, \
    refund_since, refund_because, refund_settled_at FROM orders";

/// The number of a state in the file.
pub(crate) const fn state_code(state: OrderState) -> i64 {
    match state {
        OrderState::Created => 0,
        OrderState::AwaitingPayment => 1,
        OrderState::Paid => 2,
        OrderState::Cancelled => 3,
    }
}

fn state(column: usize, code: i64) -> rusqlite::Result<OrderState> {
    match code {
        0 => Ok(OrderState::Created),
        1 => Ok(OrderState::AwaitingPayment),
        2 => Ok(OrderState::Paid),
        3 => Ok(OrderState::Cancelled),
        other => Err(out_of_range(column, other)),
    }
}

/// An order with its columns made ready, so that the writer only binds them.
#[derive(Debug)]
pub(crate) struct StoredOrder {
    order: Order,
    total_amount: Option<String>,
}

impl StoredOrder {
    pub(crate) fn new(order: &Order) -> Self {
        Self { order: order.clone(), total_amount: order.total_amount.map(|amount| amount.to_string()) }
    }

    pub(crate) fn order_no(&self) -> &str {
        self.order.order_no.as_str()
    }

    /// When the order is cancelled unless something happens; nothing once its state is final.
    fn open_until(&self) -> Option<i64> {
        (!self.order.state.is_final()).then(|| nanos(self.order.expires_at))
    }

    /// False when an order of this number is there.
    pub(crate) fn insert(&self, tx: &Tx<'_>) -> rusqlite::Result<bool> {
        let order = &self.order;
        let refund = order.refund_due.as_ref();
        let inserted = tx.execute(
            "INSERT INTO orders (order_no, user_id, show_id, session_id, ticket_id, quantity, total_amount, state, \
             phone, email, device_token, pay_type, remark, created_at, paid_at, expires_at, open_until, refund_since, \
             refund_because, refund_settled_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
             ?15, ?16, ?17, ?18, ?19, ?20) ON CONFLICT DO NOTHING",
            rusqlite::params![
                order.order_no.as_str(),
                order.user_id.0,
                order.show_id.0,
                order.session_id.0,
                order.ticket_id.0,
                order.quantity,
                self.total_amount,
                state_code(order.state),
                order.contact.phone,
                order.contact.email,
                order.contact.device_token,
                order.pay_type.map(PayType::code),
                order.remark,
                nanos(order.created_at),
                order.paid_at.map(nanos),
                nanos(order.expires_at),
                self.open_until(),
                refund.map(|refund| nanos(refund.since)),
                refund.map(|refund| refund.because.as_str()),
                refund.and_then(|refund| refund.settled_at).map(nanos),
            ],
        )?;
        Ok(inserted > 0)
    }

    /// Writes what a step may change.
    pub(crate) fn update(&self, tx: &Tx<'_>) -> rusqlite::Result<()> {
        let order = &self.order;
        let refund = order.refund_due.as_ref();
        tx.execute(
            "UPDATE orders SET state = :state, total_amount = :total_amount, pay_type = :pay_type, remark = :remark, \
             paid_at = :paid_at, open_until = :open_until, refund_since = :refund_since, \
             refund_because = :refund_because WHERE order_no = :order_no",
            named_params! {
                ":order_no": order.order_no.as_str(),
                ":state": state_code(order.state),
                ":total_amount": self.total_amount,
                ":pay_type": order.pay_type.map(PayType::code),
                ":remark": order.remark,
                ":paid_at": order.paid_at.map(nanos),
                ":open_until": self.open_until(),
                ":refund_since": refund.map(|refund| nanos(refund.since)),
                ":refund_because": refund.map(|refund| refund.because.as_str()),
            },
        )?;
        Ok(())
    }
}

/// Makes an order of a row of [`ORDER`].
pub(crate) fn order_from(row: &Row<'_>) -> rusqlite::Result<Order> {
    let pay_type = match row.get::<_, Option<i64>>(11)? {
        None => None,
        Some(code) => Some(PayType::try_from(code).map_err(|error| unreadable(11, error))?),
    };
    let refund_due = match row.get::<_, Option<i64>>(16)? {
        None => None,
        Some(since) => Some(RefundDue {
            since: instant(since),
            because: row.get::<_, Option<String>>(17)?.unwrap_or_default(),
            settled_at: row.get::<_, Option<i64>>(18)?.map(instant),
        }),
    };
    Ok(Order {
        order_no: order_no(row, 0)?,
        user_id: UserId(row.get(1)?),
        show_id: ShowId(row.get(2)?),
        session_id: SessionId(row.get(3)?),
        ticket_id: TicketId(row.get(4)?),
        quantity: row.get(5)?,
        total_amount: decimal(row, 6)?,
        state: state(7, row.get(7)?)?,
        contact: Contact { phone: row.get(8)?, email: row.get(9)?, device_token: row.get(10)? },
        pay_type,
        remark: row.get(12)?,
        created_at: instant(row.get(13)?),
        paid_at: row.get::<_, Option<i64>>(14)?.map(instant),
        expires_at: instant(row.get(15)?),
        refund_due,
    })
}
