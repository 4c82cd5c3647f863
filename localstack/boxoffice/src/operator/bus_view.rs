use std::sync::Arc;

use boxoffice_domain::ports::{AuditedGroup, BusAudit, GroupAccount, StoreError};

/// The bus, and the groups that an operator asks about.
pub(super) struct BusView {
    audit: Arc<dyn BusAudit>,
    groups: Vec<AuditedGroup>,
}

impl BusView {
    pub(super) fn new(audit: Arc<dyn BusAudit>, groups: Vec<AuditedGroup>) -> Self {
        Self { audit, groups }
    }

    /// The account of each group.
    pub(super) async fn accounts(&self) -> Result<Vec<GroupAccount>, StoreError> {
        self.audit.accounts(&self.groups).await.map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}
