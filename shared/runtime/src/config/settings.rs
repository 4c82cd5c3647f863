use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::backend_url::BackendUrl;
use super::error::{ConfigError, ConfigErrors, Origin};
use super::similar::most_similar;
use super::source::{Found, Value, read_file, read_toml};
use super::{Secret, parse_duration, write_duration};
use crate::telemetry::mask;

/// An unknown environment variable with this prefix is an error: it can only be a mistake.
const PREFIX: &str = "BOXOFFICE_";

const A_TEXT: &str = "a text";
const A_SECRET: &str = "a secret text";

/// A setting, described for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable, and the key in the file.
    pub name: String,
    /// Its default; `None` if there is none.
    pub default: Option<String>,
    /// The allowed values.
    pub allowed: String,
    /// Its meaning.
    pub meaning: String,
}

/// Reads settings from environment variables, and those that the environment does not set from a TOML file with the same
/// names as keys.
///
/// A getter that finds an error records it and returns the default, so that reading continues; [`Settings::finish`] then
/// reports all errors. An empty environment variable counts as not set.
pub struct Settings {
    values: BTreeMap<String, Found>,
    known: Vec<Setting>,
    also_known: Vec<String>,
    errors: Vec<ConfigError>,
}

impl Settings {
    /// The environment of this process, and a file if one is given.
    pub fn load(file: Option<&Path>) -> Self {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            // A variable that is not valid text cannot be one of ours.
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        Self::of(file.map_or_else(|| Ok(BTreeMap::new()), read_file), environment)
    }

    /// These variables and this text of a file, for tests and for programs that configure functions themselves.
    pub fn from_parts<Name, Value>(environment: impl IntoIterator<Item = (Name, Value)>, toml: &str) -> Self
    where
        Name: Into<String>,
        Value: Into<String>,
    {
        let file = read_toml(toml).map_err(|reason| ConfigError::File { path: "given".to_owned(), reason });
        Self::of(file, environment.into_iter().map(|(name, value)| (name.into(), value.into())))
    }

