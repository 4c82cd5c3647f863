use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use super::locked;

/// A call waits for fewer turns than this.
const MOST_TURNS: u64 = 6;

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
    /// The state of a small generator (xorshift64*), once calls take turns.
    turns: Option<u64>,
}

/// Lets all fakes that share it die at one port call, as a process does: that call and every later one fails
/// until [`Crash::restart`].
#[derive(Debug, Clone, Default)]
pub struct Crash(Arc<Mutex<CrashState>>);

impl Crash {
    /// Dies at port call number `call`, counted from 0 and from now on.
    pub fn at(&self, call: usize, moment: Moment) {
        let mut state = locked(&self.0);
        *state = CrashState { planned: Some((call, moment)), turns: state.turns, ..CrashState::default() };
    }

    /// Lives again, with no crash planned.
    pub fn restart(&self) {
        let mut state = locked(&self.0);
        *state = CrashState { turns: state.turns, ..CrashState::default() };
    }

    /// From now on every port call lets other tasks go first, for a number of turns drawn from `seed`; before, it is
    /// answered at once. The same seed on a runtime of one thread gives the same order of calls.
    pub fn take_turns(&self, seed: u64) {
        locked(&self.0).turns = Some(seed | 1);
    }

    pub(super) async fn wait_for_its_turn(&self) {
        for _ in 0..self.draw_turns() {
            let mut others_went = false;
            std::future::poll_fn(|task| {
                if std::mem::replace(&mut others_went, true) {
                    return Poll::Ready(());
                }
                task.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }

    fn draw_turns(&self) -> u64 {
        let mut state = locked(&self.0);
        let Some(turns) = &mut state.turns else { return 0 };
        *turns ^= *turns >> 12;
        *turns ^= *turns << 25;
        *turns ^= *turns >> 27;
        (turns.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % MOST_TURNS
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
    pub async fn call<T>(&self, effect: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.crash.wait_for_its_turn().await;
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
