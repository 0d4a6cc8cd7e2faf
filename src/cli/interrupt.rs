//! Signals while a training runs, or examples are worked through: Ctrl-C and its kind ask to stop after the current step
//! or block, and a second one stops at once; SIGUSR1 asks to save and go on.
//!
//! A signal that was ignored when the program began stays ignored: whoever started it so (`nohup`, a script's `trap ''`,
//! a shell for what it runs in the background) means it to live on.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use anyhow::Context;
#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGUSR1};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level;

use super::console;

/// The exit code of a program that SIGINT ended.
pub(crate) const EXIT_CODE: u8 = 130;

/// The signals that ask to stop.
#[cfg(unix)]
const STOPPING: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];
#[cfg(not(unix))]
const STOPPING: [i32; 2] = [SIGINT, SIGTERM];

/// Whether what is interrupted is saved, which whoever interrupts it is told.
static SAVES_AT_END: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicBool = AtomicBool::new(false);
static END: OnceLock<Instant> = OnceLock::new();
static SAVES_ASKED: AtomicUsize = AtomicUsize::new(0);

/// What a signal interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A training, which ends after its step and is saved.
    Training,
    /// Examples that are read, computed and written block by block; nothing is kept of them.
    Blocks,
}

/// Somebody asked to stop: a file that was being written is gone, and what was there is as it was. Lines on standard output
/// and pictures in a folder stay, as far as they came.
#[derive(Debug, thiserror::Error)]
#[error("interrupted before the end")]
pub(crate) struct Stopped;

/// Starts to listen, where nobody does yet: several trainings may run side by side.
pub(crate) fn listen(work: Work) -> anyhow::Result<()> {
    SAVES_AT_END.store(work == Work::Training, Ordering::Relaxed);
    static LISTENING: Mutex<bool> = Mutex::new(false);
    let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
    if !*listening {
        register()?;
        *listening = true;
    }
    Ok(())
}

fn register() -> anyhow::Result<()> {
    for signal in STOPPING {
        if !is_ignored(signal) {
            // SAFETY: `stop` does only what a signal handler may: it swaps a flag, writes to a file descriptor and ends the
            // process.
            unsafe { low_level::register(signal, stop) }.context("cannot listen for Ctrl-C")?;
        }
    }
    #[cfg(unix)]
    if !is_ignored(SIGUSR1) {
        let count = || {
            SAVES_ASKED.fetch_add(1, Ordering::Relaxed);
        };
        // SAFETY: a signal handler may add to an atomic number.
        unsafe { low_level::register(SIGUSR1, count) }.context("cannot listen for SIGUSR1")?;
    }
    Ok(())
}

/// Makes a file that grows past the limit of the process (`ulimit -f`) an error of the write, as a full disk is, in place
/// of a signal that ends the process.
pub(crate) fn survive_large_files() {
    #[cfg(unix)]
    {
        static TOO_LARGE: AtomicBool = AtomicBool::new(false);
        // Where no handler can be had, the signal does what it always did.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, &TOO_LARGE);
    }
}

/// Whether somebody asked to stop, or the time is up.
pub(crate) fn asked() -> bool {
    is_signalled() || END.get().is_some_and(|end| Instant::now() >= *end)
}

/// Whether somebody asked to stop.
pub(crate) fn is_signalled() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// Ends the process where somebody asked to: of what runs then there is nothing to save.
pub(crate) fn end_if_signalled() {
    if is_signalled() {
        std::process::exit(EXIT_CODE.into());
    }
}

/// From this moment on it is as if somebody had asked to stop.
pub(crate) fn stop_at(end: Instant) {
    // Of several ends the first that was set counts: a process has one.
    let _ = END.set(end);
}

/// How often somebody has asked for a checkpoint now: each training compares it with what it saw last.
pub(crate) fn saves_asked() -> usize {
    SAVES_ASKED.load(Ordering::Relaxed)
}

/// What a signal that asks to stop does. It runs within a signal handler, on whatever thread the system chose.
fn stop() {
    if ASKED.swap(true, Ordering::Relaxed) {
        low_level::exit(EXIT_CODE.into());
    }
    if console::is_quiet() {
        return;
    }
    say(match SAVES_AT_END.load(Ordering::Relaxed) {
        true => b"note: stopping after this step and saving; again to stop at once\n",
        false => b"note: stopping after this block; again to stop at once\n",
    });
}

/// Writes to standard error, without the lock that the interrupted thread may hold.
#[cfg(unix)]
fn say(text: &[u8]) {
    // SAFETY: pointer and length are those of a slice. What is not written is not missed.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}

/// Writes to standard error. On Windows the handler of Ctrl-C runs on a thread of its own.
#[cfg(not(unix))]
fn say(text: &[u8]) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(text);
}

/// Whether a signal is ignored, as it is from the start where whoever started the program wants it so.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action the call changes nothing, and it writes the present one where `action` has room.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// No signal is ignored from the start.
#[cfg(not(unix))]
fn is_ignored(_signal: i32) -> bool {
    false
}
