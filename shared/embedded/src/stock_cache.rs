use async_trait::async_trait;
use boxoffice_domain::ports::{
    CacheStock, HeldReservation, Page, ReleaseAnswer, RepairPage, Repaired, ReservationRequest,
    ReserveAnswer, StockCache, StoreError,
};
use boxoffice_domain::{OrderNo, TicketId, UserId};
use rusqlite::{Connection, OptionalExtension};

use crate::Embedded;
use crate::columns::{order_no, page, rows_for};
use crate::tx::Tx;

#[async_trait]
impl StockCache for Embedded {
    async fn reserve(&self, request: &ReservationRequest) -> Result<ReserveAnswer, StoreError> {
        let request = request.clone();
        Ok(self.writer()?.write(move |tx| reserve(tx, &request)).await?)
    }

    async fn release(&self, ticket_id: TicketId, order_no: &OrderNo) -> Result<ReleaseAnswer, StoreError> {
        let order_no = order_no.clone();
        let released = self.writer()?.write(move |tx| {
            if available(tx, ticket_id)?.is_none() {
                return Ok(ReleaseAnswer::NotLoaded);
            }
            release(tx, ticket_id, order_no.as_str())
        });
        Ok(released.await?)
    }

    async fn load(&self, ticket_id: TicketId, available: u32) -> Result<bool, StoreError> {
        let loaded = self
            .writer()?
            .write(move |tx| {
                tx.execute(
                    "INSERT INTO stock_cache (ticket_id, available, held, reservations) VALUES (?1, ?2, 0, 0) \
                     ON CONFLICT DO NOTHING",
                    (ticket_id.0, available),
                )
            })
            .await?;
        Ok(loaded > 0)
    }

    async fn stock(&self, ticket_id: TicketId) -> Result<Option<CacheStock>, StoreError> {
        self.inner.readers.read(|connection| stock(connection, ticket_id))
    }

    async fn reservations(
        &self,
        ticket_id: TicketId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<HeldReservation>, StoreError> {
        let held: Vec<HeldReservation> = self.inner.readers.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT order_no, user_id, quantity FROM reservations \
                 WHERE ticket_id = ?1 AND order_no > ?2 AND held = 1 ORDER BY order_no LIMIT ?3",
            )?;
            let rows =
                statement.query_map((ticket_id.0, cursor.unwrap_or_default(), rows_for(limit)), |row| {
                    Ok(HeldReservation {
                        order_no: order_no(row, 0)?,
                        user_id: UserId(row.get(1)?),
                        quantity: row.get(2)?,
                    })
                })?;
            rows.collect()
        })?;
        Ok(page(held, limit, |reservation| reservation.order_no.to_string()))
    }

    async fn repair(&self, ticket_id: TicketId, page: &RepairPage) -> Result<Repaired, StoreError> {
        let page = page.clone();
        Ok(self.writer()?.write(move |tx| repair(tx, ticket_id, &page)).await?)
    }
}

fn reserve(tx: &Tx<'_>, request: &ReservationRequest) -> rusqlite::Result<ReserveAnswer> {
    let Some(available) = available(tx, request.ticket_id)? else { return Ok(ReserveAnswer::NotLoaded) };
    match held(tx, request.ticket_id, request.order_no.as_str())? {
        Some((true, _)) => return Ok(ReserveAnswer::AlreadyReserved),
        Some((false, _)) => return Ok(ReserveAnswer::RolledBack),
        None => {}
    }
    if let Some(limit) = request.per_user_limit {
        let held: u32 = tx
            .connection
            .prepare_cached(
                "SELECT coalesce(sum(quantity), 0) FROM reservations \
                 WHERE ticket_id = ?1 AND user_id = ?2 AND held = 1",
            )?
            .query_row([request.ticket_id.0, request.user_id.0], |row| row.get(0))?;
        if held.saturating_add(request.quantity) > limit {
            return Ok(ReserveAnswer::OverLimit { held });
        }
    }
    if available < request.quantity {
        return Ok(ReserveAnswer::SoldOut { available });
    }
    let reservation = HeldReservation {
        order_no: request.order_no.clone(),
        user_id: request.user_id,
        quantity: request.quantity,
    };
    insert_reservation(tx, request.ticket_id, &reservation)?;
    tx.execute(
        "UPDATE stock_cache SET available = available - ?2, held = held + ?2, reservations = reservations + 1 \
         WHERE ticket_id = ?1",
        (request.ticket_id.0, request.quantity),
    )?;
    Ok(ReserveAnswer::Reserved)
}

