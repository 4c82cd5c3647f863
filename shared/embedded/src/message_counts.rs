//! The account of each consumer group: every message put in its queue was handled, given up, or still waits. Kept in
//! the commits that change the queue, so that it can be checked after any crash.

use rusqlite::Connection;

/// What one commit adds to the account of one group.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) queued: i64,
    pub(crate) handled: i64,
    pub(crate) dead_lettered: i64,
}

/// What one commit adds to the accounts, by the number of the group.
#[derive(Debug, Default)]
pub(crate) struct Accounts(Vec<(i64, Entry)>);

impl Accounts {
    /// The entry of a group. There are few groups, so a linear search is fastest.
    pub(crate) fn of(&mut self, group_id: i64) -> &mut Entry {
        let known = self.0.iter().position(|(id, _)| *id == group_id);
        let index = known.unwrap_or_else(|| {
            self.0.push((group_id, Entry::default()));
            self.0.len() - 1
        });
        &mut self.0[index].1
    }

    /// Stores the entries and clears them.
    pub(crate) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for (group_id, entry) in self.0.drain(..) {
            connection
                .prepare_cached(
                    "UPDATE groups SET queued = queued + ?2, handled = handled + ?3, \
                     dead_lettered = dead_lettered + ?4 WHERE id = ?1",
                )?
                .execute([group_id, entry.queued, entry.handled, entry.dead_lettered])?;
        }
        Ok(())
    }
}
