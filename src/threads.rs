//! Work beside other work: on threads of its own, or on the calling one where the system refuses a
//! thread.
//!
//! A system refuses threads where a user may have only so many (`ulimit -u`, a container's limit on
//! processes) or where memory is short. `std::thread::spawn` then panics. Nothing in this crate
//! needs a second thread to get on, so that the work is done here and now instead.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle, Scope, ScopedJoinHandle};

/// Work that [`beside`] was given.
#[derive(Debug)]
pub struct Beside<'scope, T>(Place<'scope, T>);

#[derive(Debug)]
enum Place<'scope, T> {
    There(ScopedJoinHandle<'scope, T>),
    Done(T),
}

impl<T> Beside<'_, T> {
    /// Waits for the work to be done.
    ///
    /// # Panics
    /// As the work did.
    pub fn join(self) -> T {
        match self.0 {
            Place::Done(result) => result,
            Place::There(thread) => thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        }
    }
}

/// Begins `work` on another thread. Where there is none, `work` is done before this returns.
pub fn beside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Beside<'scope, T> {
    Beside(place(thread::Builder::new(), scope, work))
}

/// Work that [`ahead`] was given.
#[derive(Debug)]
pub struct Ahead<T>(Result<T, JoinHandle<T>>);

impl<T> Ahead<T> {
    /// Waits for the work to be done.
    ///
    /// # Panics
    /// As the work did.
    pub fn join(self) -> T {
        self.0.unwrap_or_else(|thread| {
            let done = thread.join();
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

/// Begins `work` on another thread, which may go on for longer than the caller. Where there is none, `work` is done before this
/// returns.
pub fn ahead<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Ahead<T> {
    let (hand_over, run) = handed();
    match thread::Builder::new().spawn(run) {
        Ok(thread) => match hand_over.send(work) {
            Ok(()) => Ahead(Err(thread)),
            Err(mpsc::SendError(work)) => Ahead(Ok(work())),
        },
        Err(_refused) => Ahead(Ok(work())),
    }
}

/// `a` and `b`, the first on another thread.
///
/// # Panics
/// As `a` or `b` did.
pub fn both<A: Send, B>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let a = beside(scope, a);
        let b = b();
        (a.join(), b)
    })
}

/// `f` of each item, in their order, on as many threads as there are processors.
///
/// # Panics
/// As `f` did.
pub fn map<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else {
                return done;
            };
            done.push((index, f(item)));
        }
    };
    let mut results = thread::scope(|scope| {
        // A thread that is refused leaves its share to the others; the calling thread is one of them.
        let others: Vec<_> = (1..threads.min(items.len()))
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut results = work();
        for other in others {
            results.extend(Beside(Place::There(other)).join());
        }
        results
    });
    results.sort_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// [`beside`], with a thread made as `builder` says.
fn place<'scope, T: Send + 'scope, W: FnOnce() -> T + Send + 'scope>(
    builder: thread::Builder,
    scope: &'scope Scope<'scope, '_>,
    work: W,
) -> Place<'scope, T> {
    let (hand_over, run) = handed();
    match builder.spawn_scoped(scope, run) {
        Ok(thread) => match hand_over.send(work) {
            Ok(()) => Place::There(thread),
            Err(mpsc::SendError(work)) => Place::Done(work()),
        },
        Err(_refused) => Place::Done(work()),
    }
}

/// What a thread runs, and where its work goes: a thread that is refused takes with it the closure that it was to run,
/// so that the closure fetches the work.
fn handed<T, W: FnOnce() -> T>() -> (mpsc::SyncSender<W>, impl FnOnce() -> T) {
    let (hand_over, take) = mpsc::sync_channel::<W>(1);
    let run = move || {
        let Ok(work) = take.recv() else {
            unreachable!("whoever made the thread hands the work over at once");
        };
        work()
    };
    (hand_over, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order() {
        for len in [0, 1, 2, 100] {
            let items: Vec<usize> = (0..len).collect();
            let squares: Vec<_> = items.iter().map(|i| i * i).collect();
            assert_eq!(map(&items, |i| i * i), squares);
        }
    }

    #[test]
    fn work_that_goes_on_is_waited_for() {
        let own = thread::current().id();
        assert_ne!(ahead(|| thread::current().id()).join(), own);
    }

    #[test]
    fn work_is_done_on_another_thread() {
        let own = thread::current().id();
        let (other, here) = both(|| thread::current().id(), || thread::current().id());
        assert_ne!(other, own);
        assert_eq!(here, own);
    }

    /// No address space has room for the stack that is asked for, so that the thread is refused.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn where_a_thread_is_refused_the_calling_one_does_its_work() {
        let builder = || thread::Builder::new().stack_size(1 << 60);
        assert!(builder().spawn(|| {}).is_err(), "a thread was given");
        let own = thread::current().id();
        let mut text = "borrowed".to_owned();
        let done = thread::scope(|scope| {
            let work = || {
                text.push_str(" and changed");
                thread::current().id()
            };
            let placed = place(builder(), scope, work);
            assert!(matches!(placed, Place::Done(_)));
            Beside(placed).join()
        });
        assert_eq!(done, own);
        assert_eq!(text, "borrowed and changed");
    }

    #[test]
    fn a_panic_reaches_who_waits() {
        let panicked = std::panic::catch_unwind(|| both(|| panic!("of the work"), || ()));
        assert_eq!(
            *panicked.unwrap_err().downcast::<&str>().unwrap(),
            "of the work"
        );
    }
}
