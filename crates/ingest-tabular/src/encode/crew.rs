//! A crew of threads that works on lanes: every lane takes the tasks in their order, no lane waits for another.
//!
//! Decides who does what next, which changes no outcome: a lane is with one thread at a time, and what came of a task is
//! told when all lanes are through with it, in the order of lanes. The caller works along whenever it waits; with one
//! thread it does everything. Beside the lanes it has an errand at times, which somebody else than the caller does. Never
//! knows what a lane, a task or an errand is.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// The caller, as a member of the crew.
const CALLER: usize = 0;

/// What a lane does with tasks.
pub(super) trait Lane: Send + 'static {
    /// What all lanes are to do, one after the other.
    type Task: Send + Sync;
    /// What each thread has one of.
    type Tool: Send;
    /// What comes of a task in one lane.
    type Yield: Send;

    /// Does a task; `place` is the lane's own.
    fn work(&mut self, place: usize, task: &Self::Task, tool: &mut Self::Tool) -> Self::Yield;
}

/// What is done once, beside the lanes.
type Errand = Box<dyn FnOnce() + Send>;

/// A task that all lanes are through with, and what came of it, by lanes.
type Through<L> = (Arc<<L as Lane>::Task>, Vec<<L as Lane>::Yield>);

/// The threads and what they share.
pub(super) struct Crew<L: Lane> {
    shared: Arc<Shared<L>>,
    tool: L::Tool,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<L: Lane> {
    state: Mutex<State<L>>,
    changed: Condvar,
}

struct State<L: Lane> {
    lanes: Vec<Turn<L>>,
    /// Tasks that some lane has still to do, and those behind them.
    open: VecDeque<Open<L>>,
    /// The number of the first of them.
    first: u64,
    /// Lanes that have a task to do and nobody with them, by the thread that had them last: its cache knows them.
    ready: Vec<VecDeque<usize>>,
    /// What nobody does yet.
    errand: Option<Errand>,
    /// Whether there is an errand, waiting or being done.
    has_errand: bool,
    /// Threads that wait for a change.
    waiting: usize,
    closed: bool,
    /// Whether a thread panicked, so that a lane is lost.
    broken: bool,
}

/// A lane between its tasks.
struct Turn<L> {
    /// None while a thread is with it.
    lane: Option<Box<L>>,
    /// The number of the task that it does next.
    next: u64,
    /// Who had it last.
    owner: usize,
}

struct Open<L: Lane> {
    task: Arc<L::Task>,
    /// Lanes that have it still to do.
    left: usize,
    yields: Vec<(usize, L::Yield)>,
}

/// A task of a lane, with a thread.
struct Job<L: Lane> {
    place: usize,
    lane: Box<L>,
    task: Arc<L::Task>,
}

impl<L: Lane> std::fmt::Debug for Crew<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crew").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl<L: Lane> State<L> {
    fn check(&self) -> io::Result<()> {
        if self.broken { Err(io::Error::other("an encoding thread has ended")) } else { Ok(()) }
    }

    fn push(&mut self, task: L::Task) {
        let number = self.first + self.open.len() as u64;
        self.open.push_back(Open { task: Arc::new(task), left: self.lanes.len(), yields: Vec::new() });
        for (turn, place) in self.lanes.iter().zip(0..) {
            if turn.next == number
                && turn.lane.is_some()
                && let Some(ready) = self.ready.get_mut(turn.owner)
            {
                ready.push_back(place);
            }
        }
    }

    fn task_mut(&mut self, number: u64) -> Option<&mut Open<L>> {
        self.open.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Gives a thread something to do: a lane that it had before, or else one that another has most of.
    fn take(&mut self, who: usize) -> Option<Job<L>> {
        let own = self.ready.get_mut(who).and_then(VecDeque::pop_front);
        let place = match own {
            Some(place) => place,
            None => self.ready.iter_mut().max_by_key(|ready| ready.len())?.pop_back()?,
        };
        let turn = self.lanes.get_mut(place)?;
        let (lane, next) = (turn.lane.take()?, turn.next);
        let task = Arc::clone(&self.task_mut(next)?.task);
        Some(Job { place, lane, task })
    }

    /// Takes a lane back, and what came of its task. Answers whether that can matter to one who waits.
    fn give(&mut self, who: usize, place: usize, lane: Box<L>, yielded: L::Yield) -> bool {
        let end = self.first + self.open.len() as u64;
        let Some(turn) = self.lanes.get_mut(place) else { return false };
        let done = turn.next;
        *turn = Turn { lane: Some(lane), next: done + 1, owner: who };
        let goes_on = done + 1 < end;
        if let Some(ready) = self.ready.get_mut(who).filter(|_| goes_on) {
            ready.push_back(place);
        }
        let Some(open) = self.task_mut(done) else { return goes_on };
        open.yields.push((place, yielded));
        open.left -= 1;
        goes_on || open.left == 0
    }
}

impl<L: Lane> Shared<L> {
    fn lock(&self) -> MutexGuard<'_, State<L>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State<L>>) -> MutexGuard<'a, State<L>> {
        state.waiting += 1;
        let mut state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }

