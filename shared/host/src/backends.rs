use std::sync::Arc;

use boxoffice_backend::{BackendError, BusParts, Resource, StockParts, StoreParts};
use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::{BusAudit, Ports, StoreAudit};
use boxoffice_embedded::Files;
use boxoffice_messages::destinations;
use boxoffice_notify::AlertForwarder;
use boxoffice_runtime::Transport;
use boxoffice_runtime::config::BackendUrl;
use boxoffice_runtime::telemetry::CountedBus;

use crate::providers::Providers;
use crate::{BackendSettings, HostError, HostSettings};

/// Everything that the settings name, opened.
pub struct Backends {
    /// Every port.
    pub ports: Ports,
    /// The settings of functions.
    pub functions: FunctionSettings,
    /// Feeds functions.
    pub transport: Arc<dyn Transport>,
    /// What an operator may count in the stores.
    pub store_audit: Arc<dyn StoreAudit>,
    /// What an operator may count on the bus.
    pub bus_audit: Arc<dyn BusAudit>,
    /// Posts alerts, where a webhook is configured.
    pub(crate) alert_forwarder: Option<AlertForwarder>,
    resources: [Arc<dyn Resource>; 3],
}

/// Opens everything that the settings name. Providers come first: what is wrong with them leaves nothing behind.
pub async fn open(settings: &HostSettings) -> Result<Backends, HostError> {
    let providers = Providers::new(settings)?;
    let (bus, store, stock) = open_parts(&settings.backends).await?;
    Ok(join(settings, providers, bus, store, stock))
}

/// As [`open`], with parts that are open already: for programs that look into a backend themselves.
pub fn open_with(
    settings: &HostSettings,
    bus: BusParts,
    store: StoreParts,
    stock: StockParts,
) -> Result<Backends, HostError> {
    Ok(join(settings, Providers::new(settings)?, bus, store, stock))
}

/// The one place that knows which adapter a scheme belongs to.
async fn open_parts(settings: &BackendSettings) -> Result<(BusParts, StoreParts, StockParts), BackendError> {
    let BackendSettings { bus, store, stock, .. } = settings;
    let files = Files::open(&settings.embedded).await?;
    let store = match store.scheme() {
        boxoffice_embedded::SCHEME => files.store()?,
        _ => return Err(no_adapter("STORE", store)),
    };
    let stock = match stock.scheme() {
        boxoffice_embedded::SCHEME => files.stock()?,
        _ => return Err(no_adapter("STOCK", stock)),
    };
    let bus = match bus.scheme() {
        boxoffice_embedded::SCHEME => files.bus()?,
        boxoffice_rocketmq::SCHEME => boxoffice_rocketmq::open(&settings.rocketmq).await?,
        _ => return Err(no_adapter("BUS", bus)),
    };
    Ok((bus, store, stock))
}

/// The settings allow only schemes that have an adapter.
fn no_adapter(setting: &'static str, url: &BackendUrl) -> BackendError {
    BackendError::new(setting, format!("no adapter for {url}"))
}

fn join(
    settings: &HostSettings,
    providers: Providers,
    bus: BusParts,
    store: StoreParts,
    stock: StockParts,
) -> Backends {
    let Providers { sms, email, push, alerts, alert_forwarder, catalogue, user_directory, clock, ids } =
        providers;
    let ports = Ports {
        orders: store.orders,
        stock_cache: stock.stock_cache,
        ledger: store.ledger,
        catalogue,
        bus: Arc::new(CountedBus::new(bus.bus, destinations())),
        dead_letters: store.dead_letters,
        redeliver: bus.redeliver,
        idempotency: store.idempotency,
        statistics: store.statistics,
        alerts,
        user_directory,
        sms,
        email,
        push,
        clock,
        ids,
    };
    Backends {
        ports,
        functions: settings.functions(),
        transport: bus.transport,
        store_audit: store.audit,
        bus_audit: bus.audit,
        alert_forwarder,
        resources: [bus.resource, stock.resource, store.resource],
    }
}

impl Backends {
    /// Closes the bus, then the stock cache and the stores; each is closed even when another fails, and the first error
    /// is returned. Stop the consumers first.
    pub async fn close(&self) -> Result<(), HostError> {
        let mut first = Ok(());
        for resource in &self.resources {
            first = first.and(resource.close().await);
        }
        Ok(first?)
    }
}
