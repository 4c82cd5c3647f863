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
    ($name:path, $function:path) => {
        Listed {
            name: $name,
            run_by: RunBy::Messages(|ports, settings| Arc::new($function(ports, settings))),
        }
    };
}

macro_rules! sweeper {
    ($name:path, $sweeper:path, $interval:ident) => {
        Listed {
            name: $name,
            run_by: RunBy::Clock(|settings, ports| {
                Arc::new($sweeper(ports, &settings.functions(), settings.$interval))
            }),
        }
    };
}

/// Every function, in the order in which a message meets them.
pub const FUNCTIONS: &[Listed] = &[
    Listed { name: order_api::NAME, run_by: RunBy::Requests },
    consumer!(order_process::NAME, order_process::function),
    consumer!(order_paid::NAME, order_paid::function),
    consumer!(order_cancelled::NAME, order_cancelled::function),
    consumer!(order_timeout::NAME, order_timeout::function),
    consumer!(stock_management::NAME, stock_management::function),
    consumer!(sms_notification::NAME, sms_notification::function),
    consumer!(email_notification::NAME, email_notification::function),
    consumer!(push_notification::NAME, push_notification::function),
    consumer!(dlq_handler::NAME, dlq_handler::function),
    sweeper!(outbox_relay::NAME, outbox_relay::sweeper, relay_interval),
    sweeper!(stock_reconcile::NAME, stock_reconcile::sweeper, reconcile_interval),
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
