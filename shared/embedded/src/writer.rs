use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use boxoffice_domain::ports::{SendError, StoreError};
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use crate::group::GroupState;
use crate::horizon::Horizon;
use crate::message_counts::Accounts;
use crate::routing::SharedRouting;
use crate::tx::Tx;

/// Jobs that may wait; more make their callers wait.
const QUEUE: usize = 4_096;
/// The most jobs in one commit, so that no caller waits long for its neighbours.
const MOST_PER_COMMIT: usize = 2_048;

/// Why a write was not made, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WriteError {
    /// The writer is not running: nothing was written.
    #[error("the file is closed")]
    Closed,
    /// This write violates a constraint of the file and can never succeed.
    #[error("the file rejected the write: {0}")]
    Refused(String),
    /// Nothing was written: the disk is full, or a similar failure.
    #[error("{0}")]
    Failed(String),
    /// The commit failed or its answer was lost.
    #[error("{0}")]
    Unknown(String),
}

impl From<WriteError> for StoreError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Closed => Self::Unavailable("the file is closed".to_owned()),
            WriteError::Refused(because) => Self::Invalid(because),
            WriteError::Failed(because) | WriteError::Unknown(because) => Self::Unavailable(because),
        }
    }
}

impl From<WriteError> for SendError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Closed => Self::Unavailable("the file is closed".to_owned()),
            WriteError::Refused(because) => Self::Rejected(because),
            WriteError::Failed(because) => Self::Unavailable(because),
            WriteError::Unknown(because) => Self::OutcomeUnknown(because),
        }
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => {
                Self::Refused(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// One piece of work. It may run twice, if another job in its commit failed; only the last run counts.
trait Job: Send {
    fn run(&mut self, tx: &mut Tx<'_>) -> rusqlite::Result<()>;
    /// Reports the result of the last run to the caller.
    fn answer(&mut self, committed: Result<(), WriteError>);
}

struct Task<T, F> {
    work: F,
    value: Option<T>,
    reply: Option<oneshot::Sender<Result<T, WriteError>>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnMut(&mut Tx<'_>) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> rusqlite::Result<()> {
        self.value = None;
        self.value = Some((self.work)(tx)?);
        Ok(())
    }

    fn answer(&mut self, committed: Result<(), WriteError>) {
        let answer = committed.and_then(|()| {
            self.value.take().ok_or_else(|| WriteError::Failed("the write did not run".into()))
        });
        if let Some(reply) = self.reply.take() {
            // A caller that is gone does not need the answer.
            let _ = reply.send(answer);
        }
    }
}

enum Command {
    Run(Box<dyn Job>),
    /// Finish what is queued, fold the log into the file, close it.
    Close(oneshot::Sender<Result<(), WriteError>>),
}

/// Jobs that share a commit.
#[derive(Default)]
struct Group {
    jobs: Vec<Box<dyn Job>>,
    closing: Option<oneshot::Sender<Result<(), WriteError>>>,
}

impl Group {
    /// Waits for the first command, then takes what has gathered. False once nobody can send any more.
    fn wait(&mut self, queue: &mut mpsc::Receiver<Command>) -> bool {
        let Some(command) = queue.blocking_recv() else { return false };
        self.take(command);
        self.gather(queue);
        true
    }

    /// Takes what has gathered.
    fn gather(&mut self, queue: &mut mpsc::Receiver<Command>) {
        while self.jobs.len() < MOST_PER_COMMIT
            && self.closing.is_none()
            && let Ok(command) = queue.try_recv()
        {
            self.take(command);
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Run(job) => self.jobs.push(job),
            Command::Close(reply) => self.closing = Some(reply),
        }
    }
}

/// How far each group, by its number, had claimed when it was last written down.
type Claims = HashMap<i64, (i64, i64)>;

/// Figures of the writer since the file was opened.
#[derive(Debug, Default)]
pub(crate) struct WriterFigures {
    pub(crate) commits: AtomicU64,
    pub(crate) jobs: AtomicU64,
    /// Time spent from the first statement of a commit to its end, in nanoseconds.
    pub(crate) busy: AtomicU64,
}

/// A handle to the writer thread.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Command>,
}

impl Writer {
    /// Runs `work` in a commit together with whatever else has gathered, and returns once that is durable.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, WriteError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Task { work, value: None, reply: Some(reply) });
        self.queue.send(Command::Run(job)).await.map_err(|_| WriteError::Closed)?;
        answer.await.map_err(|_| WriteError::Unknown("the writer ended before it answered".to_owned()))?
    }

    /// Whether the writer has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Ends the writer once what is queued is written.
    pub(crate) async fn close(&self) -> Result<(), WriteError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Command::Close(reply)).await.map_err(|_| WriteError::Closed)?;
        answer.await.map_err(|_| WriteError::Unknown("the writer ended before it answered".to_owned()))?
    }
}

/// What the writer thread owns.
pub(crate) struct WriterThread {
    pub(crate) connection: Connection,
    pub(crate) horizon: Arc<Horizon>,
    pub(crate) routing: Arc<SharedRouting>,
    pub(crate) figures: Arc<WriterFigures>,
    pub(crate) next_id: i64,
    /// Held until the connection is closed, so that no other process opens the file before.
    pub(crate) lock: File,
}

