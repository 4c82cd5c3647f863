use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;

use super::paging::page;
use super::{Crash, FakeBus, Faults, fault_switches, locked};
use crate::ports::{
    Clock, Created, MarkId, MarkedMessage, OrderStore, Outbox, Outgoing, Page, Stepped, StoreError,
};
use crate::{Order, OrderNo, OrderState, OrderStep, RefundDue, StepOutcome, UserId};

#[derive(Debug)]
struct Mark {
    id: MarkId,
    message: Outgoing,
    made_at: Timestamp,
}

#[derive(Debug, Default)]
struct Kept {
    orders: HashMap<OrderNo, Order>,
    marks: Vec<Mark>,
    marks_made: u64,
}

/// Orders in memory.
///
/// By default it leaves every message to the caller, as a store does whose bus is elsewhere; with
/// [`FakeOrderStore::sending_through`] it sends them in the same commit.
pub struct FakeOrderStore {
    faults: Faults<StoreError>,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
    bus: Option<Arc<FakeBus>>,
}

impl FakeOrderStore {
    /// Empty; dies with `crash`. The clock dates the marks.
    pub fn new(clock: Arc<dyn Clock>, crash: &Crash) -> Self {
        let dead = || StoreError::Unavailable("the process died".to_owned());
        Self { faults: Faults::new(crash.clone(), dead), clock, kept: Mutex::default(), bus: None }
    }

    /// Sends every message in the commit of the order, as a store does that lives in one file with its bus.
    #[must_use]
    pub fn sending_through(mut self, bus: Arc<FakeBus>) -> Self {
        self.bus = Some(bus);
        self
    }

    /// Saves an order as it is, without faults, replacing any other.
    pub fn put(&self, order: Order) {
        locked(&self.kept).orders.insert(order.order_no.clone(), order);
    }

    /// One order, without faults.
    pub fn snapshot(&self, order_no: &OrderNo) -> Option<Order> {
        locked(&self.kept).orders.get(order_no).cloned()
    }

    /// Every order, in no order, without faults.
    pub fn all(&self) -> Vec<Order> {
        locked(&self.kept).orders.values().cloned().collect()
    }

    /// When each mark was made that is still there, oldest first.
    pub fn marks_made_at(&self) -> Vec<Timestamp> {
        locked(&self.kept).marks.iter().map(|mark| mark.made_at).collect()
    }

    /// Where an order stands, without faults.
    pub fn state(&self, order_no: &OrderNo) -> Option<OrderState> {
        locked(&self.kept).orders.get(order_no).map(|order| order.state)
    }

    /// The messages that are still marked as unsent, oldest first.
    pub fn marked(&self) -> Vec<Outgoing> {
        locked(&self.kept).marks.iter().map(|mark| mark.message.clone()).collect()
    }

    /// Sends, or hands to the caller; `repeated` leaves remembered messages to the marks of the first time.
    fn take_outbox(&self, kept: &mut Kept, outbox: Outbox, repeated: bool) -> Vec<MarkedMessage> {
        if repeated && outbox.remembered {
            return Vec::new();
        }
        if let Some(bus) = &self.bus {
            for message in outbox.messages {
                bus.accept(message);
            }
            return Vec::new();
        }
        let made_at = self.clock.now();
        let marked = outbox.messages.into_iter().map(|message| {
            let mark = outbox.remembered.then(|| {
                kept.marks_made += 1;
                let id = MarkId(format!("mark-{:09}", kept.marks_made));
                kept.marks.push(Mark { id: id.clone(), message: message.clone(), made_at });
                id
            });
            MarkedMessage { mark, message }
        });
        marked.collect()
    }
}

/// Sorts by time, then by order number.
fn time_key(at: Timestamp, order_no: &OrderNo) -> String {
    format!("{:030}/{order_no}", at.as_nanosecond())
}

#[async_trait]
impl OrderStore for FakeOrderStore {
    async fn create(&self, order: &Order, outbox: Outbox) -> Result<Created, StoreError> {
        self.faults
            .call(|| {
                let mut kept = locked(&self.kept);
                if let Some(existing) = kept.orders.get(&order.order_no) {
                    return Ok(Created::Existing(Box::new(existing.clone())));
                }
                kept.orders.insert(order.order_no.clone(), order.clone());
                Ok(Created::New { unsent: self.take_outbox(&mut kept, outbox, false) })
            })
            .await
    }

