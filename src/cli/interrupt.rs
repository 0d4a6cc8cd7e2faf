//! Ctrl-C: the first asks to stop after the current step, the second stops at once.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use super::console;

/// The exit code of a program that SIGINT ended.
pub(crate) const EXIT_CODE: u8 = 130;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Starts to listen.
pub(crate) fn listen() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(EXIT_CODE.into());
        }
        console::note("stopping after this step and saving; again to stop at once");
    })
    .context("cannot listen for Ctrl-C")
}

/// Whether somebody asked to stop.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
