//! What would have been sent, one line per notice, and reading it back after a crash.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_domain::ports::{Clock, Notice, NotificationProvider, ProviderError};
use boxoffice_messages::Channel;
use jiff::Timestamp;

use crate::SetupError;

/// Ends a line that a crash or a full disk cut short, so that a reader knows it was never acknowledged.
const CUT_SHORT: &str = " (cut short)\n";

/// A file, or the standard output, that shows what would have been sent. Cheap to clone: the providers of
/// all channels share one.
///
/// A line reads `2026-11-22T10:15:30Z SMS key="…" to="…" template="…" title="…" content="…"`, the texts as JSON
/// strings. Each line is one `write(2)` that has returned before `deliver` does, so a killed process loses none that
/// was acknowledged ([`read_deliveries`] proves it); a power failure may.
#[derive(Clone)]
pub struct NotificationLog {
    sink: Arc<Sink>,
    clock: Arc<dyn Clock>,
}

enum Sink {
    File(File),
    Stdout,
}

impl NotificationLog {
    /// Appends to a file, which is created if there is none. Fails when it cannot be opened for writing.
    pub fn append_to(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let failed = |error: io::Error| SetupError::Log {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        let file = open(path).map_err(failed)?;
        Ok(Self { sink: Arc::new(Sink::File(file)), clock })
    }

    /// Writes to the standard output.
    pub fn stdout(clock: Arc<dyn Clock>) -> Self {
        Self { sink: Arc::new(Sink::Stdout), clock }
    }

    /// The provider of one channel.
    pub fn provider(&self, channel: Channel) -> LogProvider {
        LogProvider { channel, log: self.clone() }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(CUT_SHORT.as_bytes())?;
        }
    }
    Ok(file)
}

impl Sink {
    fn write_line(&self, line: &str) -> io::Result<()> {
        let mut file = match self {
            Self::Stdout => return io::stdout().lock().write_all(line.as_bytes()),
            Self::File(file) => file,
        };
        let written = loop {
            match file.write(line.as_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if written == line.len() {
            return Ok(());
        }
        if written > 0 {
            file.write_all(CUT_SHORT.as_bytes())?;
        }
        Err(io::Error::new(io::ErrorKind::StorageFull, "only part of the line could be written"))
    }
}

/// The provider of one channel that writes to a [`NotificationLog`] instead of sending. Fails with `TryLater` when
/// the line could not be written.
pub struct LogProvider {
    channel: Channel,
    log: NotificationLog,
}

#[async_trait]
impl NotificationProvider for LogProvider {
    async fn deliver(&self, notice: &Notice) -> Result<(), ProviderError> {
        let line = line(self.log.clock.now(), self.channel, notice);
        let sink = Arc::clone(&self.log.sink);
        let written = tokio::task::spawn_blocking(move || sink.write_line(&line)).await;
        let failed = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Err(ProviderError::TryLater {
            because: format!("cannot write the notification: {failed}"),
            after: None,
        })
    }
}

fn line(now: Timestamp, channel: Channel, notice: &Notice) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "{now} {channel} key={} to={} template={} title={} content={}\n",
        quoted(&notice.idempotency_key),
        quoted(&notice.to),
        quoted(&notice.template),
        quoted(&notice.title),
        quoted(&notice.content),
    )
}

/// One notice that reached the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// The channel.
    pub channel: Channel,
    /// The notice's idempotency key.
    pub idempotency_key: String,
}

/// Why the log could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryLogError {
    /// The file cannot be opened or read.
    #[error("cannot read the notifications file: {0}")]
    Io(#[from] io::Error),
    /// A complete line that no [`NotificationLog`] wrote.
    #[error("line {0} of the notifications file is not a notification")]
    Malformed(u64),
}

/// Reads back what a [`NotificationLog`] wrote to a file, in the order of writing. A line that was cut short was never
/// acknowledged and is left out. Fails when there is no such file.
pub fn read_deliveries(path: &Path) -> Result<Deliveries, DeliveryLogError> {
    Ok(Deliveries { file: BufReader::new(File::open(path)?), line_number: 0 })
}

/// The deliveries of a file, see [`read_deliveries`].
#[derive(Debug)]
pub struct Deliveries {
    file: BufReader<File>,
    line_number: u64,
}

impl Iterator for Deliveries {
    type Item = Result<Delivery, DeliveryLogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        loop {
            line.clear();
            match self.file.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => self.line_number += 1,
                Err(error) => return Some(Err(error.into())),
            }
            if line.ends_with(b"\n") && !line.ends_with(CUT_SHORT.as_bytes()) {
                return Some(parse(&line).ok_or(DeliveryLogError::Malformed(self.line_number)));
            }
        }
    }
}

fn parse(line: &[u8]) -> Option<Delivery> {
    let mut parts = std::str::from_utf8(line).ok()?.splitn(3, ' ');
    parts.next()?.parse::<Timestamp>().ok()?;
    let channel = parts.next()?.parse().ok()?;
    let key = parts.next()?.strip_prefix("key=")?;
    let idempotency_key = serde_json::Deserializer::from_str(key).into_iter().next()?.ok()?;
    Some(Delivery { channel, idempotency_key })
}
