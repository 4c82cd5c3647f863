use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use boxoffice_messages::group;
use boxoffice_runtime::Subscription;
use rusqlite::{Connection, ErrorCode};

use crate::horizon::Horizon;
use crate::options::{Access, Durability, Options};
use crate::readers::Readers;
use crate::routing::{EVERY_TAG, SharedRouting, topics_of};
use crate::writer::{Writer, WriterFigures, WriterThread};

/// The layout this program reads and writes.
const SCHEMA_VERSION: i64 = 1;
/// "BoxO": distinguishes our files from those of other programs that use SQLite.
const APPLICATION_ID: i64 = 0x426F_784F;
/// Files up to this size are checked whole when opened; a larger one would take too long.
const CHECKED_BYTES: u64 = 32 * 1024 * 1024;
/// Ids of one opening lie above those of all openings before, so that none is ever used twice.
const IDS_PER_OPENING: u32 = 40;
/// How long a process may wait for the commits of the others that share the file.
const TURN: Duration = Duration::from_secs(10);
/// How often it looks whether it may commit.
const TURN_LOOK: Duration = Duration::from_millis(1);

/// Why a file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another program, or another part of this one, has it.
    #[error(
        "{} is in use by another program: stop that program first, or reach it through its admin API (several programs \
         may share the file only while their BUS is elsewhere)",
        path.display()
    )]
    AlreadyOpen {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be made or written.
    #[error("{} cannot be written: {because}", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        because: String,
    },
    /// It is damaged, or not a file of this program.
    #[error("{} is damaged or not a Boxoffice file: {because}; restore a backup, or move it away to start empty", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        because: String,
    },
    /// A newer program made it.
    #[error("{} has layout {found}, but this program supports layouts up to {known}; use a newer version", path.display())]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest layout known here.
        known: i64,
    },
    /// The system failed in another way.
    #[error("{} cannot be opened: {because}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        because: String,
    },
}

/// The parts of an open file.
pub(crate) struct Opened {
    pub(crate) writer: Writer,
    pub(crate) thread: std::thread::JoinHandle<()>,
    pub(crate) readers: Readers,
    pub(crate) routing: Arc<SharedRouting>,
    pub(crate) horizon: Arc<Horizon>,
    pub(crate) figures: Arc<WriterFigures>,
    pub(crate) path: PathBuf,
    /// Messages with a smaller id were sent before this opening.
    pub(crate) first_id: i64,
}

/// Opens or makes the file at `path`.
pub(crate) fn open(path: &Path, options: Options) -> Result<Opened, OpenError> {
    let path = resolve(path)?;
    let lock = lock(&path, options.access)?;
    check_header(&path)?;
    let failed = |error: rusqlite::Error| open_error(&path, &error);
    let mut connection = Connection::open(&path).map_err(failed)?;
    check_contents(&connection, &path)?;
    tune(&connection, &options, &path)?;
    let opening = prepare(&mut connection).map_err(failed)?;
    let routing = Arc::new(SharedRouting::default());
    load_routing(&mut connection, &routing, &options.subscriptions).map_err(failed)?;
    let readers = Readers::open(&path).map_err(failed)?;
    let horizon = Arc::new(Horizon::new(options.clock));
    let figures = Arc::new(WriterFigures::default());
    let first_id = opening << IDS_PER_OPENING;
    let thread = WriterThread {
        connection,
        horizon: horizon.clone(),
        routing: routing.clone(),
        figures: figures.clone(),
        next_id: first_id,
        lock,
    };
    let (writer, thread) =
        thread.start().map_err(|error| OpenError::Io { path: path.clone(), because: error.to_string() })?;
    Ok(Opened { writer, thread, readers, routing, horizon, figures, path, first_id })
}

/// The canonical path of the file, so that two spellings of it share one lock.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let not_writable = |because: String| OpenError::NotWritable { path: path.to_owned(), because };
    if path.is_dir() {
        return Err(not_writable("it is a directory".to_owned()));
    }
    if path.exists() {
        return path.canonicalize().map_err(|error| not_writable(error.to_string()));
    }
    let name = path.file_name().ok_or_else(|| not_writable("it is not the path of a file".to_owned()))?;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder
        .canonicalize()
        .map_err(|error| not_writable(format!("its folder {} cannot be used: {error}", folder.display())))?;
    Ok(folder.join(name))
}

fn lock(path: &Path, access: Access) -> Result<File, OpenError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let not_writable = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::IsADirectory => {
            OpenError::NotWritable { path: path.to_owned(), because: error.to_string() }
        }
        _ => OpenError::Io { path: path.to_owned(), because: error.to_string() },
    };
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(not_writable)?;
    let locked = match access {
        Access::Alone => file.try_lock(),
        Access::Shared => file.try_lock_shared(),
    };
    match locked {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::AlreadyOpen { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(not_writable(error)),
    }
}

fn check_header(path: &Path) -> Result<(), OpenError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(OpenError::NotWritable { path: path.to_owned(), because: error.to_string() });
        }
    };
    let mut header = Vec::new();
    let read = file.by_ref().take(16).read_to_end(&mut header);
    if let Err(error) = read {
        return Err(OpenError::Io { path: path.to_owned(), because: error.to_string() });
    }
    if header.is_empty() || header == b"SQLite format 3\0" {
        return Ok(());
    }
    Err(OpenError::Corrupt {
        path: path.to_owned(),
        because: "it does not start like an SQLite file".to_owned(),
    })
}

