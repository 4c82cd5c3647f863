use std::fmt;

use crate::telemetry::mask;

/// A backend as `scheme:rest`, such as `embedded:boxoffice.db`, `rocketmq://127.0.0.1:9876` or `sqs:`.
///
/// It may hold a password: `Display` and `Debug` mask it, [`BackendUrl::rest`] does not.
#[derive(Clone, PartialEq, Eq)]
pub struct BackendUrl {
    scheme: String,
    rest: String,
}

impl BackendUrl {
    /// Which backend: one of the schemes that the setting allows.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What follows the first colon, `//` included, unmasked.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    /// The whole, unmasked, for the client that connects.
    pub fn expose(&self) -> String {
        format!("{}:{}", self.scheme, self.rest)
    }

    /// Takes the text apart if it begins with one of the schemes.
    pub(super) fn parse(text: &str, schemes: &[&str]) -> Option<Self> {
        let url = Self::split(text);
        (text.contains(':') && schemes.contains(&url.scheme.as_str())).then_some(url)
    }

    /// Takes the text apart at its first colon.
    pub(super) fn split(text: &str) -> Self {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        Self { scheme: scheme.to_owned(), rest: rest.to_owned() }
    }
}

impl fmt::Display for BackendUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&mask::url(&self.expose()))
    }
}

impl fmt::Debug for BackendUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BackendUrl({self})")
    }
}
