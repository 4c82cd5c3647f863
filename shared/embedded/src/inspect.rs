//! What operators, metrics and the check of the invariants want to know.

use std::sync::atomic::Ordering;
use std::time::Duration;

use boxoffice_domain::ports::{Page, StoreError};
use boxoffice_domain::{Counters, Order, OrderNo, OrderState, TicketId};
use jiff::Timestamp;
use rusqlite::OptionalExtension;

use crate::Embedded;
use crate::convert::{instant, page, rows_for};
use crate::group::GroupState;
use crate::idempotency::IN_PROGRESS;
use crate::orders::{ORDER, state_code};

/// The queue of one consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupQueue {
    /// The group.
    pub group: String,
    /// Messages that are due and that nobody has.
    pub waiting: u64,
    /// Messages that are due later.
    pub delayed: u64,
    /// Messages that a worker has, or whose answer is being written.
    pub in_flight: u64,
    /// When the oldest message became due that is not handled; `None` when there is none.
    pub oldest: Option<Timestamp>,
    /// Messages ever put in this queue.
    pub queued: u64,
    /// Messages of it that were handled.
    pub handled: u64,
    /// Messages of it that were given up and moved to the dead letters.
    pub dead_lettered: u64,
}

impl GroupQueue {
    /// Every message of the group that is not handled.
    pub const fn total(&self) -> u64 {
        self.waiting + self.delayed + self.in_flight
    }
}

/// The records of one ticket in the durable ledger, added up; to be compared with its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LedgerSums {
    /// Seats of the records that are Deducted.
    pub deducted: u64,
    /// Seats of the records that are Confirmed.
    pub confirmed: u64,
    /// Number of records, tombstones included.
    pub records: u64,
}

/// The reservations of one ticket in the stock cache, added up; to be compared with its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReservationSums {
    /// Seats held.
    pub held: u64,
    /// Reservations that hold seats.
    pub reservations: u64,
}

/// What the writer did since the file was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Commits made.
    pub commits: u64,
    /// Writes in them.
    pub writes: u64,
    /// Time spent making them, waiting for the disk included.
    pub busy: Duration,
}

impl Embedded {
    /// What the writer did since the file was opened.
    pub fn figures(&self) -> Figures {
        let figures = &self.inner.figures;
        Figures {
            commits: figures.commits.load(Ordering::Relaxed),
            writes: figures.jobs.load(Ordering::Relaxed),
            busy: Duration::from_nanos(figures.busy.load(Ordering::Relaxed)),
        }
    }

    /// The queues of all groups, by name. Counts rows: takes a second for each few million messages that wait.
    pub async fn queues(&self) -> Result<Vec<GroupQueue>, StoreError> {
        self.scan(|store| {
            let mut groups = store.inner.routing.groups();
            groups.sort_by(|one, other| one.name.cmp(&other.name));
            groups.iter().map(|group| store.queue(group)).collect()
        })
        .await
    }

