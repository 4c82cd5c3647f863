use boxoffice_domain::ports::ReservationRequest;
use boxoffice_domain::{
    BusinessRules, Contact, Order, OrderNo, OrderState, SessionId, ShowId, TicketId, UserId,
};
use boxoffice_flow::{ext_key, reading};
use boxoffice_messages::OrderEventMessage;
use boxoffice_runtime::Outcome;
use jiff::Timestamp;
use jiff::civil::DateTime;

/// What an ORDER_CREATED asks for.
pub(crate) struct Request {
    pub order_no: OrderNo,
    pub user_id: UserId,
    pub show_id: ShowId,
    pub session_id: SessionId,
    pub ticket_id: TicketId,
    pub quantity: u32,
    contact: Contact,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl Request {
    /// Reads a message; one without a field that is needed is poison. The expiry is the one the message names, else
    /// the payment window after its `eventTime`, else after now.
    pub fn read(message: &OrderEventMessage, now: Timestamp, rules: &BusinessRules) -> Result<Self, Outcome> {
        let created_at = message.event_time.map_or(now, |time| time.to_timestamp(&rules.zone));
        let expires_at = named_expiry(message, rules)
            .unwrap_or_else(|| created_at.checked_add(rules.payment_window).unwrap_or(Timestamp::MAX));
        Ok(Self {
            order_no: reading::order_no(message.require_order_no())?,
            user_id: UserId(message.require_user_id()?),
            show_id: ShowId(message.require_show_id()?),
            session_id: SessionId(message.require_session_id()?),
            ticket_id: TicketId(message.require_ticket_id()?),
            quantity: reading::quantity(message.require_quantity())?,
            contact: reading::ext_contact(message.ext_data.as_ref()),
            created_at,
            expires_at,
        })
    }

    pub fn reservation(&self, per_user_limit: Option<u32>) -> ReservationRequest {
        ReservationRequest {
            ticket_id: self.ticket_id,
            order_no: self.order_no.clone(),
            user_id: self.user_id,
            quantity: self.quantity,
            per_user_limit,
        }
    }

    /// The order as the message describes it.
    pub fn order(&self, state: OrderState) -> Order {
        Order {
            order_no: self.order_no.clone(),
            user_id: self.user_id,
            show_id: self.show_id,
            session_id: self.session_id,
            ticket_id: self.ticket_id,
            quantity: self.quantity,
            total_amount: None,
            state,
            contact: self.contact.clone(),
            pay_type: None,
            remark: None,
            created_at: self.created_at,
            paid_at: None,
            expires_at: self.expires_at,
            refund_due: None,
        }
    }
}

fn named_expiry(message: &OrderEventMessage, rules: &BusinessRules) -> Option<Timestamp> {
    let text = reading::ext_text(message.ext_data.as_ref(), ext_key::EXPIRE_TIME)?;
    let local: DateTime = text.parse().ok()?;
    rules.zone.to_timestamp(local).ok()
}
