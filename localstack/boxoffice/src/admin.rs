//! The admin API of a running server, and how the command line finds it.
//!
//! The server listens on loopback and writes its address and a token into the file that the setting `ADMIN_FILE` names,
//! readable by its owner only. Whoever may read that file may operate the server; nobody else.

mod client;
mod server;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

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
    /// Writes the file, readable by its owner only.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        // A file left by a killed server may have wider permissions than a new one would get.
        remove_if_there(file)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        file.write_all(serde_json::to_string(self)?.as_bytes())
    }

    /// Reads the file; `None` when there is none, or when it is not such a file.
    pub fn read(file: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(file) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes the file, when the server stops.
    pub fn remove(file: &Path) -> io::Result<()> {
        remove_if_there(file)
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
