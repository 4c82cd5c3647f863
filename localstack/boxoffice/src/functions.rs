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

/// Every function, in the order in which a message meets them.
pub const FUNCTIONS: &[Listed] = &[
    Listed { name: order_api::NAME, run_by: RunBy::Requests },
    consumer(order_process::NAME, |ports, settings| Arc::new(order_process::function(ports, settings))),
    consumer(order_paid::NAME, |ports, settings| Arc::new(order_paid::function(ports, settings))),
    consumer(order_cancelled::NAME, |ports, settings| Arc::new(order_cancelled::function(ports, settings))),
    consumer(order_timeout::NAME, |ports, settings| Arc::new(order_timeout::function(ports, settings))),
    consumer(stock_management::NAME, |ports, settings| Arc::new(stock_management::function(ports, settings))),
    consumer(sms_notification::NAME, |ports, settings| Arc::new(sms_notification::function(ports, settings))),
    consumer(email_notification::NAME, |ports, settings| {
        Arc::new(email_notification::function(ports, settings))
    }),
    consumer(push_notification::NAME, |ports, settings| {
        Arc::new(push_notification::function(ports, settings))
    }),
    consumer(dlq_handler::NAME, |ports, settings| Arc::new(dlq_handler::function(ports, settings))),
    sweeper(outbox_relay::NAME, |settings, ports| {
        Arc::new(outbox_relay::sweeper(ports, &settings.functions(), settings.relay_interval))
    }),
    sweeper(stock_reconcile::NAME, |settings, ports| {
        Arc::new(stock_reconcile::sweeper(ports, &settings.functions(), settings.reconcile_interval))
    }),
];

const fn consumer(name: &'static str, build: fn(&Ports, &FunctionSettings) -> Arc<dyn Function>) -> Listed {
    Listed { name, run_by: RunBy::Messages(build) }
}

const fn sweeper(name: &'static str, build: fn(&HostSettings, &Ports) -> Arc<dyn Sweeper>) -> Listed {
    Listed { name, run_by: RunBy::Clock(build) }
}

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
