use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use boxoffice_catalogue::FileCatalogue;
use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::{
    Alerts, Bus, Clock, Ids, NotificationProvider, Ports, Redeliver, UserDirectory,
};
use boxoffice_embedded::{Embedded, Options};
use boxoffice_flow::RandomIds;
use boxoffice_messages::{Channel, destinations};
use boxoffice_notify::{
    AlertForwarder, AlertWebhook, FileUserDirectory, Flakiness, FlakyProvider, LogAlerts, NotificationLog,
    SigningKey, SmtpProvider, SmtpSettings, WebhookProvider, WebhookSettings,
};
use boxoffice_runtime::telemetry::CountedBus;
use boxoffice_runtime::{SystemClock, Transport};

use crate::{BusSettings, CatalogueSource, HostError, HostSettings, ProviderSettings};

/// Every port, built as the settings say, and what runs beside them.
pub struct Backends {
    /// The ports.
    pub ports: Ports,
    /// What functions are told besides.
    pub functions: FunctionSettings,
    /// Feeds functions.
    pub transport: Arc<dyn Transport>,
    /// The file of the stores.
    pub embedded: Embedded,
    bus: OpenedBus,
    /// Posts alerts, where a webhook is configured.
    pub(crate) alert_forwarder: Option<AlertForwarder>,
}

/// What carries messages.
enum OpenedBus {
    File,
    #[cfg(feature = "rocketmq")]
    RocketMq(boxoffice_rocketmq::RocketMq),
}

impl Backends {
    /// Whether messages are kept in the file of the stores, which then knows each of them.
    pub const fn has_bus_in_file(&self) -> bool {
        matches!(self.bus, OpenedBus::File)
    }

    /// Ends the connections to the bus and closes the file. Stop the consumers first.
    pub async fn close(&self) -> Result<(), HostError> {
        match &self.bus {
            OpenedBus::File => {}
            #[cfg(feature = "rocketmq")]
            OpenedBus::RocketMq(rocketmq) => rocketmq.close().await,
        }
        Ok(self.embedded.close().await?)
    }
}

/// Builds every port. The database file is opened, and locked until [`Embedded::close`] or the last clone is gone.
pub async fn open(settings: &HostSettings) -> Result<Backends, HostError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(RandomIds::new(&settings.rules.zone)?);
    let mut logs = Logs { clock: Arc::clone(&clock), files: HashMap::new() };
    let sms = logs.provider(&settings.sms, Channel::Sms, "SMS_PROVIDER")?;
    let push = logs.provider(&settings.push, Channel::Push, "PUSH_PROVIDER")?;
    let email = match settings.email.url.scheme() {
        "smtp" | "smtps" => {
            let smtp = SmtpSettings::new(settings.email.url.expose(), settings.email_from.clone());
            let provider = SmtpProvider::new(smtp, Arc::clone(&clock));
            Arc::new(provider.map_err(|error| HostError::Provider { setting: "EMAIL_PROVIDER", error })?)
        }
        _ => logs.provider(&settings.email, Channel::Email, "EMAIL_PROVIDER")?,
    };
    let (alerts, alert_forwarder) = alerts(settings, &clock)?;
    let catalogue = Arc::new(catalogue(settings)?);
    let user_directory = match &settings.user_directory {
        Some(path) => Some(Arc::new(FileUserDirectory::load(path)?) as Arc<dyn UserDirectory>),
        None => None,
    };
    let options = match settings.bus {
        BusSettings::Embedded => Options::default(),
        #[cfg(feature = "rocketmq")]
        BusSettings::RocketMq(_) => Options::stores_only(),
    };
    let options = Options { durability: settings.durability, ..options };
    // Opening may check a large file: not on a thread that answers requests.
    let path = settings.database.clone();
    let opened = tokio::task::spawn_blocking(move || Embedded::open(path, options)).await;
    let embedded = opened.map_err(std::io::Error::other)??;
    let Connected { bus, sender, redeliver, transport } = connect(settings, &embedded).await?;
    let ports = Ports {
        orders: Arc::new(embedded.clone()),
        stock_cache: Arc::new(embedded.clone()),
        ledger: Arc::new(embedded.clone()),
        catalogue,
        bus: sender,
        dead_letters: Arc::new(embedded.clone()),
        redeliver,
        idempotency: Arc::new(embedded.clone()),
        statistics: Arc::new(embedded.clone()),
        alerts,
        user_directory,
        sms,
        email,
        push,
        clock,
        ids,
    };
    Ok(Backends { ports, functions: settings.functions(), transport, embedded, bus, alert_forwarder })
}

/// The bus in its three roles.
struct Connected {
    bus: OpenedBus,
    sender: Arc<dyn Bus>,
    redeliver: Arc<dyn Redeliver>,
    transport: Arc<dyn Transport>,
}

