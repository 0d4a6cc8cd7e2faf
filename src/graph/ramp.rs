//! A factor that follows the step.

/// A factor that rises in a straight line from 0 at the first step to 1 after `steps`, and stays; with a
/// `period` it begins anew every so many steps. Warm-up is one without a period (Sønderby et al. 2016),
/// the cyclical schedule one whose period is twice its rise (Fu et al. 2019).
///
/// ```
/// use vae_wgpu::graph::Ramp;
///
/// let warmup = Ramp { steps: 4, period: 0 };
/// assert_eq!([0, 1, 4, 100].map(|step| warmup.at(step)), [0.0, 0.25, 1.0, 1.0]);
/// let cycles = Ramp { steps: 2, period: 4 };
/// assert_eq!([0, 1, 2, 3, 4, 5].map(|step| cycles.at(step)), [0.0, 0.5, 1.0, 1.0, 0.0, 0.5]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ramp {
    /// Steps of the rise; 0: the factor is 1 throughout.
    pub steps: u32,
    /// Steps from one beginning to the next; 0: there is one.
    pub period: u32,
}

impl Ramp {
    /// No ramp: 1 at every step.
    pub const NONE: Self = Self {
        steps: 0,
        period: 0,
    };

    /// The factor at a step, from 0. The shaders compute the same in `f32`.
    pub fn at(self, step: u32) -> f64 {
        if self.steps == 0 {
            return 1.0;
        }
        let since = match self.period {
            0 => step,
            period => step % period,
        };
        f64::from(since.min(self.steps)) / f64::from(self.steps)
    }
}
