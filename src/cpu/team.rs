//! Threads that work through the same lists of items side by side.
//!
//! A step of a training is some twenty lists of a few items that take microseconds each. To wake a thread
//! costs as much as such an item, so the threads of a team stay awake while there is work: they wait for
//! each other by reading one number over and over, and go to sleep only when nothing was asked of them for
//! a while.

use std::any::Any;
use std::cell::Cell;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::scratch::Scratch;

/// Looks at a number that does not change before a waiting thread offers its core to others: 0.07 ms, at 37 ns
/// each on a Zen 5.
const LOOKS: usize = 2_000;

/// Offers of its core after which a thread without work goes to sleep: 0.8 ms more on a machine with nothing
/// else to do, at 0.4 µs each.
const OFFERS: usize = 2_000;

/// Threads that run one piece of work together, the caller among them.
#[derive(Debug)]
pub(super) struct Team {
    shared: Arc<Shared>,
    others: Vec<JoinHandle<()>>,
    scratch: Scratch,
}

/// What a thread of the team runs: given its view of the team and its own memory.
type Job<'a> = dyn Fn(&Crew<'_>, &mut Scratch) + Sync + 'a;

#[derive(Debug)]
struct Shared {
    /// How many threads take part.
    members: AtomicUsize,
    /// How many jobs were given.
    jobs: AtomicUsize,
    /// The job, valid between its number's publication and the last member's leave.
    job: Mutex<Option<Borrowed>>,
    quit: AtomicBool,
    /// Of each member's share of the list that is being worked on, how many items were begun.
    begun: Vec<Counter>,
    /// How many members are done with the list, and how many lists were done.
    arrived: AtomicUsize,
    lists: AtomicUsize,
    /// Members that have left the job.
    left: AtomicUsize,
    /// Set by a member whose work panicked, so that nobody waits for it.
    failed: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// A number with a line of the cache for itself, so that threads that count on different ones do not take
/// it from each other.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Counter(AtomicUsize);

/// A job whose lifetime is hidden: [`Team::run`] does not return before every member has left it.
#[derive(Clone, Copy, Debug)]
struct Borrowed(*const Job<'static>);

// SAFETY: the job is `Sync`, and only references to it are made of the pointer.
unsafe impl Send for Borrowed {}

impl Team {
    /// A team of `threads`, the calling one included; of fewer where the system refuses some.
    pub(super) fn new(threads: NonZeroUsize) -> Self {
        let shared = Arc::new(Shared {
            members: AtomicUsize::new(1),
            jobs: AtomicUsize::new(0),
            job: Mutex::new(None),
            quit: AtomicBool::new(false),
            begun: (0..threads.get()).map(|_| Counter::default()).collect(),
            arrived: AtomicUsize::new(0),
            lists: AtomicUsize::new(0),
            left: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            panic: Mutex::new(None),
        });
        let member = |number| {
            let shared = Arc::clone(&shared);
            let builder = thread::Builder::new().name("vae-cpu".to_owned());
            builder.spawn(move || shared.serve(number)).ok()
        };
        let others: Vec<_> = (1..threads.get()).map_while(member).collect();
        shared.members.store(1 + others.len(), Ordering::Release);
        Self {
            shared,
            others,
            scratch: Scratch::default(),
        }
    }

    /// How many threads it has.
    pub(super) fn size(&self) -> usize {
        1 + self.others.len()
    }

    /// Runs a job on every thread, and returns when all are done with it.
    ///
    /// # Panics
    /// As the job did on any of them.
    pub(super) fn run(&mut self, job: &Job<'_>) {
        let shared = &*self.shared;
        let erased: *const Job<'_> = job;
        // SAFETY: only the lifetime changes. `run` returns after all members have left the job.
        let erased: *const Job<'static> = unsafe { std::mem::transmute(erased) };
        *lock(&shared.job) = Some(Borrowed(erased));
        shared.left.store(0, Ordering::Relaxed);
        shared.jobs.fetch_add(1, Ordering::Release);
        for other in &self.others {
            other.thread().unpark();
        }
        shared.take_part(0, job, &mut self.scratch);
        let mut pause = Pause::default();
        while shared.left.load(Ordering::Acquire) < shared.members.load(Ordering::Relaxed) {
            pause.wait();
        }
        *lock(&shared.job) = None;
        if shared.failed.swap(false, Ordering::AcqRel) {
            shared.begin_list();
            shared.arrived.store(0, Ordering::Relaxed);
            if let Some(panic) = lock(&shared.panic).take() {
                resume_unwind(panic);
            }
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.quit.store(true, Ordering::Release);
        for other in self.others.drain(..) {
            other.thread().unpark();
            // A member catches what its work panics with, and leaves none to this thread.
            let _ended = other.join();
        }
    }
}

impl Shared {
    /// What every thread but the caller's does: job after job.
    fn serve(&self, number: usize) {
        let mut scratch = Scratch::default();
        let mut done = 0;
        loop {
            let mut pause = Pause::default();
            while self.jobs.load(Ordering::Acquire) == done {
                if self.quit.load(Ordering::Acquire) {
                    return;
                }
                match pause.offers < OFFERS {
                    true => pause.wait(),
                    // Whoever has work wakes it; a wake-up that came before is not lost.
                    false => thread::park(),
                }
            }
            done += 1;
            let job = *lock(&self.job);
            if let Some(Borrowed(job)) = job {
                // SAFETY: the caller of `run` keeps the job until this member has left it.
                self.take_part(number, unsafe { &*job }, &mut scratch);
            }
        }
    }

    fn begin_list(&self) {
        for counter in &self.begun {
            counter.0.store(0, Ordering::Relaxed);
        }
    }

    fn take_part(&self, number: usize, job: &Job<'_>, scratch: &mut Scratch) {
        let crew = Crew {
            shared: self,
            number,
            members: self.members.load(Ordering::Acquire),
            lists: Cell::new(self.lists.load(Ordering::Acquire)),
        };
        let work = AssertUnwindSafe(|| job(&crew, scratch));
        if let Err(panic) = catch_unwind(work) {
            let mut first = lock(&self.panic);
            first.get_or_insert(panic);
            self.failed.store(true, Ordering::Release);
        }
        self.left.fetch_add(1, Ordering::AcqRel);
    }
}

/// A thread's view of its team during a job.
#[derive(Debug)]
pub(super) struct Crew<'a> {
    shared: &'a Shared,
    /// This thread's number among the members.
    number: usize,
    members: usize,
    /// How many lists were done before the one that comes next.
    lists: Cell<usize>,
}

impl Crew<'_> {
    /// Does the items of a list together with the others: each is done once, and all are done when this
    /// returns. Every thread of the job must come here for the same lists.
    ///
    /// A thread begins with its own share, the same items each time, whose arrays its cache may still hold;
    /// then it takes from the others' what they have not begun.
    pub(super) fn share(&self, items: usize, mut work: impl FnMut(usize)) {
        if self.members == 1 {
            (0..items).for_each(work);
            return;
        }
        for ahead in 0..self.members {
            let owner = (self.number + ahead) % self.members;
            let first = owner * items / self.members;
            let end = (owner + 1) * items / self.members;
            loop {
                let item = first + self.shared.begun[owner].0.fetch_add(1, Ordering::Relaxed);
                if item >= end {
                    break;
                }
                work(item);
            }
        }
        self.meet();
    }

    /// Waits for the others; what they wrote before is then seen by all.
    fn meet(&self) {
        let shared = self.shared;
        let list = self.lists.get() + 1;
        self.lists.set(list);
        if shared.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.members {
            shared.arrived.store(0, Ordering::Relaxed);
            shared.begin_list();
            shared.lists.store(list, Ordering::Release);
            return;
        }
        let mut pause = Pause::default();
        while shared.lists.load(Ordering::Acquire) != list {
            if shared.failed.load(Ordering::Acquire) {
                resume_unwind(Box::new("another thread of the team panicked"));
            }
            pause.wait();
        }
    }
}

/// A wait that costs the least at first and lets others have the core later.
#[derive(Default)]
struct Pause {
    looks: usize,
    offers: usize,
}

impl Pause {
    fn wait(&mut self) {
        if self.looks < LOOKS {
            self.looks += 1;
            std::hint::spin_loop();
        } else {
            self.offers += 1;
            thread::yield_now();
        }
    }
}

/// A lock that a panic elsewhere does not spoil: what it guards is replaced as a whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(threads: usize) -> Team {
        Team::new(NonZeroUsize::new(threads).unwrap())
    }

    #[test]
    fn each_item_of_each_list_is_done_once_before_the_next_list() {
        for threads in [1, 2, 5] {
            let mut team = team(threads);
            let done: Vec<AtomicUsize> = (0..97).map(|_| AtomicUsize::new(0)).collect();
            for job in 0..50 {
                team.run(&|crew, _| {
                    for list in 0..4 {
                        crew.share(done.len(), |item| {
                            let before = done[item].fetch_add(1, Ordering::Relaxed);
                            assert_eq!(before, 4 * job + list);
                        });
                    }
                });
            }
            assert!(done.iter().all(|d| d.load(Ordering::Relaxed) == 200));
        }
    }

    #[test]
    fn what_one_list_writes_the_next_one_reads() {
        let mut team = team(3);
        let cells: Vec<AtomicUsize> = (0..64).map(|_| AtomicUsize::new(0)).collect();
        team.run(&|crew, _| {
            for round in 1..200 {
                crew.share(64, |i| cells[i].store(round, Ordering::Relaxed));
                crew.share(64, |i| {
                    assert_eq!(cells[63 - i].load(Ordering::Relaxed), round);
                });
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_goes_on() {
        for threads in [1, 3] {
            let mut team = team(threads);
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                team.run(&|crew, _| crew.share(10, |item| assert_ne!(item, 7, "of an item")));
            }));
            assert!(panicked.is_err());
            let count = AtomicUsize::new(0);
            team.run(&|crew, _| {
                crew.share(10, |_| {
                    count.fetch_add(1, Ordering::Relaxed);
                });
            });
            assert_eq!(count.load(Ordering::Relaxed), 10);
        }
    }

    #[test]
    fn a_team_that_slept_wakes_up() {
        let mut team = team(2);
        team.run(&|_, _| {});
        thread::sleep(std::time::Duration::from_millis(200));
        let seen = AtomicUsize::new(0);
        team.run(&|_, _| {
            seen.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(seen.load(Ordering::Relaxed), team.size());
    }
}
