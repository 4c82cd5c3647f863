//! Every function of Boxoffice: the list to add a new one to.

use std::sync::Arc;

use boxoffice_domain::FunctionSettings;
use boxoffice_domain::ports::Ports;
use boxoffice_host::HostSettings;
use boxoffice_runtime::{Function, Subscription, Sweeper};

/// Functions that consume messages.
pub fn consumers(ports: &Ports, settings: &FunctionSettings) -> Vec<Arc<dyn Function>> {
    vec![
        Arc::new(order_process::function(ports, settings)),
        Arc::new(order_paid::function(ports, settings)),
        Arc::new(order_cancelled::function(ports, settings)),
        Arc::new(order_timeout::function(ports, settings)),
        Arc::new(stock_management::function(ports, settings)),
        Arc::new(sms_notification::function(ports, settings)),
        Arc::new(email_notification::function(ports, settings)),
        Arc::new(push_notification::function(ports, settings)),
        Arc::new(dlq_handler::function(ports, settings)),
    ]
}

/// What they subscribe to.
pub fn subscriptions(ports: &Ports, settings: &FunctionSettings) -> Vec<Subscription> {
    consumers(ports, settings).iter().map(|function| function.subscription()).collect()
}

/// Functions that the clock runs.
pub fn sweepers(settings: &HostSettings, ports: &Ports) -> Vec<Arc<dyn Sweeper>> {
    let functions = settings.functions();
    vec![
        Arc::new(outbox_relay::sweeper(ports, &functions, settings.relay_interval)),
        Arc::new(stock_reconcile::sweeper(ports, &functions, settings.reconcile_interval)),
    ]
}
