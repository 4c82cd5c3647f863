mod rows;

use async_trait::async_trait;
use boxoffice_domain::ports::{
    Created, MarkId, MarkedMessage, OrderStore, Outbox, Outgoing, Page, Stepped, StoreError,
};
use boxoffice_domain::{Order, OrderNo, OrderState, OrderStep, StepOutcome, UserId};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

use crate::Embedded;
use crate::columns::{
    foreign_cursor, instant, instant_cursor, nanos, page, parse_cursor, properties, rows_for,
};
use crate::outbox::{PreparedOutbox, SentCounts};
use crate::tx::Tx;

pub(crate) use rows::{ORDER, StoredOrder, order_from, state_code};

/// How many marks one statement clears.
const MARKS_PER_WRITE: usize = 1_000;

#[async_trait]
impl OrderStore for Embedded {
    async fn create(&self, order: &Order, outbox: Outbox) -> Result<Created, StoreError> {
        let manifest = SentCounts::new(&outbox, self.inner.outbox);
        let packed = PreparedOutbox::new(outbox, self.inner.outbox)?;
        let stored = StoredOrder::new(order);
        let written = self
            .writer()?
            .write(move |tx| {
                if !stored.insert(tx)? {
                    let existing = read(tx, stored.order_no())?;
                    return Ok(existing.map_or(Written::Nothing, |order| Written::Existing(Box::new(order))));
                }
                let marks = packed.go(tx, false)?;
                Ok(Written::New(packed.unsent(&marks, false)))
            })
            .await?;
        match written {
            Written::New(unsent) => {
                manifest.count(self.send_counters(), false);
                Ok(Created::New { unsent })
            }
            Written::Existing(order) => Ok(Created::Existing(order)),
            Written::Nothing => {
                Err(StoreError::Conflict("the order was created and removed meanwhile".to_owned()))
            }
        }
    }

    async fn step(&self, order_no: &OrderNo, step: OrderStep, outbox: Outbox) -> Result<Stepped, StoreError> {
        let manifest = SentCounts::new(&outbox, self.inner.outbox);
        let packed = PreparedOutbox::new(outbox, self.inner.outbox)?;
        let order_no = order_no.clone();
        let stepped = self
            .writer()?
            .write(move |tx| {
                let (outcome, marks) = match take_step(tx, &order_no, &step)? {
                    Step::Unknown => return Ok(Stepped::Unknown),
                    Step::Refused(state) => return Ok(Stepped::Refused { state }),
                    Step::Taken(outcome @ StepOutcome::RefundRecorded { .. }) => {
                        return Ok(Stepped::Taken { outcome, unsent: Vec::new() });
                    }
                    Step::Taken(outcome) => {
                        let again = outcome == StepOutcome::AlreadyThere;
                        (outcome, packed.go(tx, again)?)
                    }
                };
                let again = outcome == StepOutcome::AlreadyThere;
                Ok(Stepped::Taken { outcome, unsent: packed.unsent(&marks, again) })
            })
            .await?;
        match stepped {
            Stepped::Taken { outcome: StepOutcome::Moved, .. } => manifest.count(self.send_counters(), false),
            Stepped::Taken { outcome: StepOutcome::AlreadyThere, .. } => {
                manifest.count(self.send_counters(), true);
            }
            _ => {}
        }
        Ok(stepped)
    }

    async fn record_refund(
        &self,
        order_no: &OrderNo,
        because: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let (name, because, at) = (order_no.clone(), because.to_owned(), nanos(at));
        let recorded = self
            .writer()?
            .write(move |tx| {
                let changed = tx.execute(
                    "UPDATE orders SET refund_since = ?2, refund_because = ?3 \
                     WHERE order_no = ?1 AND refund_since IS NULL",
                    (name.as_str(), at, &because),
                )?;
                Ok(if changed > 0 { Some(true) } else { read(tx, name.as_str())?.map(|_| false) })
            })
            .await?;
        recorded.ok_or_else(|| StoreError::Invalid(format!("there is no order {order_no}")))
    }

    async fn settle_refund(&self, order_no: &OrderNo, at: Timestamp) -> Result<bool, StoreError> {
        let (order_no, at) = (order_no.clone(), nanos(at));
        let changed = self
            .writer()?
            .write(move |tx| {
                tx.execute(
                    "UPDATE orders SET refund_settled_at = ?2 \
                     WHERE order_no = ?1 AND refund_since IS NOT NULL AND refund_settled_at IS NULL",
                    (order_no.as_str(), at),
                )
            })
            .await?;
        Ok(changed > 0)
    }

    async fn refunds_due(&self, limit: u32, cursor: Option<&str>) -> Result<Page<Order>, StoreError> {
        let sql = format!(
            "{ORDER} WHERE refund_since IS NOT NULL AND refund_settled_at IS NULL \
             AND (refund_since, order_no) > (?1, ?2) ORDER BY refund_since, order_no LIMIT ?3"
        );
        let (since, after) = cursor.map_or(Ok((i64::MIN, "")), parse_cursor)?;
        let orders = self.read_orders(&sql, (since, after, rows_for(limit)))?;
        let key = |order: &Order| order.refund_due.as_ref().map_or(i64::MIN, |refund| nanos(refund.since));
        Ok(page(orders, limit, |order| instant_cursor(key(order), order.order_no.as_str())))
    }

