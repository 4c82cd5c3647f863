//! What the client library's errors mean for a caller, and their texts.
//!
//! Works around rocketmq-client-rust 1.0.0: `Display` and `Debug` of its errors hide why a request failed, and some responses
//! are wrapped as invalid arguments. Response codes remain, so texts are made from them. No upstream issue was found. To see
//! whether this is still needed, print a `ClientError` of a send to a topic that does not exist.

use boxoffice_domain::ports::SendError;
use rocketmq_client_rust::{ClientError, MQClientException};
use rocketmq_error::{ViewValueRef, fields};

/// Response codes of a broker, see `ResponseCode` of RocketMQ, and of the client library, see its `ClientErrorCode`.
pub(crate) mod code {
    pub(crate) const SYSTEM_ERROR: i32 = 1;
    pub(crate) const SYSTEM_BUSY: i32 = 2;
    pub(crate) const MESSAGE_ILLEGAL: i32 = 13;
    pub(crate) const SERVICE_NOT_AVAILABLE: i32 = 14;
    pub(crate) const NO_PERMISSION: i32 = 16;
    pub(crate) const TOPIC_NOT_EXIST: i32 = 17;
    pub(crate) const GROUP_NOT_EXIST: i32 = 26;
    /// Ours, see `hook`: the broker does not know the account, or the signature is wrong.
    pub(crate) const WRONG_CREDENTIALS: i32 = 9_016;

    pub(super) const CONNECT_BROKER: i32 = 10_001;
    pub(super) const ACCESS_BROKER_TIMEOUT: i32 = 10_002;
    pub(super) const BROKER_NOT_EXIST: i32 = 10_003;
    pub(super) const NO_NAME_SERVER: i32 = 10_004;
    pub(super) const NOT_FOUND_TOPIC: i32 = 10_005;
}

/// What an operator does about a refused account.
const CREDENTIALS: &str = "does not accept the account; see ROCKETMQ_ACCESS_KEY and ROCKETMQ_SECRET_KEY here, and \
                           the accounts of the broker (plain_acl.yml)";
const NO_ROUTE: &str = "no broker has this topic; either no broker is up, or the topic does not exist and the brokers \
                        do not create topics by themselves (mqadmin updateTopic creates it)";

/// The response code behind an error. The library wraps some responses as invalid arguments.
pub(crate) fn code_of(error: &ClientError) -> Option<i32> {
    let wrapped = || error.source_ref::<MQClientException>().map(MQClientException::response_code);
    // Negative codes are the library's own, not a response.
    error.broker_response_code().or_else(wrapped).filter(|code| *code >= 0)
}

/// Whether the broker was too busy: nothing was stored, and a retry helps.
pub(crate) fn is_busy(error: &ClientError) -> bool {
    code_of(error) == Some(code::SYSTEM_BUSY)
}

/// What happened, for an operator.
pub(crate) fn describe(error: &ClientError) -> String {
    let Some(code) = code_of(error) else { return describe_without_code(error) };
    let broker = error.broker_addr().map_or("the broker".to_owned(), |address| format!("broker {address}"));
    let meaning = match code {
        code::SYSTEM_ERROR => "internal failure; see its log",
        code::SYSTEM_BUSY => "it is too busy; perhaps its disk is slow",
        code::MESSAGE_ILLEGAL => {
            "it does not accept such a message (its size, topic, properties or delay); see maxMessageSize and \
             timerMaxDelaySec of the broker, and ROCKETMQ_MAX_MESSAGE here"
        }
        code::SERVICE_NOT_AVAILABLE => {
            "it does not accept writes: its disk is full, or it is a slave or shutting down"
        }
        code::NO_PERMISSION => {
            "it does not permit this; see the permissions of the topic, of the broker (brokerPermission) and of the \
             account ROCKETMQ_ACCESS_KEY"
        }
        code::GROUP_NOT_EXIST => "it has no such consumer group; mqadmin updateSubGroup creates it",
        code::TOPIC_NOT_EXIST | code::BROKER_NOT_EXIST | code::NOT_FOUND_TOPIC => return NO_ROUTE.to_owned(),
        code::WRONG_CREDENTIALS => return format!("{broker} {CREDENTIALS}"),
        code::CONNECT_BROKER => return "no connection to the broker".to_owned(),
        code::ACCESS_BROKER_TIMEOUT => return "the broker did not respond in time".to_owned(),
        code::NO_NAME_SERVER => return "no name server is known".to_owned(),
        _ => "see its log",
    };
    format!("{broker} answered with code {code}: {meaning}")
}

fn describe_without_code(error: &ClientError) -> String {
    let (descriptor, source) = (error.descriptor(), error.source_ref::<MQClientException>());
    if error.is(&rocketmq_error::TRANSPORT_CONNECTION_FAILED) {
        let phase = phase(error).unwrap_or("?");
        return format!(
            "the connection to a name server or a broker failed ({}, phase {phase}); check that all of them are up",
            descriptor.code()
        );
    }
    match (source.and_then(MQClientException::error_message), phase(error)) {
        (Some(text), _) => text.to_owned(),
        (None, Some(phase)) => format!("{} ({}, {phase})", descriptor.public_message(), descriptor.code()),
        (None, None) => format!("{} ({})", descriptor.public_message(), descriptor.code()),
    }
}

