//! What the client library's errors mean for a caller, and in words. The library hides its texts; codes remain.

use boxoffice_domain::ports::SendError;
use rocketmq_client_rust::ClientError;

/// Response codes of a broker, see `ResponseCode` of RocketMQ.
mod code {
    pub(super) const SYSTEM_ERROR: i32 = 1;
    pub(super) const SYSTEM_BUSY: i32 = 2;
    pub(super) const MESSAGE_ILLEGAL: i32 = 13;
    pub(super) const SERVICE_NOT_AVAILABLE: i32 = 14;
    pub(super) const NO_PERMISSION: i32 = 16;
    pub(super) const TOPIC_NOT_EXIST: i32 = 17;
}

/// What happened, in words for an operator.
pub(crate) fn describe(error: &ClientError) -> String {
    let meaning = match error.broker_response_code() {
        Some(code::SYSTEM_ERROR) => "it failed inside; see its log (wrong credentials also end like this)",
        Some(code::SYSTEM_BUSY) => "it is too busy; perhaps its disk is slow",
        Some(code::MESSAGE_ILLEGAL) => "it does not accept such a message (its size, topic or properties)",
        Some(code::SERVICE_NOT_AVAILABLE) => {
            "it does not write at the moment: its disk is full, or it is a slave"
        }
        Some(code::NO_PERMISSION) => "it does not permit this; see the topic's and the account's permissions",
        Some(code::TOPIC_NOT_EXIST) => "it has no such topic",
        Some(_) => "see the broker's log",
        None => return format!("{} ({})", error.descriptor().public_message(), error.descriptor().code()),
    };
    let broker = error.broker_addr().unwrap_or("?");
    let code = error.broker_response_code().unwrap_or_default();
    format!("broker {broker} answered with code {code}: {meaning}")
}

/// Whether a message was sent that met this error. `topic` is where it went.
pub(crate) fn send_error(error: &ClientError, topic: &str) -> SendError {
    let text = format!("{topic}: {}", describe(error));
    match error.broker_response_code() {
        Some(code::MESSAGE_ILLEGAL) => SendError::Rejected(text),
        // Somebody can mend these while the message waits.
        Some(_) => SendError::Unavailable(text),
        None if error.is(&rocketmq_error::CORE_ARGUMENT_INVALID) => SendError::Rejected(text),
        None if error.is(&rocketmq_error::ROUTE_TOPIC_NOT_FOUND) => SendError::Unavailable(format!(
            "{topic}: no broker has this topic; either no broker is up, or the topic does not exist and the brokers do \
             not create topics by themselves"
        )),
        None if error.is(&rocketmq_error::CORE_OPERATION_TIMED_OUT) => SendError::OutcomeUnknown(text),
        // The connection may have broken after the message was stored.
        None => SendError::OutcomeUnknown(text),
    }
}