impl WriterThread {
    /// Starts the thread; returns a handle to send it work and one to wait for its end.
    pub(crate) fn start(self) -> std::io::Result<(Writer, std::thread::JoinHandle<()>)> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let thread =
            std::thread::Builder::new().name("boxoffice-writer".to_owned()).spawn(move || self.run(jobs))?;
        Ok((Writer { queue }, thread))
    }

    fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut written = HashMap::new();
        let mut group = Group::default();
        while group.closing.is_none() && group.wait(&mut queue) {
            self.commit(&mut group, &mut queue, &mut written);
        }
        queue.close();
        while let Some(command) = queue.blocking_recv() {
            match command {
                Command::Run(mut job) => job.answer(Err(WriteError::Closed)),
                Command::Close(reply) => drop(reply.send(Ok(()))),
            }
        }
        let result = self.finish();
        if let Some(reply) = group.closing {
            let _ = reply.send(result);
        }
    }

    /// Commits a group, or, when one of it fails, each on its own, and answers all.
    fn commit(&mut self, group: &mut Group, queue: &mut mpsc::Receiver<Command>, written: &mut Claims) {
        if group.jobs.is_empty() {
            return;
        }
        let begun = std::time::Instant::now();
        let stamp = self.horizon.begin_commit();
        let mut woken = Vec::new();
        let mut answers = Vec::new();
        if self.transaction(group, Some(queue), stamp, &mut woken, written).is_err() {
            let mut alone = Group::default();
            for job in std::mem::take(&mut group.jobs) {
                alone.jobs.push(job);
                answers.push(self.transaction(&mut alone, None, stamp, &mut woken, written));
                group.jobs.append(&mut alone.jobs);
            }
        }
        self.horizon.end_commit();
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.figures.busy.fetch_add(took, Ordering::Relaxed);
        self.figures.commits.fetch_add(1, Ordering::Relaxed);
        self.figures.jobs.fetch_add(group.jobs.len() as u64, Ordering::Relaxed);
        // Workers first: by the time they read, the callers below have been answered as well.
        for (consumers, due) in woken {
            consumers.wake_for(due, stamp);
        }
        let mut answers = answers.into_iter();
        for mut job in group.jobs.drain(..) {
            job.answer(answers.next().unwrap_or(Ok(())));
        }
    }

    /// Commits a group and, if there is a `queue`, what comes in while the group runs. With a slow disk half of the callers
    /// would otherwise wait for the next commit.
    fn transaction(
        &mut self,
        group: &mut Group,
        queue: Option<&mut mpsc::Receiver<Command>>,
        stamp: i64,
        woken: &mut Vec<(Arc<GroupState>, i64)>,
        written: &mut Claims,
    ) -> Result<(), WriteError> {
        let result = self.attempt(group, queue, stamp, woken, written);
        if result.is_err() && !self.connection.is_autocommit() {
            // A rollback that fails as well leaves nothing to do: the next BEGIN reports it.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        result
    }

    fn attempt(
        &mut self,
        group: &mut Group,
        mut queue: Option<&mut mpsc::Receiver<Command>>,
        stamp: i64,
        woken: &mut Vec<(Arc<GroupState>, i64)>,
        written: &mut Claims,
    ) -> Result<(), WriteError> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut accounts = Accounts::default();
        let mut tx = Tx {
            connection: &self.connection,
            routing: &self.routing,
            next_id: &mut self.next_id,
            stamp,
            woken,
            accounts: &mut accounts,
        };
        let mut run = 0;
        while let Some(job) = group.jobs.get_mut(run) {
            job.run(&mut tx)?;
            run += 1;
            if run == group.jobs.len()
                && let Some(queue) = &mut queue
            {
                group.gather(queue);
            }
        }
        accounts.write(&self.connection)?;
        let marks = self.write_claims(written)?;
        let committed = self.connection.prepare_cached("COMMIT")?.execute([]);
        committed.map_err(|error| WriteError::Unknown(error.to_string()))?;
        written.extend(marks);
        Ok(())
    }

    /// Stores how far each group has claimed, since a commit is made anyway.
    fn write_claims(&self, written: &Claims) -> rusqlite::Result<Vec<(i64, (i64, i64))>> {
        let mut marks = Vec::new();
        for group in self.routing.groups() {
            let claimed = group.claimed();
            if claimed.is_some() && claimed != written.get(&group.id).copied() {
                let (due, id) = claimed.unwrap_or_default();
                self.connection
                    .prepare_cached("UPDATE groups SET claimed_due = ?2, claimed_id = ?3 WHERE id = ?1")?
                    .execute([group.id, due, id])?;
                marks.push((group.id, (due, id)));
            }
        }
        Ok(marks)
    }

    /// Clears the claims of groups that have nothing in flight, folds the log into the file, closes it.
    fn finish(self) -> Result<(), WriteError> {
        for group in self.routing.groups().iter().filter(|group| group.in_flight() == 0) {
            self.connection.execute(
                "UPDATE groups SET claimed_due = ?2, claimed_id = ?2 WHERE id = ?1",
                [group.id, i64::MIN],
            )?;
        }
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.connection.close().map_err(|(_, error)| error)?;
        drop(self.lock);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