    fn of(
        file: Result<BTreeMap<String, Found>, ConfigError>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Self {
        let (mut values, errors) = match file {
            Ok(values) => (values, Vec::new()),
            Err(error) => (BTreeMap::new(), vec![error]),
        };
        for (name, text) in environment.filter(|(_, text)| !text.is_empty()) {
            values.insert(name, Found { origin: Origin::Environment, value: Value::Text(text) });
        }
        Self { values, known: Vec::new(), also_known: Vec::new(), errors }
    }

    /// A text.
    pub fn text(&mut self, name: &str, default: &str, meaning: &str) -> String {
        self.describe(name, Some(default), A_TEXT, meaning);
        self.read(name, A_TEXT, as_it_is).unwrap_or_else(|| default.to_owned())
    }

    /// An optional text.
    pub fn optional_text(&mut self, name: &str, meaning: &str) -> Option<String> {
        self.describe(name, None, A_TEXT, meaning);
        self.read(name, A_TEXT, as_it_is)
    }

    /// A required text; empty if it is missing, which [`Settings::finish`] reports.
    pub fn required_text(&mut self, name: &str, meaning: &str) -> String {
        self.describe(name, None, "a text (required)", meaning);
        if !self.values.contains_key(name) {
            self.errors.push(ConfigError::Missing { name: name.to_owned(), allowed: A_TEXT.to_owned() });
        }
        self.read(name, A_TEXT, as_it_is).unwrap_or_default()
    }

    /// A value that must be kept secret. No error shows it.
    pub fn secret(&mut self, name: &str, meaning: &str) -> Option<Secret> {
        self.describe(name, None, A_SECRET, meaning);
        match self.values.get(name).map(|found| (found.origin, &found.value)) {
            None => None,
            Some((_, Value::Text(text))) => Some(Secret::new(text)),
            Some((origin, Value::List(_) | Value::Other(_))) => {
                self.not_allowed(name, origin, "something else", A_SECRET);
                None
            }
        }
    }

    /// One of several backends; `schemes` are those that are allowed, `default` has one of them.
    pub fn backend(&mut self, name: &str, default: &str, schemes: &[&str], meaning: &str) -> BackendUrl {
        let allowed = format!("a URL that begins with {}", schemes.join(": or ") + ":");
        self.describe(name, Some(default), &allowed, meaning);
        self.read(name, &allowed, |text| BackendUrl::parse(text, schemes))
            .unwrap_or_else(|| BackendUrl::split(default))
    }

    /// An optional `http` or `https` address.
    pub fn web_address(&mut self, name: &str, meaning: &str) -> Option<BackendUrl> {
        const ALLOWED: &str = "an address that begins with http:// or https://";
        self.describe(name, None, ALLOWED, meaning);
        self.read(name, ALLOWED, |text| {
            BackendUrl::parse(text, &["http", "https"])
                .filter(|url| url.rest().len() > 2 && url.rest().starts_with("//"))
        })
    }

    /// A duration such as `200ms`, `15m` or `1h30m`.
    pub fn duration(
        &mut self,
        name: &str,
        default: Duration,
        range: RangeInclusive<Duration>,
        meaning: &str,
    ) -> Duration {
        let (least, most) = (write_duration(*range.start()), write_duration(*range.end()));
        let allowed = format!("a duration from {least} to {most}, such as 200ms, 15m or 1h30m");
        self.describe(name, Some(&write_duration(default)), &allowed, meaning);
        self.read(name, &allowed, |text| parse_duration(text).ok().filter(|value| range.contains(value)))
            .unwrap_or(default)
    }

    /// A whole number.
    pub fn integer<Number>(
        &mut self,
        name: &str,
        default: Number,
        range: RangeInclusive<Number>,
        meaning: &str,
    ) -> Number
    where
        Number: FromStr + PartialOrd + fmt::Display,
    {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        self.describe(name, Some(&default.to_string()), &allowed, meaning);
        self.read(name, &allowed, |text| text.parse().ok().filter(|value| range.contains(value)))
            .unwrap_or(default)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &str, default: bool, meaning: &str) -> bool {
        const ALLOWED: &str = "true or false";
        self.describe(name, Some(if default { "true" } else { "false" }), ALLOWED, meaning);
        self.read(name, ALLOWED, |text| text.parse().ok()).unwrap_or(default)
    }

    /// Anything that can be parsed from a text, such as an enum or an amount of money; `allowed` describes it for people.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        default: T,
        allowed: &str,
        meaning: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T
    where
        T: fmt::Display,
    {
        self.describe(name, Some(&default.to_string()), allowed, meaning);
        self.read(name, allowed, parse).unwrap_or(default)
    }

    /// A time zone by its IANA name.
    pub fn zone(&mut self, name: &str, default: &str, meaning: &str) -> TimeZone {
        const ALLOWED: &str = "a time zone such as Asia/Shanghai or UTC";
        self.describe(name, Some(default), ALLOWED, meaning);
        self.read(name, ALLOWED, |text| TimeZone::get(text).ok())
            .or_else(|| TimeZone::get(default).ok())
            .unwrap_or(TimeZone::UTC)
    }

    /// A list of texts: a TOML array, or one text with commas in between.
    pub fn list(&mut self, name: &str, default: &[&str], meaning: &str) -> Vec<String> {
        const ALLOWED: &str = "texts with commas in between";
        self.describe(name, Some(&default.join(",")), ALLOWED, meaning);
        let split = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        };
        match self.values.get(name).map(|found| (found.origin, found.value.clone())) {
            None => default.iter().map(|item| (*item).to_owned()).collect(),
            Some((_, Value::List(items))) => items,
            Some((_, Value::Text(text))) => split(&text),
            Some((origin, Value::Other(found))) => {
                self.not_allowed(name, origin, found, ALLOWED);
                Vec::new()
            }
        }
    }

