//! The clusters that tests share: a start takes two Java processes and some seconds of both cores.

use std::ops::Deref;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use boxoffice_tests::rocketmq::Cluster;

/// The cluster of all tests that break nothing. Each has topics and groups of its own, with a prefix in their names; the
/// names of production belong to the tests with Java, which knows no others.
pub(crate) static SHARED: LazyLock<Arc<Cluster>> = LazyLock::new(|| Arc::new(Cluster::start()));

/// How many clusters there are for tests that stop and kill servers. As many of these tests run at a time.
const BREAKABLE: usize = 3;

static POOL: Pool = Pool { state: Mutex::new(State { idle: Vec::new(), made: 0 }), returned: Condvar::new() };

struct Pool {
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Arc<Cluster>>,
    made: usize,
}

/// A cluster that is this test's until it is dropped, to stop and kill its servers. Others had it before, and will have
/// it.
pub(crate) struct Breakable(Arc<Cluster>);

impl Breakable {
    /// One that runs.
    pub(crate) fn running() -> Self {
        let cluster = Self::take();
        cluster.start_what_is_missing();
        cluster
    }

    /// One none of whose servers runs.
    pub(crate) fn absent() -> Self {
        let cluster = Self::take();
        cluster.kill_what_runs();
        cluster
    }

    /// Waits for one that no other test has.
    fn take() -> Self {
        let mut state = lock(&POOL.state);
        loop {
            if let Some(cluster) = state.idle.pop() {
                return Self(cluster);
            }
            if state.made < BREAKABLE {
                let cluster = Arc::new(Cluster::prepare(&[]));
                state.made += 1;
                return Self(cluster);
            }
            state = POOL.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Deref for Breakable {
    type Target = Arc<Cluster>;

    fn deref(&self) -> &Arc<Cluster> {
        &self.0
    }
}

impl Drop for Breakable {
    fn drop(&mut self) {
        let mut state = lock(&POOL.state);
        if std::thread::panicking() {
            // What a failed test leaves is kept for whoever looks for the fault, and no other test meets it.
            state.made -= 1;
        } else {
            state.idle.push(Arc::clone(&self.0));
        }
        POOL.returned.notify_one();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
