use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use boxoffice_domain::ports::StoreError;
use rusqlite::{Connection, OpenFlags};

/// Connections for short reads.
const POOL: usize = 2;

/// Read-only connections. A read runs on the caller's thread: it is bounded to one page and takes microseconds, less
/// than handing it to a thread and waking the caller again would.
#[derive(Debug)]
pub(crate) struct Readers {
    pool: [Mutex<Option<Connection>>; POOL],
    /// For the counts and scans of an operator, which may take longer and must not hold up the others.
    scans: Mutex<Option<Connection>>,
    next: AtomicUsize,
}

impl Readers {
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let open = || -> rusqlite::Result<Mutex<Option<Connection>>> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(Duration::from_secs(2))?;
            connection.set_prepared_statement_cache_capacity(64);
            connection.execute_batch("PRAGMA cache_size = -8192; PRAGMA query_only = ON;")?;
            Ok(Mutex::new(Some(connection)))
        };
        Ok(Self { pool: [open()?, open()?], scans: open()?, next: AtomicUsize::new(0) })
    }

    /// Runs a short read.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let free = (0..POOL).find_map(|offset| self.pool[(first + offset) % POOL].try_lock().ok());
        let guard = free.unwrap_or_else(|| lock(&self.pool[first % POOL]));
        run(guard.as_ref(), work)
    }

    /// Runs a scan. Blocks for as long as it takes.
    pub(crate) fn scan<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        run(lock(&self.scans).as_ref(), work)
    }

    /// Closes every connection; later reads answer that the file is closed.
    pub(crate) fn close(&self) {
        for slot in self.pool.iter().chain([&self.scans]) {
            lock(slot).take();
        }
    }
}

fn lock(slot: &Mutex<Option<Connection>>) -> MutexGuard<'_, Option<Connection>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run<T>(
    connection: Option<&Connection>,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let connection = connection.ok_or_else(|| StoreError::Unavailable("the file is closed".to_owned()))?;
    work(connection).map_err(|error| StoreError::Unavailable(error.to_string()))
}