    async fn step(&self, order_no: &OrderNo, step: OrderStep, outbox: Outbox) -> Result<Stepped, StoreError> {
        self.faults
            .call(|| {
                let mut kept = locked(&self.kept);
                let Some(order) = kept.orders.get_mut(order_no) else { return Ok(Stepped::Unknown) };
                let Ok(outcome) = order.take(&step) else {
                    return Ok(Stepped::Refused { state: order.state });
                };
                let unsent = match outcome {
                    StepOutcome::RefundRecorded { .. } => Vec::new(),
                    StepOutcome::Moved => self.take_outbox(&mut kept, outbox, false),
                    StepOutcome::AlreadyThere => self.take_outbox(&mut kept, outbox, true),
                };
                Ok(Stepped::Taken { outcome, unsent })
            })
            .await
    }

    async fn record_refund(
        &self,
        order_no: &OrderNo,
        because: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.faults
            .call(|| {
                let mut kept = locked(&self.kept);
                let unknown = || StoreError::Invalid(format!("there is no order {order_no}"));
                let order = kept.orders.get_mut(order_no).ok_or_else(unknown)?;
                let new = order.refund_due.is_none();
                if new {
                    order.refund_due =
                        Some(RefundDue { since: at, because: because.to_owned(), settled_at: None });
                }
                Ok(new)
            })
            .await
    }

    async fn settle_refund(&self, order_no: &OrderNo, at: Timestamp) -> Result<bool, StoreError> {
        self.faults
            .call(|| {
                let mut kept = locked(&self.kept);
                let refund = kept.orders.get_mut(order_no).and_then(|order| order.refund_due.as_mut());
                let open = refund.filter(|refund| refund.settled_at.is_none());
                Ok(open.map(|refund| refund.settled_at = Some(at)).is_some())
            })
            .await
    }

    async fn refunds_due(&self, limit: u32, cursor: Option<&str>) -> Result<Page<Order>, StoreError> {
        self.faults
            .call(|| {
                let kept = locked(&self.kept);
                let mut due: Vec<_> = kept
                    .orders
                    .values()
                    .filter_map(|order| {
                        let refund =
                            order.refund_due.as_ref().filter(|refund| refund.settled_at.is_none())?;
                        Some((time_key(refund.since, &order.order_no), order.clone()))
                    })
                    .collect();
                due.sort_by(|one, other| one.0.cmp(&other.0));
                Ok(page(due, limit, cursor))
            })
            .await
    }

    async fn get(&self, order_no: &OrderNo) -> Result<Option<Order>, StoreError> {
        self.faults.call(|| Ok(locked(&self.kept).orders.get(order_no).cloned())).await
    }

    async fn list_by_user(
        &self,
        user_id: UserId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Order>, StoreError> {
        self.faults
            .call(|| {
                let kept = locked(&self.kept);
                let of_user = kept.orders.values().filter(|order| order.user_id == user_id);
                let mut orders: Vec<_> = of_user
                    .map(|order| (time_key(order.created_at, &order.order_no), order.clone()))
                    .collect();
                orders.sort_by(|one, other| other.0.cmp(&one.0));
                // Newest first: keys descend, so the page continues with the keys smaller than the cursor.
                let older =
                    orders.into_iter().filter(|(key, _)| cursor.is_none_or(|cursor| key.as_str() < cursor));
                let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
                let mut items: Vec<_> = older.take(limit.saturating_add(1)).collect();
                let more = items.len() > limit;
                items.truncate(limit);
                let next = items.last().filter(|_| more).map(|(key, _)| key.clone());
                Ok(Page { items: items.into_iter().map(|(_, order)| order).collect(), next })
            })
            .await
    }

    async fn unsent(
        &self,
        before: Timestamp,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<MarkedMessage>, StoreError> {
        self.faults
            .call(|| {
                let kept = locked(&self.kept);
                let old = kept.marks.iter().filter(|mark| mark.made_at < before);
                let keyed = old.map(|mark| {
                    let marked = MarkedMessage { mark: Some(mark.id.clone()), message: mark.message.clone() };
                    (mark.id.0.clone(), marked)
                });
                Ok(page(keyed, limit, cursor))
            })
            .await
    }

    async fn clear_marks(&self, marks: &[MarkId]) -> Result<(), StoreError> {
        self.faults
            .call(|| {
                locked(&self.kept).marks.retain(|mark| !marks.contains(&mark.id));
                Ok(())
            })
            .await
    }

    async fn overdue(
        &self,
        before: Timestamp,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Order>, StoreError> {
        self.faults
            .call(|| {
                let kept = locked(&self.kept);
                let late =
                    kept.orders.values().filter(|order| !order.state.is_final() && order.expires_at < before);
                let mut orders: Vec<_> =
                    late.map(|order| (time_key(order.expires_at, &order.order_no), order.clone())).collect();
                orders.sort_by(|one, other| one.0.cmp(&other.0));
                Ok(page(orders, limit, cursor))
            })
            .await
    }
}

fault_switches!(FakeOrderStore, StoreError);