#[cfg_attr(
    not(feature = "rocketmq"),
    expect(clippy::unused_async, reason = "every other bus is connected to, which an async function does")
)]
async fn connect(settings: &HostSettings, embedded: &Embedded) -> Result<Connected, HostError> {
    Ok(match &settings.bus {
        BusSettings::Embedded => Connected {
            bus: OpenedBus::File,
            sender: Arc::new(CountedBus::new(Arc::new(embedded.clone()), destinations())),
            redeliver: Arc::new(embedded.clone()),
            transport: Arc::new(embedded.clone()),
        },
        #[cfg(feature = "rocketmq")]
        BusSettings::RocketMq(cluster) => {
            let rocketmq = boxoffice_rocketmq::RocketMq::connect(cluster.as_ref().clone()).await?;
            Connected {
                sender: Arc::new(CountedBus::new(Arc::new(rocketmq.clone()), destinations())),
                redeliver: Arc::new(rocketmq.clone()),
                transport: Arc::new(rocketmq.clone()),
                bus: OpenedBus::RocketMq(rocketmq),
            }
        }
    })
}

/// Loads the stock of every tier of the catalogue that never had any; the number of such tiers.
pub async fn load_new_stock(ports: &Ports) -> Result<usize, HostError> {
    let mut loaded = 0;
    for tier in ports.catalogue.tiers().await? {
        let counters = if let Some(counters) = ports.ledger.counters(tier.ticket_id).await? {
            counters
        } else {
            loaded += 1;
            ports.ledger.load(tier.ticket_id, tier.total).await?
        };
        ports.stock_cache.load(tier.ticket_id, counters.available()).await?;
    }
    Ok(loaded)
}

fn catalogue(settings: &HostSettings) -> Result<FileCatalogue, HostError> {
    Ok(match &settings.catalogue {
        Some(CatalogueSource::File(path)) => FileCatalogue::load(path)?,
        Some(CatalogueSource::Text(text)) => FileCatalogue::parse("built into the program", text)?,
        None => FileCatalogue::load(Path::new("catalogue.toml"))
            .map_err(|error| HostError::NoCatalogue(error.to_string()))?,
    })
}

fn alerts(
    settings: &HostSettings,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<dyn Alerts>, Option<AlertForwarder>), HostError> {
    let Some(url) = &settings.alert_webhook else { return Ok((Arc::new(LogAlerts::new()), None)) };
    let secret = settings.alert_secret.as_ref().map_or("", |secret| secret.expose());
    let failed = |setting| move |error| HostError::Provider { setting, error };
    let key = SigningKey::new(secret).map_err(failed("ALERT_SECRET"))?;
    let webhook = AlertWebhook::new(WebhookSettings::new(url.expose(), key));
    let (alerts, forwarder) =
        LogAlerts::with_webhook(webhook, Arc::clone(clock)).map_err(failed("ALERT_WEBHOOK"))?;
    Ok((Arc::new(alerts), Some(forwarder)))
}

/// The files of log providers: channels that name the same file share it.
struct Logs {
    clock: Arc<dyn Clock>,
    files: HashMap<PathBuf, NotificationLog>,
}

impl Logs {
    fn provider(
        &mut self,
        settings: &ProviderSettings,
        channel: Channel,
        setting: &'static str,
    ) -> Result<Arc<dyn NotificationProvider>, HostError> {
        let failed = |error| HostError::Provider { setting, error };
        let failing_percent = settings.failing_percent;
        if settings.url.scheme() == "log" {
            let log = self.log(Path::new(settings.url.rest())).map_err(failed)?;
            return Ok(perhaps_flaky(log.provider(channel), failing_percent));
        }
        let secret = settings.secret.as_ref().map_or("", |secret| secret.expose());
        let key = SigningKey::new(secret).map_err(failed)?;
        let webhook = WebhookSettings::new(settings.url.expose(), key);
        let provider = WebhookProvider::new(channel, webhook, Arc::clone(&self.clock)).map_err(failed)?;
        Ok(perhaps_flaky(provider, failing_percent))
    }

    fn log(&mut self, path: &Path) -> Result<NotificationLog, boxoffice_notify::SetupError> {
        if let Some(log) = self.files.get(path) {
            return Ok(log.clone());
        }
        let log = if path == Path::new("-") {
            NotificationLog::stdout(Arc::clone(&self.clock))
        } else {
            NotificationLog::append_to(path, Arc::clone(&self.clock))?
        };
        self.files.insert(path.to_owned(), log.clone());
        Ok(log)
    }
}

fn perhaps_flaky<P: NotificationProvider + 'static>(
    provider: P,
    percent: u8,
) -> Arc<dyn NotificationProvider> {
    if percent == 0 {
        return Arc::new(provider);
    }
    Arc::new(FlakyProvider::new(provider, Flakiness::Chance { percent, seed: 1 }))
}