/// Whether a message was sent that met this error. `topic` is where it went.
pub(crate) fn send_error(error: &ClientError, topic: &str) -> SendError {
    let text = format!("{topic}: {}", describe(error));
    match code_of(error) {
        Some(code::MESSAGE_ILLEGAL) => SendError::Rejected(text),
        Some(code::ACCESS_BROKER_TIMEOUT) => SendError::OutcomeUnknown(text),
        // An operator can fix these while the message waits.
        Some(_) => SendError::Unavailable(text),
        None if error.is(&rocketmq_error::ROUTE_TOPIC_NOT_FOUND) => {
            SendError::Unavailable(format!("{topic}: {NO_ROUTE}"))
        }
        None if never_sent(error) => SendError::Unavailable(text),
        // The connection may have broken after the message was stored.
        None => SendError::OutcomeUnknown(text),
    }
}

/// Whether it is certain that no byte of the message left this process.
fn never_sent(error: &ClientError) -> bool {
    let before = [
        &rocketmq_error::TRANSPORT_DNS_FAILED,
        &rocketmq_error::TRANSPORT_CONNECTION_TIMEOUT,
        &rocketmq_error::TRANSPORT_ADMISSION_QUEUE_SATURATED,
        &rocketmq_error::CLIENT_LIFECYCLE_NOT_STARTED,
    ];
    before.into_iter().any(|descriptor| error.is(descriptor))
        || matches!(phase(error), Some("endpoint_validation" | "connect" | "before_write"))
}

/// How far a request came.
fn phase(error: &ClientError) -> Option<&str> {
    let name = fields::PHASE.schema().name();
    error.shared_error().diagnostic_view().ok()?.fields().find_map(|field| match field.value() {
        ViewValueRef::Text(text) if field.name() == name => Some(text),
        _ => None,
    })
}

/// Why an administrative request failed, by what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AdminError {
    /// The account is unknown, or its signature is wrong: nothing will be permitted.
    #[error("{0}")]
    WrongCredentials(String),
    /// The account is not permitted to do this; it may do other things.
    #[error("{0}")]
    Forbidden(String),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
}

impl AdminError {
    /// The error of a request for `what`.
    pub(crate) fn new(what: &str, error: &ClientError) -> Self {
        let text = format!("{what}: {}", describe(error));
        match code_of(error) {
            Some(code::WRONG_CREDENTIALS) => Self::WrongCredentials(text),
            Some(code::NO_PERMISSION) => Self::Forbidden(text),
            _ => Self::Unavailable(text),
        }
    }
}

impl From<AdminError> for String {
    fn from(error: AdminError) -> Self {
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: i32) -> ClientError {
        ClientError::broker_operation_failed_at("SEND", code, "the broker's words", Some("10.0.0.1:10911"))
    }

    #[test]
    fn only_an_illegal_message_is_refused_for_good() {
        for code in [
            code::SYSTEM_ERROR,
            code::SYSTEM_BUSY,
            code::SERVICE_NOT_AVAILABLE,
            code::NO_PERMISSION,
            code::TOPIC_NOT_EXIST,
            code::WRONG_CREDENTIALS,
            code::BROKER_NOT_EXIST,
            code::NOT_FOUND_TOPIC,
        ] {
            let error = send_error(&answered(code), "T");
            assert!(matches!(error, SendError::Unavailable(_)), "{code}: {error}");
        }
        assert!(matches!(send_error(&answered(code::MESSAGE_ILLEGAL), "T"), SendError::Rejected(_)));
    }

    #[test]
    fn a_response_that_the_library_wraps_as_an_invalid_argument_is_not_taken_for_one() {
        let no_route = MQClientException::new_with_code(code::BROKER_NOT_EXIST, "No route available").into();
        let error = send_error(&no_route, "T");
        assert_eq!(error, SendError::Unavailable(format!("T: {NO_ROUTE}")));
        let stopped = MQClientException::new("The producer service state not OK").into();
        assert!(matches!(send_error(&stopped, "T"), SendError::OutcomeUnknown(_)));
        let too_large = MQClientException::new_with_code(code::MESSAGE_ILLEGAL, "too large").into();
        assert!(matches!(send_error(&too_large, "T"), SendError::Rejected(_)));
    }

    #[test]
    fn a_rejected_account_is_reported_with_the_names_of_its_settings() {
        let text = send_error(&answered(code::WRONG_CREDENTIALS), "T").to_string();
        assert!(text.contains("ROCKETMQ_ACCESS_KEY") && text.contains("ROCKETMQ_SECRET_KEY"), "{text}");
        assert!(text.contains("10.0.0.1:10911"), "{text}");
    }

    #[test]
    fn errors_of_administration_say_whether_waiting_helps() {
        let made = |code| AdminError::new("T", &answered(code));
        assert!(matches!(made(code::WRONG_CREDENTIALS), AdminError::WrongCredentials(_)));
        assert!(matches!(made(code::NO_PERMISSION), AdminError::Forbidden(_)));
        assert!(matches!(made(code::SYSTEM_ERROR), AdminError::Unavailable(_)));
    }
}