    fn queue(&self, group: &GroupState) -> Result<GroupQueue, StoreError> {
        let now = self.inner.horizon.now();
        // One statement is one snapshot, in which the account agrees with the rows.
        let sql = "SELECT queued, handled, dead_lettered, \
                   (SELECT count(*) FROM messages WHERE group_id = ?1 AND due <= ?2), \
                   (SELECT count(*) FROM messages WHERE group_id = ?1 AND due > ?2) FROM groups WHERE id = ?1";
        let (queued, handled, dead_lettered, due, delayed): (u64, u64, u64, u64, u64) =
            self.inner.readers.scan(|connection| {
                connection.prepare_cached(sql)?.query_row([group.id, now], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                })
            })?;
        let in_flight = (group.in_flight() as u64).min(due);
        Ok(GroupQueue {
            group: group.name.clone(),
            waiting: due - in_flight,
            delayed,
            in_flight,
            oldest: self.oldest(group.id, now)?,
            queued,
            handled,
            dead_lettered,
        })
    }

    fn oldest(&self, group_id: i64, now: i64) -> Result<Option<Timestamp>, StoreError> {
        self.inner.readers.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT due FROM messages WHERE group_id = ?1 AND due <= ?2 ORDER BY due, id LIMIT 1",
                )?
                .query_row([group_id, now], |row| row.get(0).map(instant))
                .optional()
        })
    }

    /// How long the oldest message of each group has been due, by name; zero where none waits. Cheap: one point read
    /// per group.
    pub fn lags(&self) -> Result<Vec<(String, Duration)>, StoreError> {
        let now = self.inner.horizon.now();
        let mut groups = self.inner.routing.groups();
        groups.sort_by(|one, other| one.name.cmp(&other.name));
        let lag = |oldest: Option<Timestamp>| {
            oldest.map_or(Duration::ZERO, |oldest| {
                Duration::try_from(instant(now).duration_since(oldest)).unwrap_or(Duration::ZERO)
            })
        };
        groups.iter().map(|group| Ok((group.name.clone(), lag(self.oldest(group.id, now)?)))).collect()
    }

    /// Every order, in the order of the order numbers, after the one given.
    pub fn orders(&self, after: Option<&OrderNo>, limit: u32) -> Result<Page<Order>, StoreError> {
        let sql = format!("{ORDER} WHERE order_no > ?1 ORDER BY order_no LIMIT ?2");
        let orders = self.read_orders(&sql, (after.map_or("", OrderNo::as_str), rows_for(limit)))?;
        Ok(page(orders, limit, |order| order.order_no.to_string()))
    }

    /// How many orders are in each state. Counts rows.
    pub async fn order_counts(&self) -> Result<Vec<(OrderState, u64)>, StoreError> {
        use OrderState::{AwaitingPayment, Cancelled, Created, Paid};
        self.scan(|store| {
            let counts: Vec<(i64, u64)> = store.inner.readers.scan(|connection| {
                connection
                    .prepare_cached("SELECT state, count(*) FROM orders GROUP BY state")?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })?;
            let of = |state: OrderState| {
                counts.iter().find(|(code, _)| *code == state_code(state)).map_or(0, |(_, count)| *count)
            };
            Ok([Created, AwaitingPayment, Paid, Cancelled].map(|state| (state, of(state))).to_vec())
        })
        .await
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

    /// The ledger records of a ticket, added up. Reads all of them.
    pub async fn ledger_sums(&self, ticket_id: TicketId) -> Result<LedgerSums, StoreError> {
        self.scan(move |store| {
            store.inner.readers.scan(|connection| {
                connection
                    .prepare_cached(
                        "SELECT coalesce(sum(quantity) FILTER (WHERE state = 0), 0), \
                         coalesce(sum(quantity) FILTER (WHERE state = 1), 0), count(*) FROM ledger WHERE ticket_id = ?1",
                    )?
                    .query_row([ticket_id.0], |row| {
                        Ok(LedgerSums {
                            deducted: row.get(0)?,
                            confirmed: row.get(1)?,
                            records: row.get(2)?,
                        })
                    })
            })
        })
        .await
    }

    /// The reservations of a ticket, added up. Reads all of them.
    pub async fn reservation_sums(&self, ticket_id: TicketId) -> Result<ReservationSums, StoreError> {
        self.scan(move |store| {
            store.inner.readers.scan(|connection| {
                connection
                    .prepare_cached(
                        "SELECT coalesce(sum(quantity), 0), count(*) FROM reservations \
                         WHERE ticket_id = ?1 AND held = 1",
                    )?
                    .query_row([ticket_id.0], |row| {
                        Ok(ReservationSums { held: row.get(0)?, reservations: row.get(1)? })
                    })
            })
        })
        .await
    }

    /// Sales on record for orders that are not in this file: another system made them. Counts rows.
    pub async fn sales_without_order(&self) -> Result<u64, StoreError> {
        self.count_rows(
            "SELECT count(*) FROM sales WHERE NOT EXISTS (SELECT 1 FROM orders WHERE orders.order_no = sales.order_no)",
        )
        .await
    }

    /// How often the effect of an idempotency key may have happened without our knowing, because its owner died.
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
        self.scan(move |store| store.count(sql)).await
    }

    /// How many messages of orders are still marked as to be sent.
    pub fn mark_count(&self) -> Result<u64, StoreError> {
        self.count("SELECT count(*) FROM marks")
    }

    /// How many idempotency records there are, expired ones included.
    pub fn idempotency_count(&self) -> Result<u64, StoreError> {
        self.count("SELECT count(*) FROM idempotency")
    }

    fn count(&self, sql: &'static str) -> Result<u64, StoreError> {
        self.inner.readers.scan(|connection| connection.query_row(sql, [], |row| row.get(0)))
    }

    /// Runs a scan where it holds up nobody.
    async fn scan<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        let ended = tokio::task::spawn_blocking(move || work(&store)).await;
        ended.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }
}
