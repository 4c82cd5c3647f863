use async_trait::async_trait;
use boxoffice_domain::ports::{Sale, SalesTotal, Statistics, StoreError};
use boxoffice_domain::{Decimal, TicketId};
use rusqlite::{Connection, OptionalExtension};

use crate::Embedded;
use crate::columns::{decimal, nanos};

#[async_trait]
impl Statistics for Embedded {
    async fn record(&self, sale: &Sale) -> Result<bool, StoreError> {
        let sale = sale.clone();
        let ticket_id = sale.ticket_id;
        let recorded = self
            .writer()?
            .write(move |tx| {
                let before = total(tx.connection, sale.ticket_id)?;
                let Some(amount) = before.amount.checked_add(sale.amount.unwrap_or_default()) else {
                    return Ok(None);
                };
                let new = tx.execute(
                    "INSERT INTO sales (order_no, show_id, ticket_id, quantity, amount, at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
                    (
                        sale.order_no.as_str(),
                        sale.show_id.map(|show| show.0),
                        sale.ticket_id.0,
                        sale.quantity,
                        sale.amount.map(|amount| amount.to_string()),
                        nanos(sale.at),
                    ),
                )?;
                if new > 0 {
                    tx.execute(
                        "INSERT INTO sales_totals (ticket_id, orders, tickets, amount) VALUES (?1, 1, ?2, ?3) \
                         ON CONFLICT (ticket_id) DO UPDATE SET orders = orders + 1, tickets = tickets + ?2, amount = ?3",
                        (sale.ticket_id.0, sale.quantity, amount.to_string()),
                    )?;
                }
                Ok(Some(new > 0))
            })
            .await?;
        recorded.ok_or_else(|| {
            StoreError::Invalid(format!("the total sales of ticket {ticket_id} are too large"))
        })
    }

    async fn total(&self, ticket_id: TicketId) -> Result<SalesTotal, StoreError> {
        self.inner.readers.read(|connection| total(connection, ticket_id))
    }
}

fn total(connection: &Connection, ticket_id: TicketId) -> rusqlite::Result<SalesTotal> {
    let total = connection
        .prepare_cached("SELECT orders, tickets, amount FROM sales_totals WHERE ticket_id = ?1")?
        .query_row([ticket_id.0], |row| {
            let amount = decimal(row, 2)?.unwrap_or(Decimal::ZERO);
            Ok(SalesTotal { orders: row.get(0)?, tickets: row.get(1)?, amount })
        })
        .optional()?;
    Ok(total.unwrap_or_default())
}
