//! What is done to every request just before it leaves: marks bodies that are compressed already, and signs. And to
//! answers: what a broker says about accounts and groups in words only gets a code, because the library hides words.

use std::net::SocketAddr;
use std::time::Duration;

use boxoffice_runtime::telemetry::AtMostEvery;
use cheetah_string::CheetahString;
use rocketmq_client_rust::{AclClientRPCHook, SessionCredentials};
use rocketmq_error::SharedError;
use rocketmq_protocol::code::request_code::RequestCode;
use rocketmq_protocol::protocol::remoting_command::RemotingCommand;
use rocketmq_transport::api::RPCHook;

use crate::Credentials;
use crate::errors::code;

/// Carries a system flag from the message to the request: the client only knows flags of what it compresses itself.
/// It never leaves this process.
pub(crate) const SYS_FLAG: &str = "BOXOFFICE_SYS_FLAG";
/// How properties are written one after the other: `name 1 value 2 name 1 value 2 ...`.
const NAME_END: char = '\u{1}';
const VALUE_END: char = '\u{2}';

/// How brokers call a group that is missing, as a failure of theirs.
const NO_GROUP: &str = "No group in this broker";
/// How often a refusal is told.
const TELLING: Duration = Duration::from_secs(60);

/// Sets the system flag of requests that ask for it, then signs where there is an account.
pub(crate) struct RequestHook {
    signing: Option<AclClientRPCHook>,
    /// Consumers meet a refusal with every request, so it is not told each time.
    telling: AtMostEvery,
}

impl RequestHook {
    pub(crate) fn new(credentials: Option<&Credentials>) -> Self {
        let signing = credentials.map(|credentials| {
            let (access, secret) = (credentials.access_key.as_str(), credentials.secret_key.expose());
            AclClientRPCHook::new(SessionCredentials::with_keys(access, secret))
        });
        Self { signing, telling: AtMostEvery::new(TELLING) }
    }
}

impl RPCHook for RequestHook {
    fn do_before_request(&self, to: SocketAddr, request: &mut RemotingCommand) -> Result<(), SharedError> {
        set_sys_flag(request);
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
            if self.telling.is_due() {
                let remark = response.remark().map_or("", |remark| remark.as_str());
                tracing::warn!(broker = %from, remark, "the broker refuses a request of this account");
            }
            response.set_code_ref(refusal);
        }
        Ok(())
    }
}

/// The code of an answer that refuses an account. Brokers before 5.3 say so in words alone, as a failure of theirs.
fn refusal(found: i32, remark: &str) -> Option<i32> {
    if found != code::SYSTEM_ERROR || !remark.contains("AclException") {
        return None;
    }
    let forbidden = ["No default permission", "No permission", "Need admin permission"];
    let is_known = forbidden.iter().any(|words| remark.contains(words));
    Some(if is_known { code::NO_PERMISSION } else { code::WRONG_CREDENTIALS })
}

fn set_sys_flag(request: &mut RemotingCommand) {
    let code = request.code();
    let (properties, flag) = if code == RequestCode::SendMessage as i32 {
        ("properties", "sysFlag")
    } else if code == RequestCode::SendMessageV2 as i32 {
        ("i", "f")
    } else {
        return;
    };
    // The fields of the request's header were written down for hooks to see and change.
    let fields = request.ext_fields();
    let field = |name: &str| fields.and_then(|fields| fields.get(name)).map(CheetahString::as_str);
    let Some((asked, rest)) = field(properties).and_then(take_sys_flag) else { return };
    let found: i32 = field(flag).and_then(|flag| flag.parse().ok()).unwrap_or(0);
    request.add_ext_field(flag, (found | asked).to_string());
    request.add_ext_field(properties, rest);
}

/// The flag, and the properties without it.
fn take_sys_flag(properties: &str) -> Option<(i32, String)> {
    let start = properties.find(SYS_FLAG)?;
    let (before, rest) = properties.split_at(start);
    let (property, after) = rest.split_once(VALUE_END).unwrap_or((rest, ""));
    let sys_flag = property.split_once(NAME_END)?.1.parse().ok()?;
    Some((sys_flag, format!("{before}{after}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_taken_out_of_the_properties_wherever_it_stands() {
        let flag = "BOXOFFICE_SYS_FLAG\u{1}257\u{2}";
        let (one, other) = ("KEYS\u{1}T1\u{2}", "TAGS\u{1}A\u{2}");
        for properties in
            [format!("{flag}{one}{other}"), format!("{one}{flag}{other}"), format!("{one}{other}{flag}")]
        {
            assert_eq!(take_sys_flag(&properties), Some((257, format!("{one}{other}"))));
        }
        assert_eq!(take_sys_flag(one), None);
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
