use std::collections::HashMap;

use async_trait::async_trait;
use boxoffice_domain::ledger::fold;
use boxoffice_domain::ports::{Page, StockLedger, StoreError};
use boxoffice_domain::{Counters, LedgerChange, LedgerEntry, LedgerOutcome, LedgerState, OrderNo, TicketId};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::Embedded;
use crate::columns::{order_no, out_of_range, page, rows_for};
use crate::tx::Tx;

#[async_trait]
impl StockLedger for Embedded {
    async fn load(&self, ticket_id: TicketId, total: u32) -> Result<Counters, StoreError> {
        let loaded = self
            .writer()?
            .write(move |tx| {
                let known = counters(tx.connection, ticket_id)?.unwrap_or_default();
                if known.locked + known.sold > total {
                    return Ok(Err(known));
                }
                tx.execute(
                    "INSERT INTO tickets (ticket_id, total, locked, sold) VALUES (?1, ?2, 0, 0) \
                     ON CONFLICT (ticket_id) DO UPDATE SET total = excluded.total",
                    (ticket_id.0, total),
                )?;
                Ok(Ok(Counters { total, ..known }))
            })
            .await?;
        loaded.map_err(|known| {
            StoreError::Invalid(format!(
                "ticket {ticket_id} cannot have {total} seats: {} are locked and {} sold",
                known.locked, known.sold
            ))
        })
    }

    async fn apply(
        &self,
        ticket_id: TicketId,
        changes: &[LedgerChange],
    ) -> Result<Vec<LedgerOutcome>, StoreError> {
        let changes = changes.to_vec();
        Ok(self.writer()?.write(move |tx| apply(tx, ticket_id, &changes)).await?)
    }

    async fn counters(&self, ticket_id: TicketId) -> Result<Option<Counters>, StoreError> {
        self.inner.readers.read(|connection| counters(connection, ticket_id))
    }

    async fn entry(
        &self,
        ticket_id: TicketId,
        order_no: &OrderNo,
    ) -> Result<Option<LedgerEntry>, StoreError> {
        self.inner.readers.read(|connection| entry(connection, ticket_id, order_no))
    }

    async fn entries(
        &self,
        ticket_id: TicketId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<LedgerEntry>, StoreError> {
        let entries: Vec<LedgerEntry> = self.inner.readers.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT order_no, quantity, state FROM ledger \
                     WHERE ticket_id = ?1 AND order_no > ?2 ORDER BY order_no LIMIT ?3",
                )?
                .query_map((ticket_id.0, cursor.unwrap_or_default(), rows_for(limit)), entry_from)?
                .collect()
        })?;
        Ok(page(entries, limit, |entry| entry.order_no.to_string()))
    }
}

fn apply(tx: &Tx<'_>, ticket_id: TicketId, changes: &[LedgerChange]) -> rusqlite::Result<Vec<LedgerOutcome>> {
    let Some(before) = counters(tx.connection, ticket_id)? else {
        return Ok(vec![LedgerOutcome::UnknownTicket(ticket_id); changes.len()]);
    };
    let mut on_file = HashMap::with_capacity(changes.len());
    for change in changes {
        if !on_file.contains_key(&change.order_no)
            && let Some(entry) = entry(tx.connection, ticket_id, &change.order_no)?
        {
            on_file.insert(change.order_no.clone(), entry);
        }
    }
    let folded = fold(before, &on_file, changes);
    for entry in &folded.changed {
        tx.execute(
            "INSERT INTO ledger (ticket_id, order_no, quantity, state) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (ticket_id, order_no) DO UPDATE SET quantity = excluded.quantity, state = excluded.state",
            (ticket_id.0, entry.order_no.as_str(), entry.quantity, state_code(entry.state)),
        )?;
    }
    if folded.counters != before {
        tx.execute(
            "UPDATE tickets SET locked = ?2, sold = ?3 WHERE ticket_id = ?1",
            (ticket_id.0, folded.counters.locked, folded.counters.sold),
        )?;
    }
    Ok(folded.outcomes)
}

/// The number of a state in the file.
const fn state_code(state: LedgerState) -> i64 {
    match state {
        LedgerState::Deducted => 0,
        LedgerState::Confirmed => 1,
        LedgerState::RolledBack => 2,
    }
}

/// The state in a column.
pub(crate) fn ledger_state(row: &Row<'_>, column: usize) -> rusqlite::Result<LedgerState> {
    match row.get::<_, i64>(column)? {
        0 => Ok(LedgerState::Deducted),
        1 => Ok(LedgerState::Confirmed),
        2 => Ok(LedgerState::RolledBack),
        other => Err(out_of_range(column, other)),
    }
}

/// Makes a record of `order_no, quantity, state`.
fn entry_from(row: &Row<'_>) -> rusqlite::Result<LedgerEntry> {
    Ok(LedgerEntry { order_no: order_no(row, 0)?, quantity: row.get(1)?, state: ledger_state(row, 2)? })
}

fn entry(
    connection: &Connection,
    ticket_id: TicketId,
    order_no: &OrderNo,
) -> rusqlite::Result<Option<LedgerEntry>> {
    connection
        .prepare_cached(
            "SELECT order_no, quantity, state FROM ledger WHERE ticket_id = ?1 AND order_no = ?2",
        )?
        .query_row((ticket_id.0, order_no.as_str()), entry_from)
        .optional()
}

fn counters(connection: &Connection, ticket_id: TicketId) -> rusqlite::Result<Option<Counters>> {
    connection
        .prepare_cached("SELECT total, locked, sold FROM tickets WHERE ticket_id = ?1")?
        .query_row([ticket_id.0], |row| {
            Ok(Counters { total: row.get(0)?, locked: row.get(1)?, sold: row.get(2)? })
        })
        .optional()
}
