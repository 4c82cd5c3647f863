//! What a program needs besides its backends: notification providers, alerts, shows and prices, time and names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use boxoffice_catalogue::FileCatalogue;
use boxoffice_domain::ports::{Alerts, Catalogue, Clock, Ids, NotificationProvider, UserDirectory};
use boxoffice_flow::RandomIds;
use boxoffice_messages::Channel;
use boxoffice_notify::{
    AlertForwarder, AlertWebhook, FileUserDirectory, Flakiness, FlakyProvider, LogAlerts, NotificationLog,
    SetupError, SigningKey, SmtpProvider, SmtpSettings, WebhookProvider, WebhookSettings,
};
use boxoffice_runtime::SystemClock;
use boxoffice_runtime::config::Secret;

use crate::{CatalogueSource, ChannelSettings, HostError, HostSettings, ProviderSettings};

/// The ports that no backend has.
pub(crate) struct Providers {
    pub(crate) sms: Arc<dyn NotificationProvider>,
    pub(crate) email: Arc<dyn NotificationProvider>,
    pub(crate) push: Arc<dyn NotificationProvider>,
    pub(crate) alerts: Arc<dyn Alerts>,
    /// Posts alerts, where a webhook is configured.
    pub(crate) alert_forwarder: Option<AlertForwarder>,
    pub(crate) catalogue: Arc<dyn Catalogue>,
    pub(crate) user_directory: Option<Arc<dyn UserDirectory>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

impl Providers {
    /// Builds them as the settings say; reads the catalogue and the user directory.
    pub(crate) fn new(settings: &HostSettings) -> Result<Self, HostError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut logs = Logs { clock: Arc::clone(&clock), files: HashMap::new() };
        let ProviderSettings { sms, email, push, .. } = &settings.providers;
        let sms = logs.provider(sms, Channel::Sms, "SMS_PROVIDER")?;
        let push = logs.provider(push, Channel::Push, "PUSH_PROVIDER")?;
        let email = match email.provider.scheme() {
            "smtp" | "smtps" => smtp(&settings.providers, &clock)?,
            _ => logs.provider(email, Channel::Email, "EMAIL_PROVIDER")?,
        };
        let (alerts, alert_forwarder) = alerts(&settings.providers, &clock)?;
        let user_directory = match &settings.user_directory {
            Some(path) => Some(Arc::new(FileUserDirectory::load(path)?) as Arc<dyn UserDirectory>),
            None => None,
        };
        let catalogue = Arc::new(catalogue(settings.catalogue.as_ref())?);
        let ids = Arc::new(RandomIds::new(&settings.rules.zone)?);
        Ok(Self { sms, email, push, alerts, alert_forwarder, catalogue, user_directory, clock, ids })
    }
}

fn catalogue(source: Option<&CatalogueSource>) -> Result<FileCatalogue, HostError> {
    Ok(match source {
        Some(CatalogueSource::File(path)) => FileCatalogue::load(path)?,
        Some(CatalogueSource::Text(text)) => FileCatalogue::parse("built into the program", text)?,
        None => FileCatalogue::load(Path::new("catalogue.toml"))
            .map_err(|error| HostError::NoCatalogue(error.to_string()))?,
    })
}

fn alerts(
    settings: &ProviderSettings,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<dyn Alerts>, Option<AlertForwarder>), HostError> {
    let Some(url) = &settings.alert_webhook else { return Ok((Arc::new(LogAlerts::new()), None)) };
    let key = signing_key(settings.alert_secret.as_ref(), "ALERT_SECRET")?;
    let webhook = AlertWebhook::new(WebhookSettings::new(url.expose(), key));
    let (alerts, forwarder) = LogAlerts::with_webhook(webhook, Arc::clone(clock))
        .map_err(|error| HostError::Provider { setting: "ALERT_WEBHOOK", error })?;
    Ok((Arc::new(alerts), Some(forwarder)))
}

fn smtp(
    settings: &ProviderSettings,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn NotificationProvider>, HostError> {
    let smtp = SmtpSettings::new(settings.email.provider.expose(), settings.email_from.clone());
    match SmtpProvider::new(smtp, Arc::clone(clock)) {
        Ok(provider) => Ok(Arc::new(provider)),
        Err(error) => Err(HostError::Provider { setting: "EMAIL_PROVIDER", error }),
    }
}

fn signing_key(secret: Option<&Secret>, setting: &'static str) -> Result<SigningKey, HostError> {
    SigningKey::new(secret.map_or("", |secret| secret.expose()))
        .map_err(|error| HostError::Provider { setting, error })
}

/// The files of log providers: channels that name the same file share it.
struct Logs {
    clock: Arc<dyn Clock>,
    files: HashMap<PathBuf, NotificationLog>,
}

impl Logs {
    fn provider(
        &mut self,
        settings: &ChannelSettings,
        channel: Channel,
        setting: &'static str,
    ) -> Result<Arc<dyn NotificationProvider>, HostError> {
        let failed = |error| HostError::Provider { setting, error };
        let (url, failing_percent) = (&settings.provider, settings.failing_percent);
        if url.scheme() == "log" {
            let log = self.log(Path::new(url.rest())).map_err(failed)?;
            return Ok(perhaps_flaky(log.provider(channel), failing_percent));
        }
        let webhook = WebhookSettings::new(url.expose(), signing_key(settings.secret.as_ref(), setting)?);
        let provider = WebhookProvider::new(channel, webhook, Arc::clone(&self.clock)).map_err(failed)?;
        Ok(perhaps_flaky(provider, failing_percent))
    }

    fn log(&mut self, path: &Path) -> Result<NotificationLog, SetupError> {
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
