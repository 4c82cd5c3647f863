use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::locked;

/// When, during a port call, the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the call changed anything.
    BeforeEffect,
    /// After the call took effect, before its answer arrived.
    AfterEffect,
}

#[derive(Debug, Default)]
struct CrashState {
    calls: usize,
    planned: Option<(usize, Moment)>,
    dead: bool,
}

/// Lets all fakes that share it die at one port call, as a process does: that call and every later one fails
/// until [`Crash::restart`].
#[derive(Debug, Clone, Default)]
pub struct Crash(Arc<Mutex<CrashState>>);

impl Crash {
    /// Dies at port call number `call`, counted from 0 and from now on.
    pub fn at(&self, call: usize, moment: Moment) {
        *locked(&self.0) = CrashState { calls: 0, planned: Some((call, moment)), dead: false };
    }

    /// Lives again, with no crash planned.
    pub fn restart(&self) {
        *locked(&self.0) = CrashState::default();
    }

    /// Whether the planned call was reached.
    pub fn happened(&self) -> bool {
        locked(&self.0).dead
    }

    /// Port calls since the last [`Crash::at`] or [`Crash::restart`].
    pub fn calls(&self) -> usize {
        locked(&self.0).calls
    }

    /// Counts a call; the moment at which it dies, if it does.
    pub(super) fn enter(&self) -> Option<Moment> {
        let mut state = locked(&self.0);
        if state.dead {
            return Some(Moment::BeforeEffect);
        }
        let call = state.calls;
        state.calls += 1;
        let moment = state.planned.filter(|(planned, _)| *planned == call).map(|(_, moment)| moment);
        state.dead = moment.is_some();
        moment
    }
}

/// The faults planned for one fake.
#[derive(Debug)]
pub struct Faults<E> {
    /// One for each coming call; `None` lets it pass.
    before: Mutex<VecDeque<Option<E>>>,
    after: Mutex<VecDeque<E>>,
    crash: Crash,
    dead: fn() -> E,
}

impl<E: Clone> Faults<E> {
    /// No faults. `dead` is what calls answer once `crash` happened.
    pub fn new(crash: Crash, dead: fn() -> E) -> Self {
        Self { before: Mutex::default(), after: Mutex::default(), crash, dead }
    }

    /// The next `calls` calls fail with `error` and change nothing.
    pub fn fail_next(&self, calls: usize, error: E) {
        locked(&self.before).extend(std::iter::repeat_n(Some(error), calls));
    }

    /// The next `calls` calls (after those planned before) pass.
    pub fn pass_next(&self, calls: usize) {
        locked(&self.before).extend(std::iter::repeat_n(None, calls));
    }

    /// The next `calls` calls (after those that fail) take effect, but answer with `error`.
    pub fn lose_next_answers(&self, calls: usize, error: E) {
        locked(&self.after).extend(std::iter::repeat_n(error, calls));
    }

    /// Makes one port call, with the faults planned for it.
    pub fn call<T>(&self, effect: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let moment = self.crash.enter();
        if moment == Some(Moment::BeforeEffect) {
            return Err((self.dead)());
        }
        let planned = locked(&self.before).pop_front();
        if let Some(error) = planned.flatten() {
            return Err(error);
        }
        let answer = effect()?;
        if moment == Some(Moment::AfterEffect) {
            return Err((self.dead)());
        }
        let lost = locked(&self.after).pop_front();
        match lost {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }
}
