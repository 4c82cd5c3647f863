//! Changes every request just before it leaves (header fields of sends, offsets of pulls, signature), and responses before
//! the client library reads them.
//!
//! Works around rocketmq-client-rust 1.0.0; no upstream issues were found:
//! - A send sets the system flag only for bodies that the library compressed itself, and it drops the number of attempts with
//!   its first try. Properties carry both to [`fill_header`]. Tests: the suite
//!   `compressed_and_plain_bodies_mix_and_none_is_lost`, and
//!   `rocketmq_faults::a_message_that_another_broker_delivers_again_has_its_attempts_counted_on`.
//! - A pull also commits an offset. The broker does not order it with other commits, so an older offset may win:
//!   [`only_pull`]. Test: skip it and repeat the suite `competing_consumers_handle_every_message_once` on RocketMQ.
//! - The text of a response is hidden, and brokers report some failures in text only: [`refusal`] and [`NO_GROUP`] turn it
//!   into a code. Test: `rocketmq_faults::a_broker_with_access_control_serves_accounts_with_rights_and_tells_others_what_is_wrong`.

use std::net::SocketAddr;
use std::time::Duration;

use boxoffice_runtime::telemetry::LogLimit;
use cheetah_string::CheetahString;
use rocketmq_client_rust::{AclClientRPCHook, SessionCredentials};
use rocketmq_error::SharedError;
use rocketmq_model::common::sys_flag::pull_sys_flag::PullSysFlag;
use rocketmq_protocol::code::request_code::RequestCode;
use rocketmq_protocol::protocol::remoting_command::RemotingCommand;
use rocketmq_transport::api::RPCHook;

use crate::Credentials;
use crate::errors::code;

/// The system flag of a message; the client library sets it only for what it compresses itself.
pub(crate) const SYS_FLAG: &str = "BOXOFFICE_SYS_FLAG";
/// How often a message that is sent on was delivered before. The library has a property for it, but removes it at its first
/// try, so that the next one counts from the start.
pub(crate) const ATTEMPTS_BEFORE: &str = "BOXOFFICE_ATTEMPTS_BEFORE";
/// How often it may be delivered; the library removes this, too.
pub(crate) const MOST_ATTEMPTS: &str = "BOXOFFICE_MOST_ATTEMPTS";

/// A field of the header of a send, and the property that carries it from the message to the request. The property never
/// leaves this process.
struct CarriedField {
    property: &'static str,
    name: &'static str,
    short_name: &'static str,
}

const CARRIED: [CarriedField; 3] = [
    CarriedField { property: SYS_FLAG, name: "sysFlag", short_name: "f" },
    CarriedField { property: ATTEMPTS_BEFORE, name: "reconsumeTimes", short_name: "j" },
    CarriedField { property: MOST_ATTEMPTS, name: "maxReconsumeTimes", short_name: "l" },
];

/// How properties are written one after the other: `name 1 value 2 name 1 value 2 ...`.
const NAME_END: char = '\u{1}';
const VALUE_END: &str = "\u{2}";
/// Where a pull says what it asks for.
const PULL_FLAG: &str = "sysFlag";

/// How brokers report a missing group: as an internal failure with this text.
const NO_GROUP: &str = "No group in this broker";
/// How often a rejection is logged.
const REJECTION_LOG_PERIOD: Duration = Duration::from_secs(60);

/// Fills the headers of sends, has pulls only pull, then signs where there is an account.
pub(crate) struct RequestHook {
    signing: Option<AclClientRPCHook>,
    /// Consumers are rejected at every request, so not every rejection is logged.
    log_limit: LogLimit,
}

impl RequestHook {
    pub(crate) fn new(credentials: Option<&Credentials>) -> Self {
        let signing = credentials.map(|credentials| {
            let (access, secret) = (credentials.access_key.as_str(), credentials.secret_key.expose());
            AclClientRPCHook::new(SessionCredentials::with_keys(access, secret))
        });
        Self { signing, log_limit: LogLimit::new(REJECTION_LOG_PERIOD) }
    }
}

