use std::path::PathBuf;

use boxoffice_backend::BusAdvice;
use boxoffice_runtime::config::{BackendUrl, Settings};

use crate::Durability;

/// The scheme of URLs that name a file: `embedded:FILE`.
pub const SCHEME: &str = "embedded";

/// What a bus in a file recommends: its work is done in this process, on every core.
pub const ADVICE: BusAdvice = BusAdvice { workers: 2, threads: None };

/// Which of `BUS`, `STORE` and `STOCK` name a file, and how files are written. Those that name the same file share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedSettings {
    /// The file of `BUS`.
    pub bus: Option<PathBuf>,
    /// The file of `STORE`.
    pub store: Option<PathBuf>,
    /// The file of `STOCK`.
    pub stock: Option<PathBuf>,
    /// `DURABILITY`.
    pub durability: Durability,
}

impl EmbeddedSettings {
    /// Takes the files from those URLs that name one, and reads the settings of files.
    pub fn read(s: &mut Settings, bus: &BackendUrl, store: &BackendUrl, stock: &BackendUrl) -> Self {
        let file = |url: &BackendUrl| (url.scheme() == SCHEME).then(|| PathBuf::from(url.rest()));
        Self {
            bus: file(bus),
            store: file(store),
            stock: file(stock),
            durability: s.parsed(
                "DURABILITY",
                Durability::default(),
                "power-loss or process-crash",
                "what an acknowledged write to an embedded file survives; process-crash is faster, but may lose the most \
                 recent writes on power loss",
                Durability::from_name,
            ),
        }
    }

    /// A path next to the file of `STORE`: its name with this ending. `None` where the stores are not in a file.
    pub fn beside_store(&self, ending: &str) -> Option<PathBuf> {
        let mut path = self.store.clone()?.into_os_string();
        path.push(ending);
        Some(path.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> EmbeddedSettings {
        let mut s = Settings::from_parts(variables.iter().copied(), "");
        let mut url = |name: &str| s.backend(name, "embedded:default.db", &[SCHEME, "elsewhere"], "");
        let (bus, store, stock) = (url("BUS"), url("STORE"), url("STOCK"));
        let settings = EmbeddedSettings::read(&mut s, &bus, &store, &stock);
        s.finish().unwrap();
        settings
    }

    #[test]
    fn only_urls_of_the_scheme_name_files() {
        let settings = read(&[("BUS", "elsewhere:host"), ("STOCK", "embedded:stock.db")]);
        assert_eq!((settings.bus, settings.store), (None, Some("default.db".into())));
        assert_eq!((settings.stock, settings.durability), (Some("stock.db".into()), Durability::PowerLoss));
        assert_eq!(read(&[("DURABILITY", "process-crash")]).durability, Durability::ProcessCrash);
    }

    #[test]
    fn a_file_beside_the_store_is_named_after_it() {
        assert_eq!(read(&[]).beside_store(".admin"), Some("default.db.admin".into()));
        assert_eq!(read(&[("STORE", "elsewhere:")]).beside_store(".admin"), None);
    }
}