fn check_contents(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| open_error(path, &error);
    let corrupt = |because: String| OpenError::Corrupt { path: path.to_owned(), because };
    // In one snapshot: another process may be creating the tables.
    let snapshot = connection.unchecked_transaction().map_err(failed)?;
    let tables: i64 =
        snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let number = |pragma: &str| snapshot.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, version) =
        (number("application_id").map_err(failed)?, number("user_version").map_err(failed)?);
    snapshot.commit().map_err(failed)?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(corrupt("another program made it".to_owned()));
    }
    if version > SCHEMA_VERSION {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found: version, known: SCHEMA_VERSION });
    }
    if std::fs::metadata(path).is_ok_and(|data| data.len() <= CHECKED_BYTES) {
        let verdict: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if verdict != "ok" {
            return Err(corrupt(verdict));
        }
    }
    Ok(())
}

fn tune(connection: &Connection, options: &Options, path: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| open_error(path, &error);
    let mode = write_ahead_log(connection, options.access).map_err(failed)?;
    if mode != "wal" {
        return Err(OpenError::Io {
            path: path.to_owned(),
            because: format!("its file system does not support a write-ahead log (journal mode {mode})"),
        });
    }
    let synchronous = match options.durability {
        Durability::PowerLoss => "FULL",
        Durability::ProcessCrash => "NORMAL",
    };
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = {synchronous}; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; \
             PRAGMA wal_autocheckpoint = 8192; PRAGMA journal_size_limit = 134217728;"
        ))
        .map_err(failed)?;
    match options.access {
        Access::Alone => connection.busy_timeout(Duration::from_secs(2)),
        // SQLite's own busy timeout sleeps longer and longer, up to 100 ms, while commits take turns every millisecond.
        Access::Shared => connection.busy_handler(Some(wait_for_a_turn)),
    }
    .map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// Turns the write-ahead log on; returns the resulting journal mode. When several processes do this on a new file at the
/// same time, SQLite rejects all but one without waiting.
fn write_ahead_log(connection: &Connection, access: Access) -> rusqlite::Result<String> {
    let begun = Instant::now();
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(error) if is_busy(&error) && access == Access::Shared && begun.elapsed() < TURN => {
                std::thread::sleep(TURN_LOOK);
            }
            answer => return answer,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Called by SQLite while another process commits; `false` gives up.
fn wait_for_a_turn(looks: i32) -> bool {
    std::thread::sleep(TURN_LOOK);
    TURN_LOOK.saturating_mul(u32::try_from(looks).unwrap_or(u32::MAX)) < TURN
}

/// Creates the tables of a new file, counts this opening, and counts one more attempt for what was in flight when the
/// program died. This write also shows at once whether the file can be written.
fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(include_str!("schema.sql"))?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.execute("INSERT INTO meta (name, value) VALUES ('openings', 0)", [])?;
    }
    let opening = transaction.query_row(
        "UPDATE meta SET value = value + 1 WHERE name = 'openings' RETURNING value",
        [],
        |row| row.get(0),
    )?;
    let claims: Vec<[i64; 3]> = transaction
        .prepare("SELECT id, claimed_due, claimed_id FROM groups")?
        .query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?
        .collect::<rusqlite::Result<_>>()?;
    for claim in claims {
        transaction.execute(
            "UPDATE messages SET attempt = attempt + 1 WHERE group_id = ?1 AND (due, id) <= (?2, ?3)",
            claim,
        )?;
    }
    transaction.execute("UPDATE groups SET claimed_due = ?1, claimed_id = ?1", [i64::MIN])?;
    transaction.commit()?;
    Ok(opening)
}

/// Stores the given subscriptions, then loads all that the file has.
fn load_routing(
    connection: &mut Connection,
    routing: &SharedRouting,
    subscriptions: &[Subscription],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Dead letters need a place before anybody subscribes to them.
    transaction.execute("INSERT OR IGNORE INTO groups (name) VALUES (?1)", [group::DLQ_HANDLER])?;
    for subscription in subscriptions {
        write_subscription(&transaction, subscription.group, &topics_of(subscription))?;
    }
    let groups: Vec<(i64, String)> = transaction
        .prepare("SELECT id, name FROM groups")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (id, name) in groups {
        let rows: Vec<(String, String)> = transaction
            .prepare("SELECT topic, tag FROM subscriptions WHERE group_id = ?1 ORDER BY topic, tag")?
            .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut topics: Vec<(String, Vec<String>)> = Vec::new();
        for (topic, tag) in rows {
            if topics.last().is_none_or(|(last, _)| *last != topic) {
                topics.push((topic, Vec::new()));
            }
            if let Some((_, tags)) = topics.last_mut()
                && tag != EVERY_TAG
            {
                tags.push(tag);
            }
        }
        routing.set(id, &name, &topics);
    }
    transaction.commit()
}

/// Replaces what a group subscribes to; the number of the group.
pub(crate) fn write_subscription(
    connection: &Connection,
    name: &str,
    topics: &[(String, Vec<String>)],
) -> rusqlite::Result<i64> {
    connection.execute("INSERT OR IGNORE INTO groups (name) VALUES (?1)", [name])?;
    let id = connection.query_row("SELECT id FROM groups WHERE name = ?1", [name], |row| row.get(0))?;
    connection.execute("DELETE FROM subscriptions WHERE group_id = ?1", [id])?;
    let mut insert =
        connection.prepare("INSERT INTO subscriptions (group_id, topic, tag) VALUES (?1, ?2, ?3)")?;
    for (topic, tags) in topics {
        if tags.is_empty() {
            insert.execute((id, topic, EVERY_TAG))?;
        }
        for tag in tags {
            insert.execute((id, topic, tag))?;
        }
    }
    Ok(id)
}

fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    let (path, because) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::Corrupt { path, because },
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            OpenError::NotWritable { path, because }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::AlreadyOpen { path },
        _ => OpenError::Io { path, because },
    }
}
