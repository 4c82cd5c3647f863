use std::path::PathBuf;

use boxoffice_runtime::config::{BackendUrl, Secret, Settings};

/// Who is notified, and how.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Text messages: the settings that begin with `SMS_`.
    pub sms: ChannelSettings,
    /// E-mail: the settings that begin with `EMAIL_`.
    pub email: ChannelSettings,
    /// `EMAIL_FROM`.
    pub email_from: String,
    /// Push notifications: the settings that begin with `PUSH_`.
    pub push: ChannelSettings,
    /// `ALERT_WEBHOOK`.
    pub alert_webhook: Option<BackendUrl>,
    /// `ALERT_SECRET`.
    pub alert_secret: Option<Secret>,
}

/// One channel's provider.
#[derive(Debug, Clone)]
pub struct ChannelSettings {
    /// `…_PROVIDER`.
    pub provider: BackendUrl,
    /// `…_SECRET`.
    pub secret: Option<Secret>,
    /// `…_FAILING_PERCENT`.
    pub failing_percent: u8,
}

impl ProviderSettings {
    pub(super) fn read(s: &mut Settings) -> Self {
        Self {
            sms: ChannelSettings::read(s, "SMS", &["log", "http", "https"], "who sends text messages"),
            email: ChannelSettings::read(s, "EMAIL", &["log", "smtp", "smtps"], "who sends e-mail"),
            email_from: s.text(
                "EMAIL_FROM",
                "Boxoffice <tickets@localhost.localdomain>",
                "sender address of e-mail",
            ),
            push: ChannelSettings::read(s, "PUSH", &["log", "http", "https"], "who sends push notifications"),
            alert_webhook: s.web_address("ALERT_WEBHOOK", "where alerts are posted, in addition to the log"),
            alert_secret: s.secret("ALERT_SECRET", "signs the requests to ALERT_WEBHOOK"),
        }
    }

    /// The file where log providers write what they delivered, when all of them write into the same one.
    pub fn deliveries(&self) -> Option<PathBuf> {
        let path = |channel: &ChannelSettings| {
            (channel.provider.scheme() == "log" && channel.provider.rest() != "-")
                .then(|| PathBuf::from(channel.provider.rest()))
        };
        let sms = path(&self.sms)?;
        [&self.email, &self.push].into_iter().all(|other| path(other).as_ref() == Some(&sms)).then_some(sms)
    }
}

impl ChannelSettings {
    fn read(s: &mut Settings, name: &str, schemes: &[&str], what: &str) -> Self {
        Self {
            provider: s.backend(
                &format!("{name}_PROVIDER"),
                "log:notifications.log",
                schemes,
                &format!("{what}; log appends to a file what would have been sent"),
            ),
            secret: if schemes.contains(&"https") {
                s.secret(&format!("{name}_SECRET"), &format!("signs the requests to {name}_PROVIDER"))
            } else {
                None
            },
            failing_percent: s.integer(
                &format!("{name}_FAILING_PERCENT"),
                0,
                0..=100,
                "percentage of deliveries that fail on purpose, for demonstrations",
            ),
        }
    }
}
