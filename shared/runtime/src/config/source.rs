use std::collections::BTreeMap;
use std::path::Path;

use super::error::{ConfigError, Origin};

/// The value that was found for a setting.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

/// A value as its source writes it.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    /// Of a TOML array.
    List(Vec<String>),
    /// Not a text, a number, a boolean or a list of these: what it is instead.
    Other(&'static str),
}

/// Reads the configuration file.
pub(super) fn read_file(path: &Path) -> Result<BTreeMap<String, Found>, ConfigError> {
    let error = |reason: String| ConfigError::File { path: path.display().to_string(), reason };
    let text = std::fs::read_to_string(path).map_err(|reason| error(reason.to_string()))?;
    read_toml(&text).map_err(error)
}

/// Reads the text of a configuration file. The error names the line but never quotes it: it may hold a secret.
pub(super) fn read_toml(text: &str) -> Result<BTreeMap<String, Found>, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        format!("line {line}: {}", error.message())
    })?;
    Ok(table
        .into_iter()
        .map(|(name, value)| (name, Found { origin: Origin::File, value: of_toml(value) }))
        .collect())
}

fn of_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::Text(text),
        toml::Value::Integer(number) => Value::Text(number.to_string()),
        toml::Value::Float(number) => Value::Text(number.to_string()),
        toml::Value::Boolean(flag) => Value::Text(flag.to_string()),
        toml::Value::Datetime(_) => Value::Other("a date-time"),
        toml::Value::Table(_) => Value::Other("a table"),
        toml::Value::Array(items) => {
            let texts = items.into_iter().map(|item| match of_toml(item) {
                Value::Text(text) => Some(text),
                Value::List(_) | Value::Other(_) => None,
            });
            texts.collect::<Option<Vec<_>>>().map_or(Value::Other("a list of lists or tables"), Value::List)
        }
    }
}
