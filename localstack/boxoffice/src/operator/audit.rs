use std::path::PathBuf;
use std::sync::Arc;

use boxoffice_domain::ports::{AuditedGroup, BusAudit, StoreAudit};
use boxoffice_host::Backends;

use crate::functions;

/// What an operator's commands count, besides what the ports of the functions tell.
pub(super) struct Audit {
    /// Counts what the stores keep.
    pub(super) store: Arc<dyn StoreAudit>,
    /// Counts messages.
    pub(super) bus: Arc<dyn BusAudit>,
    /// The consumer groups of all functions.
    pub(super) groups: Vec<AuditedGroup>,
    /// The file where log providers write what they delivered, if there is one.
    pub(super) deliveries: Option<PathBuf>,
}

impl Audit {
    pub(super) fn new(opened: &Backends, deliveries: Option<PathBuf>) -> Self {
        let subscriptions = functions::subscriptions(&opened.ports, &opened.functions);
        Self {
            store: Arc::clone(&opened.store_audit),
            bus: Arc::clone(&opened.bus_audit),
            groups: subscriptions.iter().map(AuditedGroup::from).collect(),
            deliveries,
        }
    }
}
