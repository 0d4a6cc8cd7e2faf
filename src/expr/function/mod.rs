//! The closed table of functions of one argument. A row is an [`Entry`] in the file of its family, and
//! its WGSL where that is not built in is `shaders/expr/NAME.wgsl`.

mod arithmetic;
mod erf;
mod exponential;
mod gamma;
mod hyperbolic;
mod trigonometric;
#[cfg(test)]
mod truth;

use super::Expr;

/// 2⁻²⁴: the relative error of one correct rounding in f32, half a unit in the last place.
const HALF: f64 = 1.0 / 16_777_216.0;

/// One unit in the last place, of a value just above a power of two.
const ULP: f64 = 2.0 * HALF;

/// What the table holds of a function.
pub(super) struct Entry {
    /// Its name, also that of its WGSL.
    name: &'static str,
    /// Its value.
    value: fn(f64) -> f64,
    /// Its derivative at x, where y is the function of x as an expression.
    slope: Option<fn(&Expr, &Expr) -> Expr>,
    /// How much WGSL's value at x may differ from the true one, y, both within f32's normal range.
    error: fn(f64, f64) -> f64,
    /// Where its extrema are.
    shape: Shape,
    /// How WGSL says it.
    spelling: Spelling,
}

/// Where a function has its extrema, for its range over an interval.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// There are none: its bounds over an interval are at the ends.
    Monotone,
    /// There is one, here.
    Turning(f64),
    /// Values are in [−1, 1], slopes too.
    Wave,
}

/// How a function is said in WGSL.
#[derive(Clone, Copy)]
pub(super) enum Spelling {
    /// The unary minus.
    Sign,
    /// A function of WGSL.
    Builtin(&'static str),
    /// A function `expr_NAME` of ours, and the ones that it calls.
    Helper {
        source: &'static str,
        calls: &'static [Function],
    },
}

macro_rules! helper {
    ($name:literal $(, $call:ident)*) => {
        $crate::expr::function::Spelling::Helper {
            source: include_str!(concat!("../../../shaders/expr/", $name, ".wgsl")),
            calls: &[$($crate::expr::function::Function::$call),*],
        }
    };
}
use helper;

macro_rules! table {
    ($($(#[doc = $doc:literal])* $function:ident = $entry:path),* $(,)?) => {
        /// A function of one argument.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Function {
            $($(#[doc = $doc])* $function,)*
        }

        impl Function {
            /// The whole table.
            pub const ALL: &[Function] = &[$(Function::$function),*];

            /// What it is of x, as its documentation says it.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Function::$function => concat!($($doc),*).trim_ascii(),)*
                }
            }

            fn entry(self) -> &'static Entry {
                match self {
                    $(Function::$function => &$entry,)*
                }
            }
        }
    };
}

table! {
    /// −x.
    Neg = arithmetic::NEG,
    /// |x|.
    Abs = arithmetic::ABS,
    /// x².
    Square = arithmetic::SQUARE,
    /// √x, for x ≥ 0.
    Sqrt = arithmetic::SQRT,
    /// max(x, 0).
    Relu = arithmetic::RELU,
    /// min(x, 80), below which eˣ is finite; its derivative is 1 throughout.
    Capped = arithmetic::CAPPED,
    /// eˣ.
    Exp = exponential::EXP,
    /// eˣ − 1.
    Expm1 = exponential::EXPM1,
    /// eˣ − 1 − x.
    Expm1Minus = exponential::EXPM1_MINUS,
    /// ln x, for x > 0.
    Ln = exponential::LN,
    /// ln(1 + x), for x > −1.
    Ln1p = exponential::LN1P,
    /// ln(1 + eˣ).
    Softplus = exponential::SOFTPLUS,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid = exponential::SIGMOID,
    /// x where it is positive, elsewhere eˣ − 1.
    Elu = exponential::ELU,
    /// tanh x.
    Tanh = hyperbolic::TANH,
    /// ln(sinh x / x).
    LnSinhc = hyperbolic::LN_SINHC,
    /// coth x − 1/x, the Langevin function.
    Langevin = hyperbolic::LANGEVIN,
    /// 1/x² − 1/sinh² x, the Langevin function's derivative. Its own is not in the table.
    LangevinSlope = hyperbolic::LANGEVIN_SLOPE,
    /// sin x.
    Sin = trigonometric::SIN,
    /// cos x.
    Cos = trigonometric::COS,
    /// The error function.
    Erf = erf::ERF,
    /// ln Γ(x), for x > 0.
    Lgamma = gamma::LGAMMA,
    /// ψ(x) = d/dx ln Γ(x), for x > 0.
    Digamma = gamma::DIGAMMA,
    /// ψ′(x), for x > 0. Its own derivative is not in the table.
    Trigamma = gamma::TRIGAMMA,
}

impl Function {
    /// Its name.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// Its value in f64. Where it is not defined, it is not a number, or infinite at a pole.
    pub fn value(self, x: f64) -> f64 {
        (self.entry().value)(x)
    }

    /// Its WGSL, if that is not built in; not that of the functions that it calls.
    pub fn source(self) -> Option<&'static str> {
        match self.entry().spelling {
            Spelling::Helper { source, .. } => Some(source),
            Spelling::Sign | Spelling::Builtin(_) => None,
        }
    }

    /// Whether [`Expr::derivative`] knows its derivative.
    pub fn has_slope(self) -> bool {
        self.entry().slope.is_some()
    }

    /// Its derivative at x, where y is the function of x.
    pub(super) fn slope(self, x: &Expr, y: &Expr) -> Expr {
        match self.entry().slope {
            Some(slope) => slope(x, y),
            None => unreachable!(
                "the derivative of {} is not in the table: it is itself a second derivative",
                self.name()
            ),
        }
    }

    /// How much WGSL's value at x may differ from the true one.
    pub(super) fn error(self, x: f64) -> f64 {
        (self.entry().error)(x, self.value(x).abs())
    }

    pub(super) fn shape(self) -> Shape {
        self.entry().shape
    }

    pub(super) fn spelling(self) -> Spelling {
        self.entry().spelling
    }
}

/// c₀ + t·(c₁ + t·(…)).
fn polynomial(t: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| c + t * sum)
}
