//! Fakes of every port, and a clock that a test moves by hand.
//!
//! Every fake keeps its data in memory, keeps the promises of its port, and fails on demand: `fail_next` makes
//! calls fail before they change anything, `lose_next_answers` after. Fakes that share a [`Crash`] die together at
//! a chosen call, so that a test can cut a handler at every position and run it again. [`World`] puts one of
//! each together.

mod audit;
mod bus;
mod catalogue;
mod dead_letters;
mod faults;
mod idempotency;
mod notification;
mod orders;
mod paging;
mod statistics;
mod stock_cache;
mod stock_ledger;
mod time;
mod world;

pub use audit::FakeStoreAudit;
pub use bus::FakeBus;
pub use catalogue::FakeCatalogue;
pub use dead_letters::{FakeDeadLetterStore, FakeRedeliver};
pub use faults::{Crash, Faults, Moment};
pub use idempotency::FakeIdempotencyStore;
pub use notification::{FakeAlerts, FakeProvider, FakeUserDirectory};
pub use orders::FakeOrderStore;
pub use statistics::FakeStatistics;
pub use stock_cache::FakeStockCache;
pub use stock_ledger::FakeStockLedger;
pub use time::{SequentialIds, VirtualClock};
pub use world::World;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks also after a test thread panicked: the assertion that failed is what the reader wants to see.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a fake its fault switches: `fail_next`, `pass_next` and `lose_next_answers`.
macro_rules! fault_switches {
    ($fake:ty, $error:ty) => {
        impl $fake {
            /// The next `calls` calls fail with `error` and change nothing.
            pub fn fail_next(&self, calls: usize, error: $error) {
                self.faults.fail_next(calls, error);
            }

            /// The next `calls` calls pass; what `fail_next` plans after this comes after them.
            pub fn pass_next(&self, calls: usize) {
                self.faults.pass_next(calls);
            }

            /// The next `calls` calls (after those that fail) take effect, but answer with `error`.
            pub fn lose_next_answers(&self, calls: usize, error: $error) {
                self.faults.lose_next_answers(calls, error);
            }
        }
    };
}
use fault_switches;
