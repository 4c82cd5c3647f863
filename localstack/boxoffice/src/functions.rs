//! The list of functions. What else lists them is derived from this one, or checked against it by the tests below.

use std::sync::Arc;

use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::Ports;
use boxoffice_host::HostSettings;
use boxoffice_runtime::{Function, Subscription, Sweeper};

/// A function of Boxoffice, in a folder and with a program of its name.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// The name.
    pub name: &'static str,
    /// What makes it run.
    pub run_by: RunBy,
}

/// What makes a function run.
#[derive(Debug, Clone, Copy)]
pub enum RunBy {
    /// HTTP requests.
    Requests,
    /// Messages.
    Messages(fn(&Ports, &FunctionSettings) -> Arc<dyn Function>),
    /// The clock.
    Clock(fn(&HostSettings, &Ports) -> Arc<dyn Sweeper>),
}

macro_rules! consumer {
    ($crate_name:ident) => {
        Listed {
            name: $crate_name::NAME,
            run_by: RunBy::Messages(|ports, settings| Arc::new($crate_name::function(ports, settings))),
        }
    };
}

macro_rules! sweeper {
    ($crate_name:ident, $interval:ident) => {
        Listed {
            name: $crate_name::NAME,
            run_by: RunBy::Clock(|settings, ports| {
                Arc::new($crate_name::sweeper(ports, &settings.functions(), settings.$interval))
            }),
        }
    };
}

/// Every function, in the order in which a message meets them.
pub const FUNCTIONS: &[Listed] = &[
    Listed { name: order_api::NAME, run_by: RunBy::Requests },
    consumer!(order_process),
    consumer!(order_paid),
    consumer!(order_cancelled),
    consumer!(order_timeout),
    consumer!(stock_management),
    consumer!(sms_notification),
    consumer!(email_notification),
    consumer!(push_notification),
    consumer!(dlq_handler),
    sweeper!(outbox_relay, relay_interval),
    sweeper!(stock_reconcile, reconcile_interval),
];

/// Functions that consume messages.
pub fn consumers(ports: &Ports, settings: &FunctionSettings) -> Vec<Arc<dyn Function>> {
    let build = |listed: &Listed| match listed.run_by {
        RunBy::Messages(build) => Some(build(ports, settings)),
        RunBy::Requests | RunBy::Clock(_) => None,
    };
    FUNCTIONS.iter().filter_map(build).collect()
}

/// What they subscribe to.
pub fn subscriptions(ports: &Ports, settings: &FunctionSettings) -> Vec<Subscription> {
    consumers(ports, settings).iter().map(|function| function.subscription()).collect()
}

/// Functions that the clock runs.
pub fn sweepers(settings: &HostSettings, ports: &Ports) -> Vec<Arc<dyn Sweeper>> {
    let build = |listed: &Listed| match listed.run_by {
        RunBy::Clock(build) => Some(build(settings, ports)),
        RunBy::Requests | RunBy::Messages(_) => None,
    };
    FUNCTIONS.iter().filter_map(build).collect()
}

#[cfg(test)]
mod tests;
