//! What several tests share.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_domain::ports::{Clock, Notice};
use jiff::Timestamp;

/// 2026-11-22T10:15:30Z.
pub const NOW: i64 = 1_795_342_530;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }
}

/// A clock that always says [`NOW`].
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(Stopped)
}

pub fn notice(key: &str, to: &str) -> Notice {
    Notice {
        idempotency_key: key.to_owned(),
        to: to.to_owned(),
        template: "ORDER_PAID".to_owned(),
        title: "购票成功 🎉".to_owned(),
        content: "Your order T1 is paid.\nSee you there.".to_owned(),
    }
}

/// Fails a test whose server or provider never answers, instead of hanging.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it did not happen within 20 s")
}
