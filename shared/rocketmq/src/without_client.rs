//! A program that was built without the client library.

use boxoffice_backend::{BackendError, BusParts};

use crate::RocketMqSettings;
use crate::settings::WITHOUT_CLIENT;

/// Always an error: this program was built without the client library, which [`RocketMqSettings::read`] reports as well.
pub async fn open(_: &RocketMqSettings) -> Result<BusParts, BackendError> {
    Err(BackendError::new("BUS", format!("required: {WITHOUT_CLIENT}")))
}
