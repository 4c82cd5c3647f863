//! What an operator may count in the stores. Every call reads one page, or one count, on a connection and a thread of
//! its own: neither the writer nor a request waits for it.

use async_trait::async_trait;
use boxoffice_domain::ports::{
    AuditedOrder, AuditedTicket, MarkCount, Page, SalesCount, StoreAudit, StoreError, UncertainEffect,
};
use boxoffice_domain::{Counters, LedgerEntry, TicketId};
use rusqlite::Row;

use crate::Embedded;
use crate::columns::{foreign_cursor, instant, page, rows_for};
use crate::idempotency::IN_PROGRESS;
use crate::orders::{ORDER, order_from};
use crate::stock_ledger::ledger_state;

/// The column after those of an order.
const QUANTITY_ON_RECORD: usize = 19;

#[async_trait]
impl StoreAudit for Embedded {
    async fn orders(&self, limit: u32, cursor: Option<&str>) -> Result<Page<AuditedOrder>, StoreError> {
        let after = cursor.unwrap_or_default().to_owned();
        // One statement: an order and its records are of one instant.
        let sql = format!(
            "SELECT o.*, l.quantity, l.state, s.order_no IS NOT NULL \
             FROM ({ORDER} WHERE order_no > ?1 ORDER BY order_no LIMIT ?2) AS o \
             LEFT JOIN ledger AS l ON l.ticket_id = o.ticket_id AND l.order_no = o.order_no \
             LEFT JOIN sales AS s ON s.order_no = o.order_no ORDER BY o.order_no"
        );
        let orders = self.scan_rows(sql, (after, rows_for(limit)), audited_order).await?;
        Ok(page(orders, limit, |audited| audited.order.order_no.to_string()))
    }

    async fn tickets(&self, limit: u32, cursor: Option<&str>) -> Result<Page<AuditedTicket>, StoreError> {
        let after = match cursor {
            None => i64::MIN,
            Some(cursor) => cursor.parse().map_err(|_| foreign_cursor(cursor))?,
        };
        let sql = "SELECT ticket_id, total, locked, sold FROM tickets \
                   WHERE ticket_id > ?1 OR ?2 ORDER BY ticket_id LIMIT ?3";
        let params = (after, cursor.is_none(), rows_for(limit));
        let tickets = self
            .scan_rows(sql.to_owned(), params, |row| {
                let counters = Counters { total: row.get(1)?, locked: row.get(2)?, sold: row.get(3)? };
                Ok(AuditedTicket { ticket_id: TicketId(row.get(0)?), counters })
            })
            .await?;
        Ok(page(tickets, limit, |ticket| ticket.ticket_id.to_string()))
    }

    async fn marks(&self) -> Result<MarkCount, StoreError> {
        self.scan_one("SELECT count(*), min(made_at) FROM marks", |row| {
            Ok(MarkCount { count: row.get(0)?, oldest: row.get::<_, Option<i64>>(1)?.map(instant) })
        })
        .await
    }

    async fn sales(&self) -> Result<SalesCount, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM sales), (SELECT coalesce(sum(orders), 0) FROM sales_totals)";
        self.scan_one(sql, |row| Ok(SalesCount { records: row.get(0)?, in_totals: row.get(1)? })).await
    }

    async fn uncertain_effects(
        &self,
        function: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<UncertainEffect>, StoreError> {
        // The keys of a function begin with its name and a slash, after which 0 is the next character.
        let sql = "SELECT key, state = ?3, taken_over FROM idempotency \
                   WHERE key > ?1 AND key < ?2 AND (state = ?3 OR taken_over > 0) ORDER BY key LIMIT ?4";
        let first = cursor.map_or_else(|| format!("{function}/"), str::to_owned);
        let params = (first, format!("{function}0"), IN_PROGRESS, rows_for(limit));
        let effects = self
            .scan_rows(sql.to_owned(), params, |row| {
                Ok(UncertainEffect { key: row.get(0)?, unfinished: row.get(1)?, taken_over: row.get(2)? })
            })
            .await?;
        Ok(page(effects, limit, |effect| effect.key.clone()))
    }
}

/// Makes an audited order of the columns of [`ORDER`], then the quantity and state of its ledger record, then whether
/// there is a sale.
fn audited_order(row: &Row<'_>) -> rusqlite::Result<AuditedOrder> {
    let order = order_from(row)?;
    let entry = match row.get::<_, Option<u32>>(QUANTITY_ON_RECORD)? {
        None => None,
        Some(quantity) => {
            let state = ledger_state(row, QUANTITY_ON_RECORD + 1)?;
            Some(LedgerEntry { order_no: order.order_no.clone(), quantity, state })
        }
    };
    Ok(AuditedOrder { order, entry, has_sale: row.get(QUANTITY_ON_RECORD + 2)? })
}

impl Embedded {
    async fn scan_rows<T: Send + 'static>(
        &self,
        sql: String,
        params: impl rusqlite::Params + Send + 'static,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        self.scan(move |store| {
            store
                .inner
                .readers
                .scan(|connection| connection.prepare_cached(&sql)?.query_map(params, row)?.collect())
        })
        .await
    }

    async fn scan_one<T: Send + 'static>(
        &self,
        sql: &'static str,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.scan(move |store| store.inner.readers.scan(|connection| connection.query_row(sql, [], row)))
            .await
    }
}
