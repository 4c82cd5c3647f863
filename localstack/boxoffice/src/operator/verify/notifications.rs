//! The notifications: what the log provider wrote down, and which deliveries are uncertain.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use boxoffice_domain::ports::{DeadLetterStore, StoreAudit, StoreError, UncertainEffect};
use boxoffice_messages::group;
use boxoffice_notify::DeliveryLogError;
use sha2::{Digest as _, Sha256};

use super::PAGE;
use super::letters::unexplained;

/// The functions that deliver, which are the scopes of their idempotency keys, and their consumer groups.
pub(super) const NOTIFIERS: [(&str, &str); 3] = [
    (sms_notification::NAME, group::SMS_NOTIFICATION),
    (email_notification::NAME, group::EMAIL_NOTIFICATION),
    (push_notification::NAME, group::PUSH_NOTIFICATION),
];

/// Everything about notifications.
#[derive(Debug, Default)]
pub(super) struct Notifications {
    /// Notifications that were begun and that nobody recorded the end of.
    pub(super) unfinished: u64,
    /// Those of them that no dead letter of their function accounts for: they will be tried again.
    pub(super) unexplained: u64,
    /// What the provider took; `None` where it keeps no file.
    pub(super) delivered: Option<Delivered>,
}

/// What the log provider's file says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Delivered {
    /// Deliveries, repeats included.
    pub(super) count: u64,
    /// Deliveries beyond the first of one (order, event, channel).
    pub(super) repeated: u64,
    /// Repeats that no crash accounts for: no worker had taken over that very notification.
    pub(super) unexcused: u64,
}

impl Notifications {
    /// Reads the file of deliveries, then the uncertain effects: whoever takes a notification over says so before
    /// delivering it again, so that the excuse of every repeat in the file is seen.
    pub(super) async fn count(
        store: &dyn StoreAudit,
        letters: &dyn DeadLetterStore,
        deliveries: Option<&Path>,
    ) -> Result<Self, StoreError> {
        let file = match deliveries {
            Some(path) => Some(read(path).await?),
            None => None,
        };
        let mut repeats = file.as_ref().map(|file| file.repeats.clone()).unwrap_or_default();
        let mut notifications = Self::default();
        for (function, group) in NOTIFIERS {
            let mut unfinished: HashMap<String, u64> = HashMap::new();
            let mut cursor = None;
            loop {
                let page = store.uncertain_effects(function, PAGE, cursor.as_deref()).await?;
                for effect in &page.items {
                    excuse(&mut repeats, effect);
                    if effect.unfinished {
                        *unfinished.entry(order_of(function, &effect.key)).or_default() += 1;
                    }
                }
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let orders: HashSet<String> = unfinished.keys().cloned().collect();
            let left = unexplained(letters, &[group], &orders).await?;
            notifications.unfinished += unfinished.values().sum::<u64>();
            notifications.unexplained +=
                left.iter().filter_map(|order_no| unfinished.get(order_no)).sum::<u64>();
        }
        notifications.delivered = file.map(|file| Delivered {
            count: file.count,
            repeated: file.repeats.values().sum(),
            unexcused: repeats.values().sum(),
        });
        Ok(notifications)
    }
}

/// The file of deliveries, read once.
#[derive(Debug, Default)]
struct DeliveryFile {
    count: u64,
    /// How often each notification that was repeated came after its first time.
    repeats: HashMap<String, u64>,
}

/// Reads the file line by line. Of each notification 16 bytes are remembered, of one that is repeated its key.
async fn read(path: &Path) -> Result<DeliveryFile, StoreError> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut file = DeliveryFile::default();
        let mut seen: HashSet<u128> = HashSet::new();
        for delivery in boxoffice_notify::read_deliveries(&path)? {
            let delivery = delivery?;
            file.count += 1;
            if !seen.insert(fingerprint(delivery.channel.as_str(), &delivery.idempotency_key)) {
                *file.repeats.entry(delivery.idempotency_key).or_default() += 1;
            }
        }
        Ok::<_, DeliveryLogError>(file)
    });
    let read = read.await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    read.map_err(|error| StoreError::Unavailable(format!("the file of deliveries cannot be read: {error}")))
}

fn fingerprint(channel: &str, key: &str) -> u128 {
    let hash = Sha256::new_with_prefix(channel).chain_update([0]).chain_update(key).finalize();
    hash.iter().take(16).fold(0, |sum, byte| (sum << 8) | u128::from(*byte))
}

/// Takes the repeats away that a crash in the same notification accounts for: a take-over, or a worker that died and
/// whose message became a dead letter. A redrive has a key of its own, which ends in its number; the provider is given the
/// key without it.
fn excuse(repeats: &mut HashMap<String, u64>, effect: &UncertainEffect) {
    let notification =
        effect.key.rsplit_once('/').map_or(effect.key.as_str(), |(notification, _)| notification);
    if let Some(left) = repeats.get_mut(notification) {
        *left = left.saturating_sub(u64::from(effect.taken_over) + u64::from(effect.unfinished));
    }
}

/// The order number in a key such as `sms-notification/T1/ORDER_PAID/0`.
fn order_of(function: &str, key: &str) -> String {
    let rest = key.strip_prefix(function).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_take_over_excuses_repeats_of_its_own_notification_only() {
        let repeated = |key: &str, times| (key.to_owned(), times);
        let mut repeats = HashMap::from([
            repeated("sms-notification/T1/ORDER_PAID", 2),
            repeated("sms-notification/T2/ORDER_PAID", 1),
        ]);
        for key in ["sms-notification/T1/ORDER_PAID/0", "sms-notification/T3/ORDER_PAID/0"] {
            excuse(&mut repeats, &UncertainEffect { key: key.to_owned(), unfinished: false, taken_over: 1 });
        }
        assert_eq!(repeats["sms-notification/T1/ORDER_PAID"], 1);
        assert_eq!(repeats["sms-notification/T2/ORDER_PAID"], 1);
        // Taken over again in a redrive.
        let redriven = "sms-notification/T1/ORDER_PAID/3".to_owned();
        excuse(&mut repeats, &UncertainEffect { key: redriven, unfinished: true, taken_over: 5 });
        assert_eq!(repeats["sms-notification/T1/ORDER_PAID"], 0);
    }

    #[test]
    fn a_key_names_its_order() {
        assert_eq!(order_of("sms-notification", "sms-notification/T1/ORDER_PAID/0"), "T1");
    }
}
