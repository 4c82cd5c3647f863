use boxoffice_backend::{BusAdvice, SharedBus};
use boxoffice_embedded::EmbeddedSettings;
use boxoffice_rocketmq::RocketMqSettings;
use boxoffice_runtime::config::{BackendUrl, Settings};

/// Bus and stores by default.
const DEFAULT: &str = "embedded:boxoffice.db";
/// The schemes that `STORE` may have.
const OF_STORES: &[&str] = &[boxoffice_embedded::SCHEME];
/// The schemes that `STOCK` may have.
const OF_STOCK: &[&str] = &[boxoffice_embedded::SCHEME];

/// Where messages, records and stock are kept.
#[derive(Debug, Clone)]
pub struct BackendSettings {
    /// `BUS`.
    pub bus: BackendUrl,
    /// `STORE`.
    pub store: BackendUrl,
    /// `STOCK`.
    pub stock: BackendUrl,
    /// What the bus recommends to its consumers.
    pub bus_advice: BusAdvice,
    /// How another program uses the same bus; `None` where only one process can.
    pub shared_bus: Option<SharedBus>,
    /// Settings of files.
    pub embedded: EmbeddedSettings,
    /// Settings of a RocketMQ cluster.
    pub rocketmq: RocketMqSettings,
}

impl BackendSettings {
    /// Reads the three URLs, and the settings of every adapter, named by a URL or not: they may be in a file that other
    /// programs read as well.
    pub(super) fn read(s: &mut Settings) -> Self {
        let bus = s.backend(
            "BUS",
            DEFAULT,
            &[boxoffice_embedded::SCHEME, boxoffice_rocketmq::SCHEME],
            "where messages go: embedded:FILE keeps them in an SQLite file, rocketmq://HOST:PORT sends them to a cluster \
             (its name servers, several separated by ;)",
        );
        // Two roles share a backend that both can use, unless set otherwise.
        let default = |of: &BackendUrl, schemes: &[&str]| {
            if schemes.contains(&of.scheme()) { of.expose() } else { DEFAULT.to_owned() }
        };
        let store = s.backend(
            "STORE",
            &default(&bus, OF_STORES),
            OF_STORES,
            "where orders, ledger, idempotency records and dead letters are kept; by default in the file of BUS, if BUS \
             names a file",
        );
        let stock = s.backend(
            "STOCK",
            &default(&store, OF_STOCK),
            OF_STOCK,
            "where the stock cache, for which buyers race, is kept; by default in the file of STORE, if STORE names a file",
        );
        let embedded = EmbeddedSettings::read(s, &bus, &store, &stock);
        let rocketmq = RocketMqSettings::read(s, &bus);
        let (bus_advice, shared_bus) = match bus.scheme() {
            boxoffice_rocketmq::SCHEME => (boxoffice_rocketmq::ADVICE, Some(rocketmq.shared())),
            _ => (boxoffice_embedded::ADVICE, None),
        };
        Self { bus, store, stock, bus_advice, shared_bus, embedded, rocketmq }
    }
}
