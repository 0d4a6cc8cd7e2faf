//! How far a result may lie from what is expected of it.

/// Rounding of one f32 operation: WGSL lets it go to either neighbour of the exact result.
pub(crate) const EPS: f64 = f32::EPSILON as f64;

/// Results below this may be flushed to zero, as WGSL lets them.
pub(crate) const TINY: f64 = f32::MIN_POSITIVE as f64;

/// `|actual − expected| ≤ absolute + relative·magnitude`, element by element.
///
/// The magnitude is that of what was computed with: |expected|, or for a sum the sum of its terms'
/// absolute values, since cancellation makes the result small but not its error. Every use says
/// where its numbers come from. The accuracy of WGSL's built-in functions is that of section 15.7.4
/// of its specification: `exp` 3 + 2·|x| ULP; `log` 3 ULP, and 2⁻²¹ absolute in [0.5, 2]; `sin` and
/// `cos` 2⁻¹¹ absolute in [−π, π]; `tanh` 10⁻⁵ absolute; `a / b` 2.5 ULP; `sqrt` some 4.5 ULP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance {
    relative: f64,
    absolute: f64,
}

impl Tolerance {
    /// The same number, where [`TINY`] and zeros of either sign are the same.
    pub(crate) const EXACT: Self = Self {
        relative: 0.0,
        absolute: 0.0,
    };

    /// A fraction of the magnitude.
    pub(crate) const fn relative(relative: f64) -> Self {
        Self {
            relative,
            absolute: 0.0,
        }
    }

    /// And, whatever the magnitude, this much.
    pub(crate) const fn plus(self, absolute: f64) -> Self {
        Self {
            absolute: self.absolute + absolute,
            ..self
        }
    }

    /// Compares with each expected value as the magnitude.
    pub(crate) fn check(self, what: &str, actual: &[f32], expected: &[f64]) {
        self.check_against(what, actual, expected, expected);
    }

    /// Compares; `magnitude` has one element for each of `expected`, of any sign.
    pub(crate) fn check_against(
        self,
        what: &str,
        actual: &[f32],
        expected: &[f64],
        magnitude: &[f64],
    ) {
        assert_eq!(actual.len(), expected.len(), "{what}: lengths");
        assert_eq!(magnitude.len(), expected.len(), "{what}: lengths");
        let mut failures = Vec::new();
        for (index, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
            let allowed = self.allowed(magnitude[index]);
            let error = (f64::from(actual) - expected).abs();
            // An infinity is right where f32 has no number for what is expected; NaN never is.
            let infinite = f64::from(actual) == f64::from(expected as f32);
            if !(error <= allowed || infinite) {
                failures.push(Failure {
                    index,
                    actual,
                    expected,
                    error,
                    allowed,
                });
            }
        }
        let Some(first) = failures.first() else {
            return;
        };
        let excess = |f: &Failure| {
            if f.error.is_nan() {
                f64::INFINITY
            } else {
                f.error / f.allowed
            }
        };
        let worst = failures
            .iter()
            .max_by(|a, b| excess(a).total_cmp(&excess(b)));
        panic!(
            "{what}: {} of {} elements are wrong\n  first {first}\n  worst {}",
            failures.len(),
            actual.len(),
            worst.unwrap_or(first),
        );
    }

    fn allowed(self, magnitude: f64) -> f64 {
        self.absolute + self.relative * magnitude.abs() + TINY
    }
}

struct Failure {
    index: usize,
    actual: f32,
    expected: f64,
    error: f64,
    allowed: f64,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            index,
            actual,
            expected,
            error,
            allowed,
        } = self;
        write!(
            f,
            "[{index}] = {actual:e}, not {expected:e}: off by {error:.3e}, {allowed:.3e} allowed"
        )
    }
}
