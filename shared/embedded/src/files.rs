//! The files of a process, as the host asks for them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use boxoffice_backend::{BackendError, BusParts, Resource, StockParts, StoreParts};
use boxoffice_domain::ports::StoreError;

use crate::open::resolve;
use crate::{Embedded, EmbeddedSettings, Options};

/// The files that `BUS`, `STORE` and `STOCK` name, each opened once.
///
/// Where the bus and the stores are one file, the messages of an order are sent in its commit. Otherwise the order is
/// marked, its function sends the messages, and outbox-relay sends what was left. A file without the bus may be shared by
/// several processes.
pub struct Files {
    bus: Option<Embedded>,
    store: Option<Embedded>,
    stock: Option<Embedded>,
}

impl Files {
    /// Opens the files, which may check large ones first. Opens nothing where no URL names a file.
    pub async fn open(settings: &EmbeddedSettings) -> Result<Self, BackendError> {
        let settings = settings.clone();
        // Not on a thread that answers requests.
        let opened = tokio::task::spawn_blocking(move || Self::open_here(&settings)).await;
        opened.unwrap_or_else(|error| Err(BackendError::new("STORE", error)))
    }

    fn open_here(settings: &EmbeddedSettings) -> Result<Self, BackendError> {
        let bus = path_of("BUS", settings.bus.as_deref())?;
        let store = path_of("STORE", settings.store.as_deref())?;
        let stock = path_of("STOCK", settings.stock.as_deref())?;
        let mut open: Vec<(PathBuf, Embedded)> = Vec::new();
        let mut open_once = |setting, path: Option<&PathBuf>| -> Result<Option<Embedded>, BackendError> {
            let Some(path) = path else { return Ok(None) };
            if let Some((_, file)) = open.iter().find(|(known, _)| known == path) {
                return Ok(Some(file.clone()));
            }
            let with_bus = bus.as_ref() == Some(path);
            let options = if with_bus { Options::default() } else { Options::stores_only() };
            let file = Embedded::open(path, Options { durability: settings.durability, ..options })
                .map_err(|error| BackendError::new(setting, error))?;
            open.push((path.clone(), file.clone()));
            Ok(Some(file))
        };
        Ok(Self {
            bus: open_once("BUS", bus.as_ref())?,
            store: open_once("STORE", store.as_ref())?,
            stock: open_once("STOCK", stock.as_ref())?,
        })
    }

    /// The bus in the file of `BUS`; an error where that names no file.
    pub fn bus(&self) -> Result<BusParts, BackendError> {
        named("BUS", self.bus.as_ref()).map(Embedded::bus_parts)
    }

    /// The stores in the file of `STORE`; an error where that names no file.
    pub fn store(&self) -> Result<StoreParts, BackendError> {
        named("STORE", self.store.as_ref()).map(Embedded::store_parts)
    }

    /// The stock cache in the file of `STOCK`; an error where that names no file.
    pub fn stock(&self) -> Result<StockParts, BackendError> {
        named("STOCK", self.stock.as_ref()).map(Embedded::stock_parts)
    }
}

fn path_of(setting: &'static str, path: Option<&Path>) -> Result<Option<PathBuf>, BackendError> {
    path.map(resolve).transpose().map_err(|error| BackendError::new(setting, error))
}

fn named<'a>(setting: &'static str, file: Option<&'a Embedded>) -> Result<&'a Embedded, BackendError> {
    file.ok_or_else(|| BackendError::new(setting, "does not name a file"))
}

impl Embedded {
    /// This file as a bus.
    pub fn bus_parts(&self) -> BusParts {
        let file = Arc::new(self.clone());
        BusParts {
            bus: file.clone(),
            redeliver: file.clone(),
            transport: file.clone(),
            audit: file.clone(),
            resource: file,
        }
    }

    /// This file as the stores.
    pub fn store_parts(&self) -> StoreParts {
        let file = Arc::new(self.clone());
        StoreParts {
            orders: file.clone(),
            ledger: file.clone(),
            idempotency: file.clone(),
            dead_letters: file.clone(),
            statistics: file.clone(),
            audit: file.clone(),
            resource: file,
        }
    }

    /// This file as the stock cache.
    pub fn stock_parts(&self) -> StockParts {
        let file = Arc::new(self.clone());
        StockParts { stock_cache: file.clone(), resource: file }
    }
}

#[async_trait]
impl Resource for Embedded {
    async fn close(&self) -> Result<(), StoreError> {
        if self.is_closed() { Ok(()) } else { Self::close(self).await }
    }
}