    async fn get(&self, order_no: &OrderNo) -> Result<Option<Order>, StoreError> {
        let sql = format!("{ORDER} WHERE order_no = ?1");
        self.inner.readers.read(|connection| {
            connection.prepare_cached(&sql)?.query_row([order_no.as_str()], order_from).optional()
        })
    }

    async fn list_by_user(
        &self,
        user_id: UserId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Order>, StoreError> {
        // No order is created in the last nanosecond that the file can represent.
        let (created, before) = cursor.map_or(Ok((i64::MAX, "")), parse_cursor)?;
        let sql = format!(
            "{ORDER} WHERE user_id = ?1 AND (created_at, order_no) < (?2, ?3) \
             ORDER BY created_at DESC, order_no DESC LIMIT ?4"
        );
        let orders = self.read_orders(&sql, (user_id.0, created, before, rows_for(limit)))?;
        Ok(page(orders, limit, |order| instant_cursor(nanos(order.created_at), order.order_no.as_str())))
    }

    async fn unsent(
        &self,
        before: Timestamp,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<MarkedMessage>, StoreError> {
        let after =
            cursor.map_or(Ok(i64::MIN), |cursor| cursor.parse().map_err(|_| foreign_cursor(cursor)))?;
        let sql = "SELECT id, topic, tag, key, due, sys_flag, properties, body FROM marks \
                   WHERE made_at < ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let marks = self.inner.readers.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map((nanos(before), after, rows_for(limit)), |row| {
                let message = Outgoing {
                    topic: row.get::<_, String>(1)?.into(),
                    tag: row.get::<_, Option<String>>(2)?.map(Into::into),
                    key: row.get(3)?,
                    body: row.get::<_, Vec<u8>>(7)?.into(),
                    sys_flag: row.get(5)?,
                    deliver_at: row.get::<_, Option<i64>>(4)?.map(instant),
                    properties: properties(row, 6)?,
                };
                Ok(MarkedMessage { mark: Some(MarkId(row.get::<_, i64>(0)?.to_string())), message })
            })?;
            rows.collect()
        })?;
        let id = |marked: &MarkedMessage| marked.mark.as_ref().map(|mark| mark.0.clone()).unwrap_or_default();
        Ok(page(marks, limit, id))
    }

    async fn clear_marks(&self, marks: &[MarkId]) -> Result<(), StoreError> {
        // A mark that is not a number is not from this file, so it does not exist.
        let ids: Vec<i64> = marks.iter().filter_map(|mark| mark.0.parse().ok()).collect();
        for chunk in ids.chunks(MARKS_PER_WRITE) {
            let chunk = chunk.to_vec();
            self.writer()?
                .write(move |tx| {
                    for id in &chunk {
                        tx.execute("DELETE FROM marks WHERE id = ?1", [id])?;
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }

    async fn overdue(
        &self,
        before: Timestamp,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Order>, StoreError> {
        let (expired, after) = cursor.map_or(Ok((i64::MIN, "")), parse_cursor)?;
        let sql = format!(
            "{ORDER} WHERE open_until IS NOT NULL AND open_until < ?1 AND (open_until, order_no) > (?2, ?3) \
             ORDER BY open_until, order_no LIMIT ?4"
        );
        let orders = self.read_orders(&sql, (nanos(before), expired, after, rows_for(limit)))?;
        Ok(page(orders, limit, |order| instant_cursor(nanos(order.expires_at), order.order_no.as_str())))
    }
}

enum Written {
    New(Vec<MarkedMessage>),
    Existing(Box<Order>),
    Nothing,
}

enum Step {
    Taken(StepOutcome),
    Refused(OrderState),
    Unknown,
}

/// Takes one step of the state machine. The step to AwaitingPayment, which every order takes, is one statement.
fn take_step(tx: &mut Tx<'_>, order_no: &OrderNo, step: &OrderStep) -> rusqlite::Result<Step> {
    if let OrderStep::AwaitPayment { total_amount } = step {
        let moved = tx.execute(
            "UPDATE orders SET state = ?2, total_amount = ?3 WHERE order_no = ?1 AND state = ?4",
            (
                order_no.as_str(),
                state_code(OrderState::AwaitingPayment),
                total_amount.to_string(),
                state_code(OrderState::Created),
            ),
        )?;
        if moved > 0 {
            return Ok(Step::Taken(StepOutcome::Moved));
        }
    }
    let Some(mut order) = read(tx, order_no.as_str())? else { return Ok(Step::Unknown) };
    match order.take(step) {
        Err(refused) => Ok(Step::Refused(refused.from)),
        Ok(outcome) => {
            if matches!(outcome, StepOutcome::Moved | StepOutcome::RefundRecorded { newly: true }) {
                StoredOrder::new(&order).update(tx)?;
            }
            Ok(Step::Taken(outcome))
        }
    }
}

fn read(tx: &Tx<'_>, order_no: &str) -> rusqlite::Result<Option<Order>> {
    let sql = format!("{ORDER} WHERE order_no = ?1");
    tx.connection.prepare_cached(&sql)?.query_row([order_no], order_from).optional()
}

impl Embedded {
    pub(crate) fn read_orders(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<Order>, StoreError> {
        self.inner
            .readers
            .read(|connection| connection.prepare_cached(sql)?.query_map(params, order_from)?.collect())
    }
}