impl RPCHook for RequestHook {
    fn do_before_request(&self, to: SocketAddr, request: &mut RemotingCommand) -> Result<(), SharedError> {
        fill_header(request);
        only_pull(request);
        self.signing.as_ref().map_or(Ok(()), |signing| signing.do_before_request(to, request))
    }

    fn do_after_response(
        &self,
        from: SocketAddr,
        _: &RemotingCommand,
        response: &mut RemotingCommand,
    ) -> Result<(), SharedError> {
        if response.code() == code::SYSTEM_ERROR
            && response.remark().is_some_and(|remark| remark.contains(NO_GROUP))
        {
            response.set_code_ref(code::GROUP_NOT_EXIST);
        } else if let Some(refusal) = response.remark().and_then(|remark| refusal(response.code(), remark)) {
            if self.log_limit.is_due() {
                let remark = response.remark().map_or("", |remark| remark.as_str());
                tracing::warn!(broker = %from, remark, "the broker rejected a request of this account");
            }
            response.set_code_ref(refusal);
        }
        Ok(())
    }
}

/// The code for a response that rejects an account. Brokers before 5.3 report that as an internal failure, in text only.
fn refusal(found: i32, remark: &str) -> Option<i32> {
    if found != code::SYSTEM_ERROR || !remark.contains("AclException") {
        return None;
    }
    let forbidden = ["No default permission", "No permission", "Need admin permission"];
    let is_known = forbidden.iter().any(|words| remark.contains(words));
    Some(if is_known { code::NO_PERMISSION } else { code::WRONG_CREDENTIALS })
}

/// Moves the values that properties carry for the header into it.
fn fill_header(request: &mut RemotingCommand) {
    let code = request.code();
    let short = code == RequestCode::SendMessageV2 as i32;
    if !short && code != RequestCode::SendMessage as i32 {
        return;
    }
    let properties_field = if short { "i" } else { "properties" };
    for CarriedField { property, name, short_name } in CARRIED {
        // The header's fields were copied here for hooks to read and change.
        let fields = request.ext_fields();
        let field = |name: &str| fields.and_then(|fields| fields.get(name)).map(CheetahString::as_str);
        let Some((asked, rest)) = field(properties_field).and_then(|found| take(found, property)) else {
            continue;
        };
        let name = if short { short_name } else { name };
        let value = if property == SYS_FLAG {
            let found: i32 = field(name).and_then(|flag| flag.parse().ok()).unwrap_or(0);
            found | asked
        } else {
            asked
        };
        request.add_ext_field(name, value.to_string());
        request.add_ext_field(properties_field, rest);
    }
}

/// A pull also commits the offset that the group had when the pull left. The broker does not order that with other commits
/// ([`crate::offsets`]), so an older offset could win, and messages that were handled would be delivered again.
fn only_pull(request: &mut RemotingCommand) {
    if request.code() != RequestCode::PullMessage as i32 {
        return;
    }
    let flag =
        request.ext_fields().and_then(|fields| fields.get(PULL_FLAG)).and_then(|flag| flag.parse().ok());
    if let Some(flag) = flag {
        request.add_ext_field(PULL_FLAG, PullSysFlag::clear_commit_offset_flag(flag).to_string());
    }
}

