//! When the GPU reaches a place in a pass, by its own clock. Only a profile asks for it.

use super::{Gpu, GpuError, Readback, Slice};

/// What a device needs for [`Timestamps`]. Enabling it costs nothing until a query is recorded.
pub(super) const FEATURES: wgpu::Features =
    wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES);

/// Stamps that a pass writes between its dispatches: write, resolve, submit, read.
#[derive(Debug)]
pub struct Timestamps {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readback: Readback,
    /// Nanoseconds a tick.
    period: f64,
}

impl Timestamps {
    /// The most stamps that one set holds.
    pub const MOST: usize = wgpu::QUERY_SET_MAX_QUERIES as usize;

    /// Room for `count` stamps, 1 to [`Timestamps::MOST`]; `None` where the adapter offers none
    /// within passes.
    ///
    /// # Errors
    /// Where memory has run out.
    pub fn new(gpu: &Gpu, count: usize) -> Result<Option<Self>, GpuError> {
        if !gpu.device.features().contains(FEATURES) {
            return Ok(None);
        }
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        Ok(Some(Self {
            set: gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: count as u32,
            }),
            resolved: gpu.buffer("the timestamps", 8 * count as u64, usage)?,
            readback: Readback::new(gpu, 2 * count)?,
            period: gpu.queue.get_timestamp_period().into(),
        }))
    }

    /// Records stamp `index`: the time at which everything recorded before it is done.
    pub fn write(&self, pass: &mut wgpu::ComputePass<'_>, index: usize) {
        pass.write_timestamp(&self.set, index as u32);
    }

    /// Records the copy of the first `count` stamps to where [`Timestamps::read`] finds them.
    pub fn resolve(&mut self, encoder: &mut wgpu::CommandEncoder, count: usize) {
        encoder.resolve_query_set(&self.set, 0..count as u32, &self.resolved, 0);
        let stamps = Slice::whole(self.resolved.clone()).part(0, 2 * count);
        self.readback.record(encoder, &[&stamps]);
    }

    /// Waits for the stamps that `submission` resolves; returns the nanoseconds from each to the next.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn read(
        &mut self,
        gpu: &Gpu,
        submission: &wgpu::SubmissionIndex,
    ) -> Result<Vec<f64>, GpuError> {
        self.readback.map();
        let ticks: Vec<u64> = self.readback.wait(gpu, submission)?;
        let between = ticks.windows(2).map(|pair| {
            // A clock that was set back, as a virtual machine's can be, gives nothing.
            pair[1].saturating_sub(pair[0]) as f64 * self.period
        });
        Ok(between.collect())
    }
}
