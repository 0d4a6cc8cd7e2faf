//! The value of an expression with a bound on what WGSL's accuracies let a GPU make of it.

use super::function::Shape;
use super::{Binary, Expr, Function, Sequence, Step};

/// A value and how far a GPU's f32 may be from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounded {
    /// The exact value at the operands.
    pub value: f64,
    /// A bound on the difference; infinite where WGSL promises nothing, as past an overflow.
    pub error: f64,
}

/// 2⁻²⁴, the relative error of a correct rounding.
const HALF: f64 = 1.0 / 16_777_216.0;

/// The smallest normal f32: what is smaller may count as zero.
const TINY: f64 = f32::MIN_POSITIVE as f64;

/// The largest f32: what is larger may be anything.
const HUGE: f64 = f32::MAX as f64;

/// 2¹²⁶: by divisors beyond it, WGSL's division has no accuracy.
const LARGE_DIVISOR: f64 = 1.0 / TINY;

/// What a step's value may be on a GPU, about its exact value.
#[derive(Clone, Copy)]
struct Range {
    value: f64,
    low: f64,
    high: f64,
}

impl Expr {
    /// Its exact value at these operands, and a bound on the error of WGSL's result in f32.
    ///
    /// From WGSL's accuracies: sums, differences and products are rounded correctly (or fused), a
    /// quotient is within 2.5 units in the last place, subnormal numbers may be zero, and each function
    /// has its own bound. Errors of arguments are followed by the ranges of functions over them.
    /// "Exact" means computed in f64, whose own error is far below the bound.
    ///
    /// # Panics
    /// If there are fewer operands than it reads.
    pub fn bounded(&self, operands: &[f32]) -> Bounded {
        let sequence = Sequence::of(&[self]);
        let mut ranges: Vec<Range> = Vec::with_capacity(sequence.steps().len());
        for &step in sequence.steps() {
            ranges.push(range(step, operands, &ranges));
        }
        let Range { value, low, high } = ranges[sequence.results()[0]];
        let error = (high - value).max(value - low);
        Bounded {
            value,
            // A difference of f64, and so rounded itself.
            error: if error.is_nan() {
                f64::INFINITY
            } else {
                error * (1.0 + 4.0 * f64::EPSILON)
            },
        }
    }
}

fn range(step: Step, operands: &[f32], ranges: &[Range]) -> Range {
    match step {
        Step::Operand(index) => Range::exact(operands[index].into()),
        Step::Constant(constant) => {
            let [exact, rounded] = [constant.value(), constant.value() as f32 as f64];
            Range::new(exact, exact.min(rounded), exact.max(rounded))
        }
        Step::Call(function, x) => call(function, ranges[x]),
        Step::Binary(binary, a, b) => ranges[a].with(binary, ranges[b]),
        Step::Select {
            less: (a, b),
            yes,
            no,
        } => {
            let [a, b, yes, no] = [a, b, yes, no].map(|i| ranges[i]);
            let [a, b] = [a.flushed(), b.flushed()];
            let value = if a.value < b.value {
                yes.value
            } else {
                no.value
            };
            if a.high < b.low {
                Range { value, ..yes }
            } else if a.low >= b.high {
                Range { value, ..no }
            } else {
                Range::new(value, yes.low.min(no.low), yes.high.max(no.high))
            }
        }
    }
}

fn call(function: Function, x: Range) -> Range {
    let x = if matches!(function, Function::Neg) {
        x
    } else {
        x.flushed()
    };
    let f = |x: f64| function.value(x);
    let value = f(x.value);
    let mut ends = vec![value, f(x.low), f(x.high)];
    match function.shape() {
        Shape::Monotone => {}
        Shape::Turning(at) => {
            if x.low < at && at < x.high {
                ends.push(f(at));
            }
        }
        Shape::Wave => {
            let [down, up] = [x.value - x.low, x.high - x.value];
            let reach = down.max(up);
            ends = vec![value, (value - reach).max(-1.0), (value + reach).min(1.0)];
        }
    }
    // Errors grow with |x| or |y|, so that they are largest at an end.
    let errors = [x.value, x.low, x.high].map(|x| function.error(x));
    let error = match function.shape() {
        // Between its ends, a wave may be as large as anywhere.
        Shape::Wave if x.low < x.high => largest(&errors).max(8.0 * HALF),
        _ => largest(&errors),
    };
    Range::hull(value, &ends).rounded(error)
}

/// Infinite if one is not a number.
fn largest(errors: &[f64]) -> f64 {
    if errors.iter().any(|error| error.is_nan()) {
        f64::INFINITY
    } else {
        errors.iter().copied().fold(0.0, f64::max)
    }
}

impl Range {
    fn exact(value: f64) -> Self {
        Self::new(value, value, value)
    }

    fn new(value: f64, low: f64, high: f64) -> Self {
        Self { value, low, high }
    }

    /// Everything between these; anything at all if one is not a number.
    fn hull(value: f64, ends: &[f64]) -> Self {
        if ends.iter().any(|end| end.is_nan()) {
            return Self::new(value, f64::NEG_INFINITY, f64::INFINITY);
        }
        let low = ends.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self::new(value, low, high)
    }

    /// With an error of the operation itself. What may have overflowed may be anything beyond; what
    /// may be subnormal may be zero.
    fn rounded(self, error: f64) -> Self {
        // The f64 value is not exact either.
        let error = error + self.value.abs() * f64::EPSILON;
        let Self {
            value,
            mut low,
            mut high,
        } = self;
        low -= error;
        high += error;
        if low.is_nan() || high.is_nan() {
            (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        }
        if high > HUGE {
            high = f64::INFINITY;
            // Or the largest finite number.
            low = low.min(HUGE);
        }
        if low < -HUGE {
            low = f64::NEG_INFINITY;
            high = high.max(-HUGE);
        }
        Self::new(value, low, high).flushed()
    }

    /// Where subnormal numbers may be zero.
    fn flushed(self) -> Self {
        let Self {
            value,
            mut low,
            mut high,
        } = self;
        if low < TINY && high > 0.0 {
            low = low.min(0.0);
        }
        if high > -TINY && low < 0.0 {
            high = high.max(0.0);
        }
        Self::new(value, low, high)
    }

    fn with(self, binary: Binary, other: Self) -> Self {
        let [a, mut b] = match binary {
            Binary::Min | Binary::Max => [self, other],
            _ => [self.flushed(), other.flushed()],
        };
        let value = binary.value(a.value, b.value);
        if binary == Binary::Div {
            if b.low <= 0.0 && b.high >= 0.0 {
                return Self::new(value, f64::NEG_INFINITY, f64::INFINITY);
            }
            if b.high > LARGE_DIVISOR {
                b.high = f64::INFINITY;
            }
            if b.low < -LARGE_DIVISOR {
                b.low = f64::NEG_INFINITY;
            }
        }
        let ends = [
            (a.low, b.low),
            (a.low, b.high),
            (a.high, b.low),
            (a.high, b.high),
        ]
        .map(|(a, b)| binary.value(a, b));
        let hull = Self::hull(value, &[ends[0], ends[1], ends[2], ends[3], value]);
        let largest = hull.low.abs().max(hull.high.abs());
        match binary {
            Binary::Min | Binary::Max => hull,
            Binary::Add | Binary::Sub | Binary::Mul => hull.rounded(HALF * largest),
            Binary::Div => hull.rounded(5.0 * HALF * largest),
        }
    }
}
