//! What a step costs the GPU: dispatches, barriers, and the time of each kernel.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;

use super::Plan;
use super::staging::Staging;
use crate::executor::{KernelTime, Profile};
use crate::gpu::{Access, Gpu, GpuError, Launch, Timestamps};

impl Plan {
    /// Runs `steps` steps with a timestamp after each launch, as many steps a submission as there
    /// is room for stamps, and for images where these are staged. To stage them is no launch of a step,
    /// and not counted.
    pub(super) fn profile(
        &self,
        gpu: &Gpu,
        steps: usize,
        batch: usize,
        staging: Option<&Staging>,
    ) -> Result<Profile, GpuError> {
        let launches = self.dispatches.len();
        let most = staging.map_or(steps, |staging| staging.steps(batch));
        let at_once = steps
            .min(most)
            .min((Timestamps::MOST - 1) / launches.max(1));
        let stage = |pass: &mut wgpu::ComputePass<'_>, steps: usize| {
            if let Some(staging) = staging {
                staging.record(pass, steps * batch);
            }
        };
        let mut nanos = vec![0.0; launches];
        let mut timestamps = match at_once {
            0 => None,
            _ => Timestamps::new(gpu, at_once * launches + 1)?,
        };
        let mut left = steps;
        while left > 0 {
            let now = left.min(at_once.max(1));
            let took = self.timed(gpu, now, &stage, timestamps.as_mut())?;
            for (index, took) in took.into_iter().enumerate() {
                nanos[index % launches] += took;
            }
            left -= now;
        }
        Ok(Profile {
            dispatches: launches,
            barriers: self.barriers,
            kernels: timestamps.map(|_| by_kernel(&self.kernels, &nanos, steps)),
        })
    }

    /// Runs steps in one submission; returns the nanoseconds of each launch, if they are measured.
    fn timed(
        &self,
        gpu: &Gpu,
        steps: usize,
        stage: &dyn Fn(&mut wgpu::ComputePass<'_>, usize),
        mut timestamps: Option<&mut Timestamps>,
    ) -> Result<Vec<f64>, GpuError> {
        let mut encoder = gpu.encoder();
        let mut stamps = 0;
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            let mut stamp = |pass: &mut wgpu::ComputePass<'_>| {
                if let Some(timestamps) = &timestamps {
                    timestamps.write(pass, stamps);
                    stamps += 1;
                }
            };
            stage(&mut pass, steps);
            stamp(&mut pass);
            for dispatch in self
                .dispatches
                .iter()
                .cycle()
                .take(steps * self.dispatches.len())
            {
                dispatch.record(&mut pass);
                stamp(&mut pass);
            }
            self.record_losses(&mut pass, steps);
        }
        if let Some(timestamps) = &mut timestamps {
            timestamps.resolve(&mut encoder, stamps);
        }
        let submission = gpu.submit(encoder);
        match timestamps {
            Some(timestamps) => timestamps.read(gpu, &submission),
            None => Ok(Vec::new()),
        }
    }
}

/// Sums launches of one kernel, longest first. Kernels that tie keep the order of their launches.
fn by_kernel(kernels: &[Cow<'static, str>], nanos: &[f64], steps: usize) -> Vec<KernelTime> {
    let mut times: Vec<KernelTime> = Vec::new();
    for (name, nanos) in kernels.iter().zip(nanos) {
        let micros = nanos / 1e3 / steps as f64;
        match times.iter_mut().find(|time| time.name == *name) {
            Some(time) => {
                time.launches += 1;
                time.micros += micros;
            }
            None => times.push(KernelTime {
                name: name.clone(),
                launches: 1,
                micros,
            }),
        }
    }
    times.sort_by(|a, b| b.micros.total_cmp(&a.micros));
    times
}

/// Before how many of a step's launches wgpu places a barrier, where the step begins its pass. In a
/// later step of the same pass all of them wait, since each writes where the step before read.
pub(super) fn barriers(launches: &[Launch]) -> usize {
    let uses = |launch: &Launch| {
        let bindings = launch.kernel.bindings.iter();
        let uses = launch.buffers.iter().zip(bindings);
        uses.map(|(slice, binding)| (slice.buffer().clone(), binding.access))
            .collect::<Vec<_>>()
    };
    let uses: Vec<_> = launches.iter().map(uses).collect();
    count_barriers(&uses)
}

/// wgpu-core's rule (`BufferTracker` and the backends' `get_ordered_buffer_usages`): it tracks whole
/// buffers, and a dispatch waits where a bound one was used before in the pass, unless both uses
/// only read.
fn count_barriers<B: Eq + Hash>(step: &[Vec<(B, Access)>]) -> usize {
    let mut last: HashMap<&B, Access> = HashMap::new();
    let mut waiting = 0;
    for uses in step {
        let waits = uses.iter().any(|(buffer, access)| {
            let before = last.get(buffer);
            before.is_some_and(|before| [*before, *access] != [Access::Read; 2])
        });
        waiting += usize::from(waits);
        last.extend(uses.iter().map(|(buffer, access)| (buffer, *access)));
    }
    waiting
}

#[cfg(test)]
mod tests {
    use super::*;
    use Access::{Read, ReadWrite};

    #[test]
    fn a_dispatch_waits_where_a_buffer_was_or_is_written() {
        let read_after_write = [
            vec![("x", Read), ("a", ReadWrite)],
            vec![("a", Read), ("b", ReadWrite)],
            vec![("b", Read), ("c", ReadWrite)],
        ];
        assert_eq!(count_barriers(&read_after_write), 2);
        let write_after_read = [vec![("x", Read)], vec![("x", ReadWrite)]];
        assert_eq!(count_barriers(&write_after_read), 1);
        let write_after_write = [vec![("x", ReadWrite)], vec![("x", ReadWrite)]];
        assert_eq!(count_barriers(&write_after_write), 1);
    }

    #[test]
    fn readers_of_one_buffer_do_not_wait_for_one_another() {
        let fan = [
            vec![("x", ReadWrite)],
            vec![("x", Read), ("a", ReadWrite)],
            vec![("x", Read), ("b", ReadWrite)],
            vec![("y", Read), ("c", ReadWrite)],
        ];
        // The second reader finds the buffer as the first one left it.
        assert_eq!(count_barriers(&fan), 1);
    }

    #[test]
    fn a_dispatch_does_not_wait_for_itself_and_counts_once() {
        let parts = [
            vec![("g", ReadWrite), ("g", ReadWrite)],
            vec![("g", Read), ("g", Read), ("p", ReadWrite)],
            vec![("g", ReadWrite), ("p", ReadWrite)],
        ];
        assert_eq!(count_barriers(&parts), 2);
    }

    #[test]
    fn kernels_are_summed_and_sorted() {
        let times = by_kernel(&["a", "b", "a"].map(Cow::Borrowed), &[2e3, 9e3, 4e3], 2);
        let expected = [("b", 1, 4.5), ("a", 2, 3.0)].map(|(name, launches, micros)| KernelTime {
            name: Cow::Borrowed(name),
            launches,
            micros,
        });
        assert_eq!(times, expected);
    }
}