    /// Reports a setting whose value, or absence, does not fit the other settings; `allowed` says what would fit, and
    /// why.
    pub fn refuse(&mut self, name: &str, allowed: &str) {
        let secret = self.known.iter().any(|known| known.name == name && known.allowed == A_SECRET);
        match self.values.get(name).map(|found| (found.origin, &found.value)) {
            None => {
                let (name, allowed) = (name.to_owned(), allowed.to_owned());
                self.errors.push(ConfigError::Missing { name, allowed });
            }
            Some((origin, Value::Text(text))) if !secret => {
                let found = format!("{:?}", mask::url(text));
                self.not_allowed(name, origin, &found, allowed);
            }
            Some((origin, _)) => self.not_allowed(name, origin, "something else", allowed),
        }
    }

    /// Names that are allowed although this program does not read them: those of other functions in the same file.
    pub fn also_known<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.also_known.extend(names.into_iter().map(str::to_owned));
    }

    /// Ends reading. Returns the settings that were read, for documentation, or all errors, unknown names included.
    pub fn finish(mut self) -> Result<Vec<Setting>, ConfigErrors> {
        for (name, found) in &self.values {
            let ours = found.origin == Origin::File || name.starts_with(PREFIX);
            if ours && !self.names().any(|known| known == name) {
                let did_you_mean = most_similar(name, self.names()).map(str::to_owned);
                self.errors.push(ConfigError::Unknown {
                    name: name.clone(),
                    origin: found.origin,
                    did_you_mean,
                });
            }
        }
        if self.errors.is_empty() { Ok(self.known) } else { Err(ConfigErrors { errors: self.errors }) }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.known
            .iter()
            .map(|setting| setting.name.as_str())
            .chain(self.also_known.iter().map(String::as_str))
    }

    fn describe(&mut self, name: &str, default: Option<&str>, allowed: &str, meaning: &str) {
        // Two crates may read the same setting.
        if self.known.iter().all(|setting| setting.name != name) {
            self.known.push(Setting {
                name: name.to_owned(),
                default: default.map(str::to_owned),
                allowed: allowed.to_owned(),
                meaning: meaning.to_owned(),
            });
        }
    }

    /// The value of a setting, if it is set and `parse` accepts it; records an error if `parse` does not.
    fn read<T>(&mut self, name: &str, allowed: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let found = self.values.get(name)?;
        let origin = found.origin;
        let (parsed, shown) = match &found.value {
            Value::Text(text) => (parse(text), format!("{:?}", mask::url(text))),
            Value::List(_) => (None, "a list".to_owned()),
            Value::Other(kind) => (None, (*kind).to_owned()),
        };
        if parsed.is_none() {
            self.not_allowed(name, origin, &shown, allowed);
        }
        parsed
    }

    fn not_allowed(&mut self, name: &str, origin: Origin, found: &str, allowed: &str) {
        self.errors.push(ConfigError::NotAllowed {
            name: name.to_owned(),
            origin,
            found: found.to_owned(),
            allowed: allowed.to_owned(),
        });
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it has the form of every other way to read a text")]
fn as_it_is(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The settings as a Markdown table, one row each.
pub fn settings_table(settings: &[Setting]) -> String {
    let mut table = "| setting | default | allowed | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for Setting { name, default, allowed, meaning } in settings {
        let default = default
            .as_deref()
            .filter(|text| !text.is_empty())
            .map_or("none".to_owned(), |text| format!("`{text}`"));
        for cell in [&format!("`{name}`"), &default, allowed, meaning] {
            table.push_str("| ");
            table.push_str(&cell.replace('|', "\\|"));
            table.push(' ');
        }
        table.push_str("|\n");
    }
    table
}

#[cfg(test)]
mod tests;
