//! How many steps share a submission.

use std::time::{Duration, Instant};

/// The time of a submission: long enough that submitting costs nothing, short enough for Ctrl-C, a
/// progress bar and any driver's watchdog.
pub(crate) const SUBMISSION: Duration = Duration::from_millis(100);
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
        let wanted = (self.steps as f64 * SUBMISSION.div_duration_f64(took)) as usize;
        let near = wanted.clamp(self.steps / 2, 2 * self.steps);
        self.steps = near.clamp(1, MOST);
    }
}
