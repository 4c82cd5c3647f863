//! Every function of Boxoffice: the list to add a new one to.

use std::sync::Arc;

use boxoffice_domain::ports::Ports;
use boxoffice_host::HostSettings;
use boxoffice_runtime::{Function, Subscription, Sweeper};

/// Functions that consume messages.
pub fn consumers(ports: &Ports) -> Vec<Arc<dyn Function>> {
    vec![
        Arc::new(order_process::function(ports)),
        Arc::new(order_paid::function(ports)),
        Arc::new(order_cancelled::function(ports)),
        Arc::new(order_timeout::function(ports)),
        Arc::new(stock_management::function(ports)),
        Arc::new(sms_notification::function(ports)),
        Arc::new(email_notification::function(ports)),
        Arc::new(push_notification::function(ports)),
        Arc::new(dlq_handler::function(ports)),
    ]
}

/// What they subscribe to.
pub fn subscriptions(ports: &Ports) -> Vec<Subscription> {
    consumers(ports).iter().map(|function| function.subscription()).collect()
}

/// Functions that the clock runs.
pub fn sweepers(settings: &HostSettings, ports: &Ports) -> Vec<Arc<dyn Sweeper>> {
    vec![
        Arc::new(outbox_relay::sweeper(ports, settings.relay_interval)),
        Arc::new(stock_reconcile::sweeper(ports, settings.reconcile_interval)),
    ]
}
