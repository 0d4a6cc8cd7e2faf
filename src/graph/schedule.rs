//! The learning rate as a function of the step.
//!
//! Every schedule is a short list of segments, so that kernels compute the rate of a step from the
//! step counter alone, and an interrupted run continues with the same bits.
//!
//! ```
//! use vae_wgpu::graph::{Curve, Schedule};
//!
//! // Warm-up over 10 steps, then a half cosine from 1e-3 to 0 at step 99, the last of a hundred.
//! let schedule = Schedule::decay(Curve::Cosine, [1e-3, 0.0], 10, 99)?.with_warmup(10)?;
//! assert_eq!(schedule.rate(0), 1e-4);
//! assert_eq!(schedule.rate(10), 1e-3);
//! assert_eq!(schedule.rate(99), 0.0);
//! # Ok::<(), vae_wgpu::graph::ScheduleError>(())
//! ```

use std::f64::consts::FRAC_PI_2;

/// How a rate goes from one value to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// In a straight line: PyTorch's `LinearLR`.
    Linear,
    /// Along half a cosine: PyTorch's `CosineAnnealingLR` (Loshchilov and Hutter 2017, without restarts).
    Cosine,
}

/// A stretch of a [`Schedule`], up to the next segment's first step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Its first step.
    pub first: u32,
    /// Steps from `start` to `end`; afterwards the rate stays at `end`. With none, it is `start` throughout.
    pub length: u32,
    /// The rate at the first step.
    pub start: f64,
    /// The rate `length` steps later.
    pub end: f64,
    /// The way between the two.
    pub curve: Curve,
}

impl Segment {
    fn constant(first: u32, rate: f64) -> Self {
        Self {
            first,
            length: 0,
            start: rate,
            end: rate,
            curve: Curve::Linear,
        }
    }

    fn rate(&self, step: u32) -> f64 {
        if self.length == 0 {
            return self.start;
        }
        let length = f64::from(self.length);
        let done = f64::from((step - self.first).min(self.length)) / length;
        match self.curve {
            Curve::Linear => self.start * (1.0 - done) + self.end * done,
            Curve::Cosine => {
                // ½·(1 ± cos πp) without its cancellation at the ends.
                let weight = (FRAC_PI_2 * done).sin().powi(2);
                let rest = (FRAC_PI_2 * (1.0 - done)).sin().powi(2);
                self.start * rest + self.end * weight
            }
        }
    }
}

/// Why there is no such schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A table that does not begin at step 0, or whose steps do not ascend.
    #[error("the steps of a table of rates begin at 0 and ascend")]
    Order,
    /// More segments than kernels take.
    #[error(
        "the schedule has {segments} parts with its warm-up, and there can be {}",
        Schedule::MOST
    )]
    TooLong {
        /// How many it would have.
        segments: usize,
    },
    /// A warm-up over steps in which the rate changes otherwise.
    #[error("a warm-up of {warmup} steps goes beyond step {step}, from which on the rate decays")]
    Warmup {
        /// Steps of the warm-up.
        warmup: u32,
        /// The first step of the decay.
        step: u32,
    },
    /// A decay that ends before it begins.
    #[error("a decay from step {first} on cannot end at step {last}")]
    Range {
        /// Its first step.
        first: u32,
        /// Its last step.
        last: u32,
    },
}

/// The rate of every step: at most [`Schedule::MOST`] segments, the first of which begins at step 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    segments: Vec<Segment>,
}

impl Schedule {
    /// The most segments, a warm-up included.
    pub const MOST: usize = 16;

    /// One rate for all steps.
    pub fn constant(rate: f64) -> Self {
        Self {
            segments: vec![Segment::constant(0, rate)],
        }
    }

    /// From one rate at step `first` to another at step `last`; constant before and after.
    ///
    /// # Errors
    /// [`ScheduleError::Range`] where the last step lies before the first.
    pub fn decay(
        curve: Curve,
        [start, end]: [f64; 2],
        first: u32,
        last: u32,
    ) -> Result<Self, ScheduleError> {
        let length = last
            .checked_sub(first)
            .ok_or(ScheduleError::Range { first, last })?;
        let before = (first > 0).then(|| Segment::constant(0, start));
        let segment = match length {
            // The first step is the last one too, which has the rate at the end.
            0 => Segment::constant(first, end),
            _ => Segment {
                first,
                length,
                start,
                end,
                curve,
            },
        };
        Ok(Self {
            segments: before.into_iter().chain([segment]).collect(),
        })
    }

    /// Constant rates, each from a step on.
    ///
    /// # Errors
    /// [`ScheduleError::Order`] where the steps do not ascend from 0, and [`ScheduleError::TooLong`].
    pub fn table(rates: &[(u32, f64)]) -> Result<Self, ScheduleError> {
        let ascends = rates.is_sorted_by(|(a, _), (b, _)| a < b);
        if rates.first().is_none_or(|&(step, _)| step != 0) || !ascends {
            return Err(ScheduleError::Order);
        }
        let segments = rates
            .iter()
            .map(|&(step, rate)| Segment::constant(step, rate));
        Self::of(segments.collect())
    }

    /// The same with a linear warm-up: step s < `steps`, from 0, has (s + 1) / `steps` of its rate.
    ///
    /// # Errors
    /// [`ScheduleError::Warmup`] where a decay begins earlier, and [`ScheduleError::TooLong`].
    pub fn with_warmup(self, steps: u32) -> Result<Self, ScheduleError> {
        let mut segments = Vec::new();
        for (index, segment) in self.segments.iter().enumerate() {
            let next = self.segments.get(index + 1).map_or(u32::MAX, |s| s.first);
            if segment.first >= steps {
                segments.push(*segment);
                continue;
            }
            if segment.length > 0 {
                return Err(ScheduleError::Warmup {
                    warmup: steps,
                    step: segment.first,
                });
            }
            let part = |step: u32| segment.start * (f64::from(step) + 1.0) / f64::from(steps);
            let last = next.min(steps) - 1;
            segments.push(Segment {
                length: last - segment.first,
                start: part(segment.first),
                end: part(last),
                ..*segment
            });
            if next > steps {
                segments.push(Segment::constant(steps, segment.start));
            }
        }
        Self::of(segments)
    }