    /// Does a job, and gives the lane back.
    fn run(&self, who: usize, job: Job<L>, tool: &mut L::Tool) -> MutexGuard<'_, State<L>> {
        let Job { place, mut lane, task } = job;
        let yielded = lane.work(place, &task, tool);
        // Whoever ends the task must find nobody else holding it.
        drop(task);
        let mut state = self.lock();
        if state.give(who, place, lane, yielded) && state.waiting > 0 {
            self.changed.notify_all();
        }
        state
    }

    /// Does a job, or waits for a change where there is none.
    fn step<'a>(
        &'a self,
        who: usize,
        tool: &mut L::Tool,
        mut state: MutexGuard<'a, State<L>>,
    ) -> MutexGuard<'a, State<L>> {
        match state.take(who) {
            Some(job) => {
                drop(state);
                self.run(who, job, tool)
            }
            None => self.wait(state),
        }
    }

    /// Works until the queue is closed.
    fn serve(&self, who: usize, tool: &mut L::Tool) {
        let _alarm = Alarm(self);
        let mut state = self.lock();
        while !state.closed {
            // First what is beside the lanes: it holds memory until it is done.
            state = match state.errand.take() {
                Some(errand) => {
                    drop(state);
                    self.do_errand(errand)
                }
                None => self.step(who, tool, state),
            };
        }
    }

    fn do_errand(&self, errand: Errand) -> MutexGuard<'_, State<L>> {
        errand();
        let mut state = self.lock();
        state.has_errand = false;
        if state.waiting > 0 {
            self.changed.notify_all();
        }
        state
    }
}

/// Tells everyone when its thread panics: who waits for a lane that is lost would wait for good.
struct Alarm<'a, L: Lane>(&'a Shared<L>);

impl<L: Lane> Drop for Alarm<'_, L> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().broken = true;
            self.0.changed.notify_all();
        }
    }
}

