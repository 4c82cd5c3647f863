use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{Crash, Faults, Moment, fault_switches, locked};
use crate::ports::{Alert, Alerts, Notice, NotificationProvider, ProviderError, StoreError, UserDirectory};
use crate::{Contact, UserId};

/// A provider that only records what it was handed.
#[derive(Debug)]
pub struct FakeProvider {
    faults: Faults<ProviderError>,
    delivered: Mutex<Vec<Notice>>,
}

impl Default for FakeProvider {
    fn default() -> Self {
        Self::new(&Crash::default())
    }
}

impl FakeProvider {
    /// Nothing delivered yet; dies with `crash`.
    pub fn new(crash: &Crash) -> Self {
        let dead = || ProviderError::TryLater { because: "the process died".to_owned(), after: None };
        Self { faults: Faults::new(crash.clone(), dead), delivered: Mutex::default() }
    }

    /// Everything it took, oldest first.
    pub fn delivered(&self) -> Vec<Notice> {
        locked(&self.delivered).clone()
    }
}

#[async_trait]
impl NotificationProvider for FakeProvider {
    async fn deliver(&self, notice: &Notice) -> Result<(), ProviderError> {
        self.faults
            .call(|| {
                locked(&self.delivered).push(notice.clone());
                Ok(())
            })
            .await
    }
}

fault_switches!(FakeProvider, ProviderError);

/// A user directory that a test fills.
#[derive(Debug)]
pub struct FakeUserDirectory {
    faults: Faults<StoreError>,
    contacts: Mutex<HashMap<UserId, Contact>>,
}

impl Default for FakeUserDirectory {
    fn default() -> Self {
        Self::new(&Crash::default())
    }
}

impl FakeUserDirectory {
    /// Empty; dies with `crash`.
    pub fn new(crash: &Crash) -> Self {
        let dead = || StoreError::Unavailable("the process died".to_owned());
        Self { faults: Faults::new(crash.clone(), dead), contacts: Mutex::default() }
    }

    /// Sets the addresses of a buyer.
    pub fn put(&self, user_id: UserId, contact: Contact) {
        locked(&self.contacts).insert(user_id, contact);
    }
}

#[async_trait]
impl UserDirectory for FakeUserDirectory {
    async fn contact(&self, user_id: UserId) -> Result<Option<Contact>, StoreError> {
        self.faults.call(|| Ok(locked(&self.contacts).get(&user_id).cloned())).await
    }
}

fault_switches!(FakeUserDirectory, StoreError);

/// Alerts that only record what was raised.
#[derive(Debug, Default)]
pub struct FakeAlerts {
    crash: Crash,
    raised: Mutex<Vec<Alert>>,
}

impl FakeAlerts {
    /// None raised yet; a dead process raises none.
    pub fn new(crash: &Crash) -> Self {
        Self { crash: crash.clone(), raised: Mutex::default() }
    }

    /// Everything raised so far, oldest first.
    pub fn raised(&self) -> Vec<Alert> {
        locked(&self.raised).clone()
    }
}

#[async_trait]
impl Alerts for FakeAlerts {
    async fn raise(&self, alert: Alert) {
        if self.crash.enter() != Some(Moment::BeforeEffect) {
            locked(&self.raised).push(alert);
        }
    }
}
