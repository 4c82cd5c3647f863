use std::collections::HashMap;
use std::path::Path;

use boxoffice_domain::ports::{StoreAudit, StoreError};
use boxoffice_messages::group;

use super::letters::Letters;

/// Effects read at a time.
const PAGE: u32 = 1_000;

/// The functions that deliver, and their groups.
const NOTIFIERS: [(&str, &str); 3] = [
    (sms_notification::NAME, group::SMS_NOTIFICATION),
    (email_notification::NAME, group::EMAIL_NOTIFICATION),
    (push_notification::NAME, group::PUSH_NOTIFICATION),
];

/// The notifications whose delivery a crash left in doubt.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// Begun, and neither ended nor given up as a dead letter.
    pub(super) unfinished: u64,
    /// How often each notification was taken over from a worker that died, by the key that the provider sees.
    taken_over: HashMap<String, u64>,
}

impl Doubts {
    pub(super) async fn read(audit: &dyn StoreAudit, letters: &Letters) -> Result<Self, StoreError> {
        let mut doubts = Self::default();
        for (function, group) in NOTIFIERS {
            let mut cursor = None;
            loop {
                let page = audit.uncertain_effects(function, PAGE, cursor.as_deref()).await?;
                for effect in page.items {
                    // function/order number/template/generation; the provider sees it without the generation.
                    let notice =
                        effect.key.rsplit_once('/').map_or(effect.key.as_str(), |(notice, _)| notice);
                    let order_no = notice.split('/').nth(1).unwrap_or_default();
                    let open = effect.unfinished && !letters.excuse(&[group], order_no);
                    doubts.unfinished += u64::from(open);
                    *doubts.taken_over.entry(notice.to_owned()).or_default() += u64::from(effect.taken_over);
                }
                match page.next {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
        }
        Ok(doubts)
    }
}

/// What the log provider's file says.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    pub(super) count: u64,
    /// Deliveries beyond the first of one notification.
    pub(super) repeated: u64,
    /// Those of them that no crash explains.
    pub(super) unexplained: u64,
}

impl Deliveries {
    pub(super) async fn read(path: &Path, doubts: &Doubts) -> Result<Self, StoreError> {
        let path = path.to_owned();
        let read = tokio::task::spawn_blocking(move || {
            boxoffice_notify::read_deliveries(&path).and_then(|deliveries| {
                let mut times: HashMap<String, u64> = HashMap::new();
                for delivery in deliveries {
                    *times.entry(delivery?.idempotency_key).or_default() += 1;
                }
                Ok(times)
            })
        });
        let times =
            read.await.map_err(|error| StoreError::Unavailable(error.to_string()))?.map_err(|error| {
                StoreError::Unavailable(format!("the file of deliveries cannot be read: {error}"))
            })?;
        let mut deliveries = Self::default();
        for (notice, times) in times {
            let (repeated, explained) = (times - 1, doubts.taken_over.get(&notice).copied().unwrap_or(0));
            deliveries.count += times;
            deliveries.repeated += repeated;
            deliveries.unexplained += repeated.saturating_sub(explained);
        }
        Ok(deliveries)
    }
}
