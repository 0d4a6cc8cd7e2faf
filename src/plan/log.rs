//! The log of losses on its way to the host: copies leave with the steps and are read when they
//! have arrived, so that following a run does not slow it.

use std::collections::VecDeque;

use crate::gpu::{Gpu, GpuError, Readback, Slice};

/// One copy for each submission that can be under way, and one that is being read.
const COPIES: usize = 3;

/// A copy under way.
#[derive(Debug)]
struct Copy {
    readback: Readback,
    /// With which it left.
    submission: wgpu::SubmissionIndex,
}

/// The lines that the steps since [`Log::clear`] write, and how far the host has them.
#[derive(Debug)]
pub(super) struct Log {
    /// What the kernels write.
    losses: Slice,
    /// Values of a line.
    line: usize,
    /// Values that the submitted steps write.
    written: usize,
    /// How many of them have left for the host.
    copied: usize,
    /// Those that have arrived.
    arrived: Vec<f32>,
    /// How many of these [`Log::recent`] has returned.
    returned: usize,
    free: Vec<Readback>,
    /// Oldest first.
    under_way: VecDeque<Copy>,
}

impl Log {
    /// A log of lines of `line` values in `losses`, empty.
    pub(super) fn new(gpu: &Gpu, losses: Slice, line: usize) -> Result<Self, GpuError> {
        let free = (0..COPIES).map(|_| Readback::new(gpu, losses.len()));
        Ok(Self {
            free: free.collect::<Result<_, _>>()?,
            losses,
            line,
            written: 0,
            copied: 0,
            arrived: Vec::new(),
            returned: 0,
            under_way: VecDeque::with_capacity(COPIES),
        })
    }

    /// Empties it.
    pub(super) fn clear(&mut self, gpu: &Gpu) -> Result<(), GpuError> {
        while !self.under_way.is_empty() {
            self.wait_for_oldest(gpu)?;
        }
        self.arrived.clear();
        (self.written, self.copied, self.returned) = (0, 0, 0);
        Ok(())
    }

    /// Steps were recorded.
    pub(super) fn wrote(&mut self, steps: usize) {
        self.written += steps * self.line;
    }

    /// Records a copy of what has not left yet, behind the steps that write it. Where all copies are
    /// under way there is none, and a later one takes the lines along.
    ///
    /// Once `encoder` is submitted, the copy goes to [`Log::left`].
    #[must_use]
    pub(super) fn record(&mut self, encoder: &mut wgpu::CommandEncoder) -> Option<Readback> {
        let new = self.losses.part(self.copied, self.written - self.copied);
        if new.is_empty() {
            return None;
        }
        let mut readback = self.free.pop()?;
        readback.record(encoder, &[&new]);
        self.copied = self.written;
        Some(readback)
    }

    /// A copy was submitted.
    pub(super) fn left(&mut self, mut readback: Readback, submission: wgpu::SubmissionIndex) {
        readback.map();
        self.under_way.push_back(Copy {
            readback,
            submission,
        });
    }

    /// What has arrived, if that is more than at the last call; never waits.
    pub(super) fn recent(&mut self, gpu: &Gpu) -> Result<Option<Vec<f32>>, GpuError> {
        gpu.poll()?;
        while let Some(oldest) = self.under_way.front_mut() {
            let Some(words) = oldest.readback.take(gpu)? else {
                break;
            };
            self.arrive(words);
        }
        if self.arrived.len() == self.returned {
            return Ok(None);
        }
        self.returned = self.arrived.len();
        Ok(Some(self.arrived.clone()))
    }

    /// Waits for all of it.
    pub(super) fn all(&mut self, gpu: &Gpu) -> Result<Vec<f32>, GpuError> {
        if self.free.is_empty() {
            self.wait_for_oldest(gpu)?;
        }
        let mut encoder = gpu.encoder();
        if let Some(readback) = self.record(&mut encoder) {
            let submission = gpu.submit(encoder);
            self.left(readback, submission);
        }
        while !self.under_way.is_empty() {
            self.wait_for_oldest(gpu)?;
        }
        Ok(self.arrived.clone())
    }

    fn wait_for_oldest(&mut self, gpu: &Gpu) -> Result<(), GpuError> {
        if let Some(Copy {
            readback,
            submission,
        }) = self.under_way.front_mut()
        {
            let words = readback.wait(gpu, submission)?;
            self.arrive(words);
        }
        Ok(())
    }

    /// The oldest copy's values are here.
    fn arrive(&mut self, mut words: Vec<f32>) {
        self.arrived.append(&mut words);
        self.free
            .extend(self.under_way.pop_front().map(|copy| copy.readback));
    }
}
