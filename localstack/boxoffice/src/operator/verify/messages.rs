use boxoffice_domain::ports::{GroupAccount, StoreError};

use crate::operator::bus_view::BusView;

/// The messages of all groups at one look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Messages {
    /// Due and not handled, whether a consumer has them or not.
    pub(super) due: u64,
    /// Ever put in front of a group, as far as the bus counts.
    pub(super) sent: u64,
    /// What became of each message; `None` where the bus does not keep it.
    pub(super) fates: Option<Fates>,
}

/// What became of the messages that were ever put in front of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fates {
    pub(super) handled: u64,
    pub(super) dead: u64,
    pub(super) waiting: u64,
    /// Messages that should be one of these and are not.
    pub(super) unaccounted: u64,
}

impl Messages {
    pub(super) async fn look(bus: &BusView) -> Result<Self, StoreError> {
        let accounts = bus.accounts().await?;
        Ok(Self {
            due: accounts.iter().map(GroupAccount::due).sum(),
            sent: accounts.iter().filter_map(|account| account.sent).sum(),
            fates: accounts.iter().map(fates).try_fold(Fates::default(), |all, group| {
                let group = group?;
                Some(Fates {
                    handled: all.handled + group.handled,
                    dead: all.dead + group.dead,
                    waiting: all.waiting + group.waiting,
                    unaccounted: all.unaccounted + group.unaccounted,
                })
            }),
        })
    }
}

fn fates(account: &GroupAccount) -> Option<Fates> {
    Some(Fates {
        unaccounted: account.unaccounted()?,
        handled: account.done?,
        dead: account.dead?,
        waiting: account.unhandled(),
    })
}
