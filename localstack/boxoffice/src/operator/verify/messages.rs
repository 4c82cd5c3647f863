//! The messages: what the bus says of each group, and the marks of messages still to be sent.

use boxoffice_domain::ports::{AuditedGroup, BusAudit, GroupAccount, MarkCount, StoreAudit};

use boxoffice_messages::group;

use crate::operator::OperatorError;

/// The groups whose effects the invariants judge. Nothing is sent to them with a delay, so what is delayed is a retry.
const JUDGED: [&str; 4] =
    [group::ORDER_PROCESS, group::ORDER_PAID, group::ORDER_CANCELLED, group::STOCK_MANAGEMENT];

/// All messages, looked at once.
#[derive(Debug)]
pub(super) struct Messages {
    accounts: Vec<GroupAccount>,
    pub(super) marks: MarkCount,
}

/// What became of all messages that were ever sent, over all groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) sent: u64,
    pub(super) done: u64,
    pub(super) dead: u64,
    pub(super) waiting: u64,
    /// Messages that should be in one of the three and are not, summed group by group.
    pub(super) unaccounted: u64,
}

impl Messages {
    pub(super) async fn look(
        bus: &dyn BusAudit,
        groups: &[AuditedGroup],
        store: &dyn StoreAudit,
    ) -> Result<Self, OperatorError> {
        // Marks first: a message is marked until the bus has it, so none is missed in between.
        let marks = store.marks().await?;
        Ok(Self { accounts: bus.accounts(groups).await?, marks })
    }

    /// Messages that are due, in all groups.
    pub(super) fn due(&self) -> u64 {
        self.accounts.iter().map(GroupAccount::due).sum()
    }

    /// Whether nothing is due, in flight or marked, and no message that brings an order or its seats further waits to be
    /// tried again.
    pub(super) fn is_at_rest(&self) -> bool {
        let retried = |account: &GroupAccount| {
            JUDGED.contains(&account.group.as_str()) && account.delayed.is_some_and(|delayed| delayed > 0)
        };
        self.due() == 0 && self.marks.count == 0 && !self.accounts.iter().any(retried)
    }

    /// Whether the bus tells of messages that are to be delivered again later.
    pub(super) fn shows_retries(&self) -> bool {
        self.accounts.iter().all(|account| account.delayed.is_some())
    }

    /// Whether no group got or handled a message since then, as far as the bus counts them.
    pub(super) fn none_came_since(&self, earlier: &Self) -> bool {
        let seen = |account: &GroupAccount| (account.group.clone(), account.sent, account.done, account.dead);
        self.accounts.iter().map(seen).eq(earlier.accounts.iter().map(seen))
    }

    /// What became of all messages; `None` where the bus does not know it of each group.
    pub(super) fn totals(&self) -> Option<Totals> {
        let mut totals = Totals::default();
        for account in &self.accounts {
            totals.unaccounted += account.unaccounted()?;
            totals.sent += account.sent?;
            totals.done += account.done?;
            totals.dead += account.dead?;
            totals.waiting += account.unhandled();
        }
        Some(totals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(group: &str, sent: u64, done: u64) -> GroupAccount {
        GroupAccount {
            group: group.to_owned(),
            waiting: 0,
            delayed: Some(0),
            in_flight: Some(0),
            oldest: None,
            sent: Some(sent),
            done: Some(done),
            dead: Some(0),
        }
    }

    fn messages(accounts: Vec<GroupAccount>) -> Messages {
        Messages { accounts, marks: MarkCount::default() }
    }

    #[test]
    fn what_one_group_lost_is_not_made_up_by_what_another_counts_twice() {
        let totals = messages(vec![account("a", 10, 9), account("b", 10, 11)]).totals().unwrap();
        assert_eq!((totals.sent, totals.done, totals.unaccounted), (20, 20, 2));
    }

    #[test]
    fn a_message_that_came_and_went_between_two_looks_is_noticed() {
        let (before, after) = (messages(vec![account("a", 10, 10)]), messages(vec![account("a", 11, 11)]));
        assert!(before.is_at_rest() && after.is_at_rest());
        assert!(before.none_came_since(&before) && !after.none_came_since(&before));
    }

    #[test]
    fn a_retry_that_waits_is_no_rest_unless_its_effect_is_not_judged() {
        let delayed = |group| GroupAccount { delayed: Some(1), sent: Some(2), ..account(group, 1, 1) };
        assert!(!messages(vec![delayed(group::ORDER_PAID)]).is_at_rest());
        assert!(messages(vec![delayed(group::ORDER_TIMEOUT), delayed(group::SMS_NOTIFICATION)]).is_at_rest());
        let (before, after) = (messages(vec![account("a", 2, 1)]), messages(vec![account("a", 2, 2)]));
        assert!(!after.none_came_since(&before), "one was handled in between");
    }

    #[test]
    fn a_mark_alone_is_no_rest() {
        let marks = MarkCount { count: 1, oldest: None };
        assert!(!Messages { marks, ..messages(vec![account("a", 1, 1)]) }.is_at_rest());
    }
}