impl<L: Lane> Crew<L> {
    /// A crew for these lanes, of as many threads as there are tools; the first is the caller's.
    pub(super) fn new(
        lanes: impl IntoIterator<Item = L>,
        tool: L::Tool,
        others: Vec<L::Tool>,
    ) -> io::Result<Self> {
        let threads = others.len() + 1;
        // The caller has other things to do; it takes lanes over as it finds the time.
        let owner = |place: usize| if threads == 1 { CALLER } else { 1 + place % (threads - 1) };
        let lanes = lanes.into_iter().zip(0..);
        let turn = |(lane, place)| Turn { lane: Some(Box::new(lane)), next: 0, owner: owner(place) };
        let state = State {
            lanes: lanes.map(turn).collect(),
            open: VecDeque::new(),
            first: 0,
            ready: std::iter::repeat_with(VecDeque::new).take(threads).collect(),
            errand: None,
            has_errand: false,
            waiting: 0,
            closed: false,
            broken: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let mut crew = Self { shared, tool, threads: Vec::new() };
        for (mut tool, who) in others.into_iter().zip(1..) {
            let shared = Arc::clone(&crew.shared);
            let work = move || shared.serve(who, &mut tool);
            crew.threads.push(std::thread::Builder::new().name("encode".to_owned()).spawn(work)?);
        }
        Ok(crew)
    }

    pub(super) const fn tool(&mut self) -> &mut L::Tool {
        &mut self.tool
    }

    /// Whether there are others who work while the caller does not.
    pub(super) const fn has_others(&self) -> bool {
        !self.threads.is_empty()
    }

    /// Hands out a task to all lanes.
    pub(super) fn push(&self, task: L::Task) {
        let mut state = self.shared.lock();
        state.push(task);
        if state.waiting > 0 {
            self.shared.changed.notify_all();
        }
    }

    /// Hands out something to be done beside the lanes, once what was handed out before is done. With one thread the
    /// caller does it.
    ///
    /// # Errors
    /// When another thread panicked.
    pub(super) fn send(&mut self, errand: impl FnOnce() + Send + 'static) -> io::Result<()> {
        if !self.has_others() {
            errand();
            return Ok(());
        }
        self.settle()?;
        let mut state = self.shared.lock();
        state.errand = Some(Box::new(errand));
        state.has_errand = true;
        if state.waiting > 0 {
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    /// Works along until the errand is done, if there is one.
    ///
    /// # Errors
    /// When another thread panicked.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        let mut state = self.shared.lock();
        while state.has_errand {
            state.check()?;
            state = match state.errand.take() {
                Some(errand) => {
                    drop(state);
                    self.shared.do_errand(errand)
                }
                None => self.shared.step(CALLER, &mut self.tool, state),
            };
        }
        Ok(())
    }

    /// Works along until all lanes are through with the oldest task, and gives what came of it, by lanes; none where
    /// there is no task.
    ///
    /// # Errors
    /// When another thread panicked.
    pub(super) fn finish_oldest(&mut self) -> io::Result<Option<Through<L>>> {
        let mut state = self.shared.lock();
        loop {
            state.check()?;
            let Some(oldest) = state.open.front() else { return Ok(None) };
            if oldest.left == 0 {
                break;
            }
            state = self.shared.step(CALLER, &mut self.tool, state);
        }
        let Some(mut oldest) = state.open.pop_front() else { return Ok(None) };
        state.first += 1;
        drop(state);
        oldest.yields.sort_by_key(|(place, _)| *place);
        Ok(Some((oldest.task, oldest.yields.into_iter().map(|(_, yielded)| yielded).collect())))
    }
}

impl<L: Lane> Drop for Crew<L> {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has told so already.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Remembers what it did; panics at a task of 13.
    #[derive(Default)]
    struct Log(Vec<u32>);

    impl Lane for Log {
        type Task = u32;
        type Tool = u32;
        type Yield = (usize, Vec<u32>);

        fn work(&mut self, place: usize, task: &u32, tool: &mut u32) -> Self::Yield {
            assert_ne!(*task, 13, "as the test wants it");
            *tool += 1;
            self.0.push(*task);
            (place, self.0.clone())
        }
    }

    fn crew(lanes: usize, threads: usize) -> Crew<Log> {
        Crew::new((0..lanes).map(|_| Log::default()), 0, vec![0; threads - 1]).unwrap()
    }

    proptest! {
        #[test]
        fn every_lane_does_every_task_in_order(
            lanes in 0_usize..9,
            threads in 1_usize..5,
            ahead in 0_usize..4,
            count in 0_u32..12,
        ) {
            let mut crew = crew(lanes, threads);
            let mut done = 0;
            let mut check = |crew: &mut Crew<Log>| {
                let (task, yields) = crew.finish_oldest().unwrap().unwrap();
                assert_eq!(*task, done);
                let want: Vec<_> = (0..lanes).map(|place| (place, (0..=done).collect())).collect();
                assert_eq!(yields, want);
                done += 1;
            };
            for task in 0..count {
                crew.push(task);
                if usize::try_from(task).unwrap() >= ahead {
                    check(&mut crew);
                }
            }
            (0..count.min(u32::try_from(ahead).unwrap())).for_each(|_| check(&mut crew));
            prop_assert!(crew.finish_oldest().unwrap().is_none());
        }
    }

    #[test]
    fn errands_are_done_one_after_the_other_and_all_before_it_is_settled() {
        for threads in 1..5 {
            let mut crew = crew(3, threads);
            let done = Arc::new(Mutex::new(Vec::new()));
            for errand in 0..12 {
                crew.push(errand);
                let done = Arc::clone(&done);
                crew.send(move || done.lock().unwrap().push(errand)).unwrap();
                if errand % 3 == 0 {
                    crew.finish_oldest().unwrap();
                }
            }
            crew.settle().unwrap();
            assert_eq!(*done.lock().unwrap(), (0..12).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_in_another_thread_is_an_error_and_no_hang() {
        // The caller stays away until the other thread has the task that ends it.
        let mut crew = crew(1, 2);
        crew.push(13);
        while !crew.threads.iter().all(JoinHandle::is_finished) {
            std::thread::yield_now();
        }
        assert!(crew.finish_oldest().is_err());
        crew.push(1);
        assert!(crew.finish_oldest().is_err());
    }
}
