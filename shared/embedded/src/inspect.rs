//! What the operator's commands still read without a port.

use boxoffice_domain::ports::{Page, StoreError};
use boxoffice_domain::{Counters, Order, OrderNo, TicketId};

use crate::Embedded;
use crate::columns::{page, rows_for};
use crate::idempotency::IN_PROGRESS;
use crate::orders::ORDER;

impl Embedded {
    /// Every order, in the order of the order numbers, after the one given.
    pub fn orders(&self, after: Option<&OrderNo>, limit: u32) -> Result<Page<Order>, StoreError> {
        let sql = format!("{ORDER} WHERE order_no > ?1 ORDER BY order_no LIMIT ?2");
        let orders = self.read_orders(&sql, (after.map_or("", OrderNo::as_str), rows_for(limit)))?;
        Ok(page(orders, limit, |order| order.order_no.to_string()))
    }

    /// Every ticket with durable stock, and its counters.
    pub fn tickets(&self) -> Result<Vec<(TicketId, Counters)>, StoreError> {
        self.inner.readers.read(|connection| {
            connection
                .prepare_cached("SELECT ticket_id, total, locked, sold FROM tickets ORDER BY ticket_id")?
                .query_map([], |row| {
                    let counters = Counters { total: row.get(1)?, locked: row.get(2)?, sold: row.get(3)? };
                    Ok((TicketId(row.get(0)?), counters))
                })?
                .collect()
        })
    }

    /// Sales on record for orders that are not in this file: another system made them. Counts rows.
    pub async fn sales_without_order(&self) -> Result<u64, StoreError> {
        self.count_rows(
            "SELECT count(*) FROM sales WHERE NOT EXISTS (SELECT 1 FROM orders WHERE orders.order_no = sales.order_no)",
        )
        .await
    }

    /// How often the effect of an idempotency key may have happened without a record, because its owner died.
    /// Counts rows.
    pub async fn leases_taken_over(&self) -> Result<u64, StoreError> {
        self.count_rows("SELECT coalesce(sum(taken_over), 0) FROM idempotency").await
    }

    /// How many effects of a function, which is the scope of its idempotency keys, were begun and neither done nor given
    /// back: their owner is at work, or died. Counts rows.
    pub async fn unfinished_effects(&self, function: &'static str) -> Result<u64, StoreError> {
        self.scan(move |store| {
            store.inner.readers.scan(|connection| {
                connection.query_row(
                    "SELECT count(*) FROM idempotency WHERE state = ?2 AND key >= ?1 || '/' AND key < ?1 || '0'",
                    (function, IN_PROGRESS),
                    |row| row.get(0),
                )
            })
        })
        .await
    }

    async fn count_rows(&self, sql: &'static str) -> Result<u64, StoreError> {
        self.scan(move |store| {
            store.inner.readers.scan(|connection| connection.query_row(sql, [], |row| row.get(0)))
        })
        .await
    }
}
