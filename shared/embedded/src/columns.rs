//! Between the types of the domain and the columns of the file.

use std::str::FromStr;

use boxoffice_domain::ports::{Page, StoreError};
use boxoffice_domain::{Decimal, OrderNo};
use jiff::Timestamp;
use rusqlite::types::{FromSqlError, Type};

/// The longest page any listing gives, so that no read holds up the caller's thread for long.
const MAX_PAGE: u32 = 1_000;

/// Nanoseconds since 1970, held at the years 1677 and 2262.
pub(crate) fn nanos(instant: Timestamp) -> i64 {
    let nanos = instant.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// The instant of a column.
pub(crate) fn instant(nanos: i64) -> Timestamp {
    // Every i64 of nanoseconds lies within the years that jiff knows.
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A column with a value that this program never writes.
pub(crate) fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, Box::new(error))
}

/// A number in a column that stands for nothing.
pub(crate) fn out_of_range(column: usize, value: i64) -> rusqlite::Error {
    unreadable(column, FromSqlError::OutOfRange(value))
}

/// An order number from a text column.
pub(crate) fn order_no(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<OrderNo> {
    OrderNo::new(row.get::<_, String>(column)?).map_err(|error| unreadable(column, error))
}

/// An amount from a nullable text column.
pub(crate) fn decimal(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Option<Decimal>> {
    match row.get_ref(column)?.as_str_or_null().map_err(|error| unreadable(column, error))? {
        None => Ok(None),
        Some(text) => Decimal::from_str(text).map(Some).map_err(|error| unreadable(column, error)),
    }
}

/// User properties as a column keeps them: JSON, or nothing when there are none.
pub(crate) fn properties_text(properties: &[(String, String)]) -> Option<String> {
    // Pairs of strings always serialise.
    (!properties.is_empty()).then(|| serde_json::to_string(properties).unwrap_or_default())
}

/// User properties from a nullable text column.
pub(crate) fn properties(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Vec<(String, String)>> {
    match row.get_ref(column)?.as_str_or_null().map_err(|error| unreadable(column, error))? {
        None => Ok(Vec::new()),
        Some(text) => serde_json::from_str(text).map_err(|error| unreadable(column, error)),
    }
}

/// How many rows to read for a page of `limit`: one more, which shows whether there is another page.
pub(crate) fn rows_for(limit: u32) -> u32 {
    limit.clamp(1, MAX_PAGE) + 1
}

/// Makes a page of the rows read with [`rows_for`].
pub(crate) fn page<T>(mut rows: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Page<T> {
    let most = limit.clamp(1, MAX_PAGE) as usize;
    let more = rows.len() > most;
    rows.truncate(most);
    let next = if more { rows.last().map(cursor) } else { None };
    Page { items: rows, next }
}

/// A cursor of an instant and a text, as [`instant_cursor`] made it.
pub(crate) fn parse_cursor(cursor: &str) -> Result<(i64, &str), StoreError> {
    cursor
        .split_once('/')
        .and_then(|(at, rest)| Some((at.parse().ok()?, rest)))
        .ok_or_else(|| foreign_cursor(cursor))
}

/// The error for a cursor that another listing issued.
pub(crate) fn foreign_cursor(cursor: &str) -> StoreError {
    StoreError::Invalid(format!("the cursor {cursor:?} does not belong to this listing"))
}

/// The cursor after a row that is ordered by an instant, then by a text.
pub(crate) fn instant_cursor(at: i64, text: &str) -> String {
    format!("{at}/{text}")
}
