//! Makes a `send` command of a file: a plain body, or a message captured from RocketMQ.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boxoffice_messages::{DELIVERY_PROPERTIES, ROUTES, inflate};
use serde::Deserialize;

use crate::cli::SendArgs;
use crate::operator::Command;

/// The longest body accepted, in bytes: what RocketMQ takes by default.
const MAX_BODY_BYTES: u64 = 4 * 1024 * 1024;
/// Properties of a captured message that its sender did not choose, or that the file has as a field, besides
/// [`DELIVERY_PROPERTIES`].
const BROKER_PROPERTIES: [&str; 11] = [
    "CLUSTER",
    "KEYS",
    "MAX_OFFSET",
    "MIN_OFFSET",
    "MSG_REGION",
    "PGROUP",
    "TAGS",
    "TRACE_ON",
    "TRANSACTION_CHECK_TIMES",
    "UNIQ_KEY",
    "__transactionId__",
];

/// Why a file cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendFileError {
    /// It cannot be read.
    #[error("{path}: {because}")]
    Unreadable {
        /// The file.
        path: String,
        /// The operating system's error.
        because: String,
    },
    /// It is too large.
    #[error("{path}: the body has more than {MAX_BODY_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// It is not a captured message.
    #[error("{path}: not a captured message: {because}")]
    NotCaptured {
        /// The file.
        path: String,
        /// What is wrong.
        because: String,
    },
    /// No tag was given, and the payload does not say which.
    #[error("{path}: --tag is missing, and the payload does not say which of {tags} it is")]
    NoTag {
        /// The file.
        path: String,
        /// The tags of its topic.
        tags: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Captured {
    topic: String,
    tag: Option<String>,
    keys: Option<String>,
    #[serde(default)]
    properties: BTreeMap<String, String>,
    #[serde(default)]
    sys_flag: i32,
    wire_body_base64: String,
}

/// What a payload says of itself.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Hint {
    order_no: Option<serde_json::Value>,
    event_type: Option<serde_json::Value>,
    operation: Option<serde_json::Value>,
    channel: Option<serde_json::Value>,
}

/// Reads the file and makes the command.
pub fn command(args: &SendArgs) -> Result<Command, SendFileError> {
    let path = args.file.display().to_string();
    let bytes = read(&args.file, &path)?;
    let (topic, tag, key, body, sys_flag, properties) = if args.captured {
        let not_captured = |because: String| SendFileError::NotCaptured { path: path.clone(), because };
        let captured: Captured =
            serde_json::from_slice(&bytes).map_err(|error| not_captured(error.to_string()))?;
        let body = STANDARD
            .decode(&captured.wire_body_base64)
            .map_err(|error| not_captured(format!("wireBodyBase64: {error}")))?;
        let mut properties = captured.properties;
        properties.retain(|name, _| {
            !BROKER_PROPERTIES.contains(&name.as_str()) && !DELIVERY_PROPERTIES.contains(&name.as_str())
        });
        let topic = args.topic.clone().unwrap_or(captured.topic);
        let tag = args.tag.clone().or(captured.tag);
        let key = args.key.clone().or(captured.keys);
        (topic, tag, key, body, captured.sys_flag, properties.into_iter().collect())
    } else {
        let topic = args.topic.clone().unwrap_or_default();
        (topic, args.tag.clone(), args.key.clone(), bytes, args.sys_flag, Vec::new())
    };
    let hint = hint(&body, sys_flag);
    let tag = match tag {
        Some(tag) => Some(tag),
        None => tag_from(&topic, &hint, &path)?,
    };
    let key = key.or_else(|| text(hint.order_no.as_ref()));
    Ok(Command::Send { topic, tag, key, body_base64: STANDARD.encode(body), sys_flag, properties })
}

fn read(file: &Path, path: &str) -> Result<Vec<u8>, SendFileError> {
    let unreadable = |error: std::io::Error| SendFileError::Unreadable {
        path: path.to_owned(),
        because: error.to_string(),
    };
    let mut bytes = Vec::new();
    // A captured file holds its body twice, and once as base64.
    let limit = MAX_BODY_BYTES * 4 + 1;
    if file == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        std::fs::File::open(file)
            .map_err(unreadable)?
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    }
    if bytes.len() as u64 >= limit {
        return Err(SendFileError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

fn hint(body: &[u8], sys_flag: i32) -> Hint {
    let inflated = inflate(body, sys_flag, boxoffice_messages::DEFAULT_MAX_INFLATED_BYTES);
    inflated.ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default()
}

fn text(value: Option<&serde_json::Value>) -> Option<String> {
    match value {
        Some(serde_json::Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(serde_json::Value::Number(number)) => Some(number.to_string()),
        _ => None,
    }
}

/// The tag that the payload itself names: `eventType` CREATED on ORDER_TOPIC is ORDER_CREATED, and so on. A topic
/// that we do not know keeps its message untagged.
fn tag_from(topic: &str, hint: &Hint, path: &str) -> Result<Option<String>, SendFileError> {
    let tags: Vec<&str> = ROUTES
        .iter()
        .filter(|route| route.topic == topic)
        .flat_map(|route| route.tags.iter().copied())
        .collect();
    if tags.is_empty() {
        return Ok(None);
    }
    let named =
        [&hint.event_type, &hint.operation, &hint.channel].into_iter().find_map(|value| text(value.as_ref()));
    let tag = named.and_then(|name| {
        // A confirmation travels under STOCK_SYNC.
        let name = if name == "CONFIRM" { "SYNC".to_owned() } else { name };
        tags.iter().find(|tag| **tag == name || tag.ends_with(&format!("_{name}"))).copied()
    });
    match tag {
        Some(tag) => Ok(Some(tag.to_owned())),
        None => Err(SendFileError::NoTag { path: path.to_owned(), tags: tags.join(", ") }),
    }
}
