//! What is done to every request just before it leaves: marks bodies that are compressed already, and signs.

use std::net::SocketAddr;

use cheetah_string::CheetahString;
use rocketmq_client_rust::{AclClientRPCHook, SessionCredentials};
use rocketmq_error::SharedError;
use rocketmq_protocol::code::request_code::RequestCode;
use rocketmq_protocol::protocol::remoting_command::RemotingCommand;
use rocketmq_transport::api::RPCHook;

use crate::Credentials;

/// Carries a system flag from the message to the request: the client only knows flags of what it compresses itself.
/// It never leaves this process.
pub(crate) const SYS_FLAG: &str = "BOXOFFICE_SYS_FLAG";
/// How properties are written one after the other: `name 1 value 2 name 1 value 2 ...`.
const NAME_END: char = '\u{1}';
const VALUE_END: char = '\u{2}';

/// Sets the system flag of requests that ask for it, then signs where there is an account.
pub(crate) struct RequestHook {
    signing: Option<AclClientRPCHook>,
}

impl RequestHook {
    pub(crate) fn new(credentials: Option<&Credentials>) -> Self {
        let signing = credentials.map(|credentials| {
            let (access, secret) = (credentials.access_key.as_str(), credentials.secret_key.expose());
            AclClientRPCHook::new(SessionCredentials::with_keys(access, secret))
        });
        Self { signing }
    }
}

impl RPCHook for RequestHook {
    fn do_before_request(&self, to: SocketAddr, request: &mut RemotingCommand) -> Result<(), SharedError> {
        set_sys_flag(request);
        self.signing.as_ref().map_or(Ok(()), |signing| signing.do_before_request(to, request))
    }

    fn do_after_response(
        &self,
        _: SocketAddr,
        _: &RemotingCommand,
        _: &mut RemotingCommand,
    ) -> Result<(), SharedError> {
        Ok(())
    }
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
}