    /// The same with each rate multiplied by a factor.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for segment in &mut self.segments {
            segment.start *= factor;
            segment.end *= factor;
        }
        self
    }

    fn of(segments: Vec<Segment>) -> Result<Self, ScheduleError> {
        match segments.len() {
            0..=Self::MOST => Ok(Self { segments }),
            segments => Err(ScheduleError::TooLong { segments }),
        }
    }

    /// Its segments, in order of their first steps.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether all steps have one rate.
    pub fn is_constant(&self) -> bool {
        matches!(self.segments.as_slice(), [segment] if segment.length == 0)
    }

    /// The rate of a step; steps count from 0.
    pub fn rate(&self, step: u32) -> f64 {
        let begun = self
            .segments
            .partition_point(|segment| segment.first <= step);
        // The first segment begins at step 0.
        self.segments[begun.max(1) - 1].rate(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decays_reach_their_end_at_their_last_step_and_stay_there() {
        for curve in [Curve::Linear, Curve::Cosine] {
            let schedule = Schedule::decay(curve, [0.5, 0.1], 3, 13).unwrap();
            let rates = [0, 2, 3, 8, 13, 14, u32::MAX].map(|step| schedule.rate(step));
            assert_eq!(rates[..3], [0.5; 3], "{curve:?}");
            assert!((rates[3] - 0.3).abs() < 1e-15, "{curve:?}: {}", rates[3]);
            assert_eq!(rates[4..], [0.1; 3], "{curve:?}");
        }
        let quarter = |curve| Schedule::decay(curve, [1.0, 0.0], 0, 8).unwrap().rate(2);
        assert!((quarter(Curve::Linear) - 0.75).abs() < 1e-15);
        assert!((quarter(Curve::Cosine) - 0.5 * (1.0 + 0.5f64.sqrt())).abs() < 1e-15);
        // A run of a single step ends with it.
        assert_eq!(
            Schedule::decay(Curve::Linear, [1.0, 0.5], 0, 0)
                .unwrap()
                .rate(0),
            0.5
        );
        let backwards = Schedule::decay(Curve::Linear, [1.0, 0.5], 4, 3);
        assert_eq!(backwards, Err(ScheduleError::Range { first: 4, last: 3 }));
    }

    #[test]
    fn a_table_holds_each_rate_until_the_next() {
        let schedule = Schedule::table(&[(0, 0.3), (4, 0.2), (9, 0.1)]).unwrap();
        let rates = [0, 3, 4, 8, 9, 1000].map(|step| schedule.rate(step));
        assert_eq!(rates, [0.3, 0.3, 0.2, 0.2, 0.1, 0.1]);
        for bad in [&[][..], &[(1, 0.1)], &[(0, 0.1), (3, 0.1), (3, 0.2)]] {
            assert_eq!(Schedule::table(bad), Err(ScheduleError::Order));
        }
        let long = |count| Schedule::table(&(0..count).map(|i| (i, 0.1)).collect::<Vec<_>>());
        assert!(long(16).is_ok());
        assert_eq!(long(17), Err(ScheduleError::TooLong { segments: 17 }));
    }

    #[test]
    fn a_warmup_multiplies_what_it_covers() {
        let table = Schedule::table(&[(0, 0.3), (4, 0.2), (9, 0.1), (20, 0.4)]).unwrap();
        // Within the first rate, at the edge of two, across several, across all.
        for warmup in [0, 1, 2, 4, 5, 15, 30] {
            let warm = table.clone().with_warmup(warmup).unwrap();
            for step in 0..40 {
                let part = (f64::from(step) + 1.0) / f64::from(warmup.max(1));
                let expected = table.rate(step) * part.min(1.0);
                let error = (warm.rate(step) / expected - 1.0).abs();
                assert!(error < 1e-14, "warm-up {warmup}, step {step}: {error:e}");
            }
        }
        let decay = Schedule::decay(Curve::Cosine, [0.3, 0.0], 4, 9).unwrap();
        let expected = ScheduleError::Warmup { warmup: 5, step: 4 };
        assert_eq!(decay.clone().with_warmup(5), Err(expected));
        assert_eq!(decay.with_warmup(4).unwrap().segments().len(), 2);
        // A table of sixteen rates, one of them cut in two by the warm-up.
        let long: Vec<_> = (0..16).map(|i| (10 * i, 0.1)).collect();
        let warm = Schedule::table(&long).unwrap().with_warmup(5);
        assert_eq!(warm, Err(ScheduleError::TooLong { segments: 17 }));
    }

    #[test]
    fn a_scaled_schedule_has_so_many_times_each_rate() {
        let decay = Schedule::decay(Curve::Cosine, [0.3, 0.1], 4, 9).unwrap();
        let schedule = decay.with_warmup(4).unwrap();
        let scaled = schedule.clone().scaled(0.25);
        for step in 0..12 {
            assert_eq!(scaled.rate(step), 0.25 * schedule.rate(step), "step {step}");
        }
    }

    #[test]
    fn a_constant_rate_is_itself() {
        let schedule = Schedule::constant(1e-3);
        assert!(schedule.is_constant() && schedule.rate(12_345) == 1e-3);
        assert!(!schedule.with_warmup(2).unwrap().is_constant());
    }
}
