//! The admin API of a running server, and how the command line finds it.
//!
//! The server listens on loopback and writes where, with a token, into `<database file>.admin`, readable by its
//! owner only. Whoever may read the database file's folder as that owner may operate the server; nobody else.

mod client;
mod server;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use client::{AdminClient, ClientError};
pub use server::router;

/// Where a running server listens for operators, and what they must show.
#[derive(Clone, Serialize, Deserialize)]
pub struct AdminEndpoint {
    /// The address of the admin API.
    pub address: SocketAddr,
    /// The token.
    pub token: String,
    /// The server's process id, for the messages of the command line.
    pub pid: u32,
    /// The address of the public API.
    pub api: SocketAddr,
    /// How long a buyer may take to pay, in seconds.
    pub payment_window_seconds: u64,
}

impl AdminEndpoint {
    /// The file that tells of the server that runs on `database`.
    pub fn path(database: &Path) -> PathBuf {
        let mut name = database.as_os_str().to_owned();
        name.push(".admin");
        PathBuf::from(name)
    }

    /// Writes the file, readable by its owner only.
    pub fn write(&self, database: &Path) -> io::Result<()> {
        let path = Self::path(database);
        // A file left by a killed server may have wider permissions than a new one would get.
        remove_if_there(&path)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(serde_json::to_string(self)?.as_bytes())
    }

    /// Reads the file; `None` when there is none, or none that can be read as such a file.
    pub fn read(database: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(Self::path(database)) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes the file, when the server stops.
    pub fn remove(database: &Path) -> io::Result<()> {
        remove_if_there(&Self::path(database))
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