/// The value of a property, and the other properties.
fn take(properties: &str, name: &str) -> Option<(i32, String)> {
    // Nearly every message has none, and this check is fast.
    if !properties.contains(name) {
        return None;
    }
    let value = |property: &str| property.strip_prefix(name)?.strip_prefix(NAME_END)?.parse().ok();
    let (taken, others): (Vec<_>, Vec<_>) =
        properties.split_terminator(VALUE_END).partition(|property| value(property).is_some());
    let others = others.into_iter().flat_map(|property| [property, VALUE_END]).collect();
    Some((value(taken.first()?)?, others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_taken_out_of_the_others_wherever_it_stands() {
        let flag = "BOXOFFICE_SYS_FLAG\u{1}257\u{2}";
        let (one, other) = ("KEYS\u{1}T1\u{2}", "TAGS\u{1}A\u{2}");
        for properties in
            [format!("{flag}{one}{other}"), format!("{one}{flag}{other}"), format!("{one}{other}{flag}")]
        {
            assert_eq!(take(&properties, SYS_FLAG), Some((257, format!("{one}{other}"))));
        }
        assert_eq!(take(one, SYS_FLAG), None);
        // One that only contains the name.
        assert_eq!(take("NOTE\u{1}BOXOFFICE_SYS_FLAG\u{2}", SYS_FLAG), None);
    }

    #[test]
    fn a_send_has_in_its_header_what_its_properties_carry() {
        let carried = [(SYS_FLAG, 1), (ATTEMPTS_BEFORE, 2), (MOST_ATTEMPTS, 16)];
        let properties = carried.map(|(name, value)| format!("{name}{NAME_END}{value}{VALUE_END}")).concat();
        for (code, [all, flag, attempts, most]) in [
            (RequestCode::SendMessage, ["properties", "sysFlag", "reconsumeTimes", "maxReconsumeTimes"]),
            (RequestCode::SendMessageV2, ["i", "f", "j", "l"]),
        ] {
            let mut request = RemotingCommand::create_remoting_command(code as i32);
            request.ensure_ext_fields_initialized();
            for (name, value) in
                [(all, &*format!("KEYS{NAME_END}T1{VALUE_END}{properties}")), (flag, "256"), (attempts, "0")]
            {
                request.add_ext_field(name, value);
            }
            fill_header(&mut request);
            let field = |name: &str| request.ext_fields().unwrap().get(name).unwrap().to_string();
            assert_eq!(field(all), format!("KEYS{NAME_END}T1{VALUE_END}"));
            assert_eq!([field(flag), field(attempts), field(most)], ["257", "2", "16"]);
        }
    }

    #[test]
    fn a_pull_carries_no_offset() {
        let flag_after = |code: RequestCode, flag: u32| {
            let mut request = RemotingCommand::create_remoting_command(code as i32);
            request.ensure_ext_fields_initialized();
            request.add_ext_field(PULL_FLAG, flag.to_string());
            let to = SocketAddr::from(([127, 0, 0, 1], 10_911));
            RequestHook::new(None).do_before_request(to, &mut request).unwrap();
            request.ext_fields().unwrap().get(PULL_FLAG).unwrap().to_string()
        };
        let (log_limit, pulling_only) = (
            PullSysFlag::build_sys_flag(true, true, true, false),
            PullSysFlag::build_sys_flag(false, true, true, false),
        );
        assert_eq!(flag_after(RequestCode::PullMessage, log_limit), pulling_only.to_string());
        assert_eq!(flag_after(RequestCode::PullMessage, pulling_only), pulling_only.to_string());
        assert_eq!(flag_after(RequestCode::QueryMessage, log_limit), log_limit.to_string());
    }

    #[test]
    fn a_refused_account_gets_a_code_of_its_own() {
        let acl = |words: &str| format!("org.apache.rocketmq.acl.common.AclException: {words}, at ...");
        for (words, expected) in [
            ("Check signature failed for accessKey=shop", code::WRONG_CREDENTIALS),
            ("No accessKey is configured", code::WRONG_CREDENTIALS),
            ("No acl config for shop", code::WRONG_CREDENTIALS),
            ("No default permission for ORDER_TOPIC", code::NO_PERMISSION),
            ("Need admin permission for request code=17, but accessKey=shop is not", code::NO_PERMISSION),
        ] {
            assert_eq!(refusal(code::SYSTEM_ERROR, &acl(words)), Some(expected), "{words}");
        }
        assert_eq!(refusal(code::SYSTEM_ERROR, "java.lang.NullPointerException"), None);
        assert_eq!(refusal(code::SYSTEM_BUSY, &acl("No accessKey is configured")), None);
    }
}