fn release(tx: &Tx<'_>, ticket_id: TicketId, order_no: &str) -> rusqlite::Result<ReleaseAnswer> {
    match held(tx, ticket_id, order_no)? {
        Some((false, _)) => Ok(ReleaseAnswer::AlreadyReleased),
        None => {
            tombstone(tx, ticket_id, order_no)?;
            Ok(ReleaseAnswer::Tombstoned)
        }
        Some((true, quantity)) => {
            tombstone(tx, ticket_id, order_no)?;
            tx.execute(
                "UPDATE stock_cache SET available = available + ?2, held = held - ?2, \
                 reservations = reservations - 1 WHERE ticket_id = ?1",
                (ticket_id.0, quantity),
            )?;
            Ok(ReleaseAnswer::Released)
        }
    }
}

fn repair(tx: &Tx<'_>, ticket_id: TicketId, page: &RepairPage) -> rusqlite::Result<Repaired> {
    let before = stock(tx.connection, ticket_id)?;
    let mut after = before.unwrap_or(CacheStock { available: 0, held: 0, reservations: 0 });
    let (mut added, mut given_back) = (0, 0);
    for orphan in page.orphans() {
        if let Some((true, quantity)) = held(tx, ticket_id, orphan.as_str())? {
            given_back += 1;
            after.held = after.held.saturating_sub(quantity);
            after.reservations = after.reservations.saturating_sub(1);
        }
        tombstone(tx, ticket_id, orphan.as_str())?;
    }
    for missing in page.missing() {
        if insert_reservation(tx, ticket_id, missing)? {
            added += 1;
            after.held += missing.quantity;
            after.reservations += 1;
        }
    }
    after.available = page.available(after.held);
    tx.execute(
        "INSERT INTO stock_cache (ticket_id, available, held, reservations) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (ticket_id) DO UPDATE SET available = excluded.available, held = excluded.held, \
         reservations = excluded.reservations",
        (ticket_id.0, after.available, after.held, after.reservations),
    )?;
    Ok(Repaired { before, after, added, given_back })
}

/// False, with nothing done, where the order has a reservation or a tombstone.
fn insert_reservation(
    tx: &Tx<'_>,
    ticket_id: TicketId,
    reservation: &HeldReservation,
) -> rusqlite::Result<bool> {
    let inserted = tx.execute(
        "INSERT INTO reservations (ticket_id, order_no, user_id, quantity, held) VALUES (?1, ?2, ?3, ?4, 1) \
         ON CONFLICT DO NOTHING",
        (ticket_id.0, reservation.order_no.as_str(), reservation.user_id.0, reservation.quantity),
    )?;
    Ok(inserted > 0)
}

fn tombstone(tx: &Tx<'_>, ticket_id: TicketId, order_no: &str) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO reservations (ticket_id, order_no, user_id, quantity, held) VALUES (?1, ?2, 0, 0, 0) \
         ON CONFLICT (ticket_id, order_no) DO UPDATE SET held = 0",
        (ticket_id.0, order_no),
    )?;
    Ok(())
}

fn available(tx: &Tx<'_>, ticket_id: TicketId) -> rusqlite::Result<Option<u32>> {
    tx.connection
        .prepare_cached("SELECT available FROM stock_cache WHERE ticket_id = ?1")?
        .query_row([ticket_id.0], |row| row.get(0))
        .optional()
}

/// Whether an order holds seats, and how many it has or had; `None` when it never reserved.
fn held(tx: &Tx<'_>, ticket_id: TicketId, order_no: &str) -> rusqlite::Result<Option<(bool, u32)>> {
    tx.connection
        .prepare_cached("SELECT held, quantity FROM reservations WHERE ticket_id = ?1 AND order_no = ?2")?
        .query_row((ticket_id.0, order_no), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn stock(connection: &Connection, ticket_id: TicketId) -> rusqlite::Result<Option<CacheStock>> {
    connection
        .prepare_cached("SELECT available, held, reservations FROM stock_cache WHERE ticket_id = ?1")?
        .query_row([ticket_id.0], |row| {
            Ok(CacheStock { available: row.get(0)?, held: row.get(1)?, reservations: row.get(2)? })
        })
        .optional()
}
