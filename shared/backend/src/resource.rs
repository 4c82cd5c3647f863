use async_trait::async_trait;
use boxoffice_domain::ports::StoreError;

/// Something that is open: connections, or a file.
#[async_trait]
pub trait Resource: Send + Sync {
    /// Finishes what was begun and closes it; the error says what may not have been written. Closing again does nothing,
    /// so that several parts may share a resource. Stop the consumers first.
    async fn close(&self) -> Result<(), StoreError>;
}
