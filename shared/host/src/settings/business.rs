use std::path::PathBuf;
use std::time::Duration;

use boxoffice_domain::BusinessRules;
use boxoffice_runtime::config::Settings;

/// The range of `PAYMENT_WINDOW`.
const PAYMENT_WINDOWS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(7 * 24 * 3600);

/// Where shows and prices come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogueSource {
    /// A file that a person edits.
    File(PathBuf),
    /// The text of such a file.
    Text(&'static str),
}

pub(super) fn catalogue(s: &mut Settings) -> Option<CatalogueSource> {
    let path = s.optional_text(
        "CATALOGUE",
        "file of shows, sessions and ticket tiers; by default catalogue.toml in the working directory, and for boxoffice a \
         small built-in one",
    );
    path.map(|path| CatalogueSource::File(path.into()))
}

pub(super) fn user_directory(s: &mut Settings) -> Option<PathBuf> {
    let path =
        s.optional_text("USER_DIRECTORY", "TOML file with the addresses of buyers whose orders contain none");
    path.map(PathBuf::from)
}

pub(super) fn rules(s: &mut Settings) -> BusinessRules {
    let defaults = BusinessRules::default();
    BusinessRules {
        zone: s.zone("ZONE", "Asia/Shanghai", "time zone of date-times that do not name one"),
        payment_window: s.duration(
            "PAYMENT_WINDOW",
            defaults.payment_window,
            PAYMENT_WINDOWS,
            "how long a buyer has to pay",
        ),
        max_quantity: s.integer(
            "MAX_QUANTITY",
            defaults.max_quantity,
            1..=1_000,
            "maximum number of tickets in one order",
        ),
    }
}
