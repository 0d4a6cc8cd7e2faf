//! How many steps share a submission.

use std::time::{Duration, Instant};

/// Long enough that submitting costs nothing, short enough for Ctrl-C, a progress bar and any
/// driver's watchdog.
const TARGET: Duration = Duration::from_millis(60);
const MOST: usize = 1024;

/// Chooses the number of steps of the next submission. It has no influence on any result.
#[derive(Debug)]
pub(super) struct Pacing {
    steps: usize,
    fixed: bool,
    started: Instant,
}

impl Pacing {
    pub(super) fn new(fixed: Option<usize>) -> Self {
        Self {
            steps: fixed.unwrap_or(1).max(1),
            fixed: fixed.is_some(),
            started: Instant::now(),
        }
    }

    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// One submission's worth of time has gone by since the last call.
    pub(super) fn submitted(&mut self) {
        let took = self.started.elapsed();
        self.started = Instant::now();
        if self.fixed {
            return;
        }
        if took < TARGET / 2 {
            self.steps = (2 * self.steps).min(MOST);
        } else if took > TARGET * 2 {
            self.steps = (self.steps / 2).max(1);
        }
    }
}
