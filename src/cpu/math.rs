//! The functions of expressions in f32, as code that compilers turn into vector instructions: no branch, no
//! table, no call. Both sides of a case are computed and one is selected.
//!
//! The formulas are those of `shaders/expr/`, whose comments derive them, and so are their errors; exp and
//! ln, which shaders have built in, are here. Each is within [`Expr::bounded`](crate::expr::Expr::bounded).

#![expect(
    clippy::excessive_precision,
    reason = "coefficients have the digits that they have in the shaders"
)]

use crate::expr::Function;

/// f(x), where `function` is known when the code is compiled. Sines and cosines go through f64.
#[inline(always)]
pub(super) fn call(function: Function, x: f32) -> f32 {
    match function {
        Function::Neg => -x,
        Function::Abs => x.abs(),
        Function::Square => x * x,
        Function::Sqrt => x.sqrt(),
        Function::Relu => max(x, 0.0),
        Function::Capped => min(x, 80.0),
        Function::Exp => exp(x),
        Function::Expm1 => expm1(x),
        Function::Expm1Minus => expm1_minus(x),
        Function::Ln => ln(x),
        Function::Ln1p => ln1p(x),
        Function::Softplus => softplus(x),
        Function::Sigmoid => sigmoid(x),
        Function::Elu => select(x > 0.0, x, expm1(x)),
        Function::Tanh => tanh(x),
        Function::LnSinhc => ln_sinhc(x),
        Function::Langevin => langevin(x),
        Function::LangevinSlope => langevin_slope(x),
        Function::Lgamma => lgamma(x),
        Function::Digamma => digamma(x),
        Function::Trigamma => trigamma(x),
        Function::Erf => erf(x),
        Function::Sin | Function::Cos => function.value(x.into()) as f32,
    }
}

#[inline(always)]
fn select(condition: bool, yes: f32, no: f32) -> f32 {
    if condition { yes } else { no }
}

/// The larger; not a number where one is none.
#[inline(always)]
pub(super) fn max(a: f32, b: f32) -> f32 {
    select(a > b || a.is_nan(), a, b)
}

/// The smaller; not a number where one is none.
#[inline(always)]
pub(super) fn min(a: f32, b: f32) -> f32 {
    select(a < b || a.is_nan(), a, b)
}

/// c₀ + t·(c₁ + t·(…)), given from the last coefficient to the first.
#[inline(always)]
fn polynomial<const N: usize>(t: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[0];
    for &c in &coefficients[1..] {
        sum = sum.mul_add(t, c);
    }
    sum
}

/// ln 2 in two parts, of which the first has so few bits that a multiple by an exponent is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// 2ⁿ for −126 ≤ n ≤ 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

/// eˣ = 2ⁿ eʳ with x = n ln 2 + r and |r| ≤ ½ ln 2, eʳ by its Taylor polynomial, whose next term is below
/// 0.35⁸ / 8!, 5e-9. To about one unit in the last place.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Beyond these the result is 0, or infinite.
    let x = select(x > 89.0, 89.0, select(x < -104.0, -104.0, x));
    // Adding 1.5 · 2²³ rounds to the nearest integer, which then is in the sum's low bits.
    const ROUND: f32 = 12_582_912.0;
    let sum = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = sum - ROUND;
    let r = n.mul_add(-LN_2[1], n.mul_add(-LN_2[0], x));
    let p = polynomial(
        r,
        [
            1.984_127e-4,
            1.388_888_9e-3,
            8.333_334e-3,
            4.166_666_8e-2,
            1.666_666_7e-1,
            0.5,
        ],
    );
    let y = (r * r).mul_add(p, r) + 1.0;
    // In two factors: the result may be subnormal, or 2¹²⁸ times something below 1.
    let n = (sum.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = n >> 1;
    y * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// ln x = k ln 2 + 2 artanh s with x = 2ᵏ m, √½ ≤ m < √2 and s = (m − 1) / (m + 1), by the odd powers up
/// to s⁹; the next is below 0.172¹¹ / 11, 4e-10. To about two units in the last place.
#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    // A subnormal number is brought into the normal range by 2²³.
    let subnormal = x < f32::MIN_POSITIVE;
    let scaled = select(subnormal, x * 8_388_608.0, x);
    const ROOT_HALF: i32 = 0x3f35_04f3;
    let bits = (scaled.to_bits() as i32).wrapping_sub(ROOT_HALF);
    let k = (bits >> 23) as f32 - select(subnormal, 23.0, 0.0);
    let m = f32::from_bits((bits & 0x7f_ffff).wrapping_add(ROOT_HALF) as u32);
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let t = s * s;
    let p = polynomial(t, [0.111_111_11, 0.142_857_15, 0.2, 0.333_333_34]);
    // 2s = f − s·f: the sum of a number without an error and of a small one.
    let rest = s * (t * (2.0 * p) - f);
    let y = k.mul_add(LN_2[0], f + k.mul_add(LN_2[1], rest));
    let y = select(x == f32::INFINITY, x, y);
    let y = select(x == 0.0, f32::NEG_INFINITY, y);
    select(x < 0.0 || x.is_nan(), f32::NAN, y)
}

/// ln(1 + x) for −½ ≤ x ≤ 1.
#[inline(always)]
fn ln1p_near(x: f32) -> f32 {
    let s = x / (2.0 + x);
    let t = s * s;
    let p = polynomial(
        t,
        [
            0.058_823_53,
            0.066_666_67,
            0.076_923_08,
            0.090_909_09,
            0.111_111_11,
            0.142_857_15,
            0.2,
            0.333_333_34,
        ],
    );
    2.0 * (s * t).mul_add(p, s)
}

#[inline(always)]
fn ln1p(x: f32) -> f32 {
    let far = ln(1.0 + x);
    select(!(-0.5..=1.0).contains(&x), far, ln1p_near(x))
}

#[inline(always)]
fn expm1(x: f32) -> f32 {
    let p = polynomial(
        x,
        [
            2.755_732e-6,
            2.480_158_7e-5,
            1.984_127e-4,
            1.388_888_9e-3,
            8.333_334e-3,
            4.166_666_8e-2,
            1.666_666_7e-1,
            0.5,
        ],
    );
    select(x.abs() < 0.5, (x * x).mul_add(p, x), exp(x) - 1.0)
}

#[inline(always)]
fn expm1_minus(x: f32) -> f32 {
    let p = polynomial(
        x,
        [
            2.087_675_7e-9,
            2.505_210_8e-8,
            2.755_732e-7,
            2.755_732e-6,
            2.480_158_7e-5,
            1.984_127e-4,
            1.388_888_9e-3,
            8.333_334e-3,
            4.166_666_8e-2,
            1.666_666_7e-1,
            0.5,
        ],
    );
    select(x.abs() < 1.0, x * x * p, exp(x) - 1.0 - x)
}

#[inline(always)]
fn softplus(x: f32) -> f32 {
    max(x, 0.0) + ln1p_near(exp(-x.abs()))
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    select(x < 0.0, e, 1.0) / (1.0 + e)
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    let t = expm1(-2.0 * x.abs());
    let y = -t / (2.0 + t);
    select(x < 0.0, -y, y)
}

#[inline(always)]
fn ln_sinhc(x: f32) -> f32 {
    let a = x.abs();
    let far = a - ln(a) - std::f32::consts::LN_2 + ln1p_near(-exp(-2.0 * a));
    let t = x * x;
    let p = polynomial(
        t,
        [
            1.605_904_4e-10,
            2.505_210_8e-8,
            2.755_732e-6,
            1.984_127e-4,
            8.333_334e-3,
            1.666_666_7e-1,
        ],
    );
    select(a >= 2.0, far, ln1p_near(t * p))
}

/// 1 / (2k + 1)! from k = 6 down to 0, over x²: sinh x / x.
#[inline(always)]
fn sinhc_near(t: f32) -> f32 {
    polynomial(
        t,
        [
            1.605_904_4e-10,
            2.505_210_8e-8,
            2.755_732e-6,
            1.984_127e-4,
            8.333_334e-3,
            1.666_666_7e-1,
            1.0,
        ],
    )
}

#[inline(always)]
fn langevin(x: f32) -> f32 {
    let a = x.abs();
    let e = exp(-2.0 * a);
    let far = 1.0 + (2.0 * e / (1.0 - e) - 1.0 / a);
    let t = x * x;
    let above = polynomial(
        t,
        [
            1.070_602_9e-11,
            1.927_085_3e-9,
            2.505_210_8e-7,
            2.204_585_5e-5,
            1.190_476_2e-3,
            3.333_333_4e-2,
            3.333_333_4e-1,
        ],
    );
    let near = x * (above / sinhc_near(t));
    select(a >= 2.0, select(x < 0.0, -far, far), near)
}

#[inline(always)]
fn langevin_slope(x: f32) -> f32 {
    let a = x.abs();
    let e = exp(-2.0 * a);
    let inverse = 1.0 / a;
    let far = inverse * inverse - 4.0 * e / ((1.0 - e) * (1.0 - e));
    let t = x * x;
    let above = polynomial(
        t,
        [
            2.154_990_2e-13,
            2.047_240_7e-11,
            1.566_139_1e-9,
            9.396_835e-8,
            4.275_56e-6,
            1.410_934_7e-4,
            3.174_603_2e-3,
            4.444_444_5e-2,
            3.333_333_4e-1,
        ],
    );
    let below = sinhc_near(t);
    select(a >= 2.0, far, above / (below * below))
}

#[inline(always)]
fn lgamma(x: f32) -> f32 {
    // About the root 1, and below it by one step of the recurrence.
    let small = x < 0.5;
    let y = select(small, x, x - 1.0);
    let p = polynomial(
        y,
        [
            -1.661_688_7e-1,
            1.767_182_6e-1,
            -3.294_185_3e-2,
            3.684_879e-2,
            -1.000_445_8e-1,
            1.097_054_3e-1,
            -1.103_620_8e-1,
            1.244_826_1e-1,
            -1.441_023_1e-1,
            1.696_125_4e-1,
            -2.073_843_2e-1,
            2.705_795e-1,
            -4.006_856_4e-1,
            8.224_67e-1,
            -5.772_156_6e-1,
        ],
    );
    let first = y * p - select(small, ln(x), 0.0);
    // About the root 2, and up to 4.5 by one or two steps.
    let (once, twice) = (x > 2.5, x > 3.5);
    let y = x - select(twice, 4.0, select(once, 3.0, 2.0));
    let p = polynomial(
        y,
        [
            -2.505_620_2e-4,
            5.702_512_5e-4,
            -1.187_484_8e-3,
            2.878_868_7e-3,
            -7.385_921e-3,
            2.058_162_5e-2,
            -6.735_229_5e-2,
            3.224_670_2e-1,
            4.227_843_3e-1,
        ],
    );
    let steps = ln((x - 1.0) * select(twice, x - 2.0, 1.0));
    let second = y * p + select(once, steps, 0.0);
    // By Stirling's formula.
    let r = 1.0 / x;
    let t = r * r;
    let series = r * polynomial(
        t,
        [-5.952_381e-4, 7.936_508e-4, -2.777_777_8e-3, 8.333_333_6e-2],
    );
    let third = (x - 0.5) * (ln(x) - 1.0) + (0.418_938_53 + series);
    select(x < 1.5, first, select(x < 4.5, second, third))
}

#[inline(always)]
fn digamma(x: f32) -> f32 {
    // About the root, whose second part the first cannot hold.
    let below = x < 1.0;
    let d = (select(below, x + 1.0, x) - 1.461_632_1) - 1.243_815e-8;
    let p = polynomial(
        d,
        [
            -7.476_843e-3,
            1.437_873_1e-2,
            -1.615_848_5e-2,
            2.161_209_4e-2,
            -3.293_372e-2,
            4.891_832e-2,
            -7.222_432_4e-2,
            1.078_180_8e-1,
            -1.639_416_8e-1,
            2.584_998_8e-1,
            -4.427_631_8e-1,
            9.676_722_5e-1,
        ],
    );
    let near = d * p - select(below, 1.0 / x, 0.0);
    let shifted = x < 4.0;
    let y = select(shifted, x + 2.0, x);
    let r = 1.0 / y;
    let t = r * r;
    let series = t * polynomial(
        t,
        [-4.166_666_8e-3, 3.968_254e-3, -8.333_334e-3, 8.333_333_6e-2],
    );
    let far = ln(y) - (0.5 * r + series);
    let far = far - select(shifted, 1.0 / x + 1.0 / (x + 1.0), 0.0);
    select(x <= 0.0, ln(x), select(x < 2.0, near, far))
}

#[inline(always)]
fn trigamma(x: f32) -> f32 {
    let shifted = x < 4.0;
    let [r0, r1, r2, r3] = [0.0, 1.0, 2.0, 3.0].map(|n| 1.0 / (x + n));
    let sum = r0 * r0 + (r1 * r1 + (r2 * r2 + r3 * r3));
    let r = 1.0 / select(shifted, x + 4.0, x);
    let t = r * r;
    let series = polynomial(
        t,
        [
            7.575_758e-2,
            -3.333_333_4e-2,
            2.380_952_4e-2,
            -3.333_333_4e-2,
            1.666_666_7e-1,
        ],
    );
    select(shifted, sum, 0.0) + r * (1.0 + r * (0.5 + r * series))
}

#[inline(always)]
fn erf(x: f32) -> f32 {
    let a = x.abs();
    let t = x * x;
    let p = polynomial(
        t,
        [
            -9.667_044_6e-6,
            1.126_595_9e-4,
            -8.484_080_4e-4,
            5.221_031_8e-3,
            -2.686_543e-2,
            1.128_378_25e-1,
            -3.761_263_9e-1,
            std::f32::consts::FRAC_2_SQRT_PI,
        ],
    );
    let b = min(a, 4.0);
    let q = polynomial(
        b,
        [
            1.637_151_4e-6,
            -4.605_804_3e-5,
            5.968_056e-4,
            -4.759_596_3e-3,
            2.642_113_6e-2,
            -1.100_800_8e-1,
            -6.318_260_5e-1,
            -1.130_233_4,
            3.201_380_5e-4,
        ],
    );
    let far = select(a >= 4.0, 1.0, 1.0 - exp(q));
    let far = select(x < 0.0, -far, far);
    select(a < 1.0, x * p, select(x.is_nan(), x, far))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::operand;

    /// Of every 2²⁰⁺ᵏ numbers one, and neighbours of what divides the cases.
    fn samples() -> impl Iterator<Item = f32> {
        let all = (0..u32::MAX).step_by(100_003).map(f32::from_bits);
        let borders = [
            0.25, 0.5, 1.0, 1.4616321, 1.5, 2.0, 2.5, 3.5, 4.0, 4.5, 20.0, 88.7, 89.0, 103.9, 104.1,
        ];
        let borders = borders.into_iter().flat_map(|b: f32| [b, -b]);
        let near = borders.flat_map(|b| {
            (-3..=3).map(move |n| f32::from_bits(b.to_bits().wrapping_add_signed(n)))
        });
        let dense = (0..40_000).map(|n| (n - 20_000) as f32 * 1e-3);
        all.chain(near).chain(dense).filter(|x| x.is_finite())
    }

    #[test]
    fn each_function_is_within_the_bound_of_expressions() {
        for &function in Function::ALL {
            let expr = operand(0).call(function);
            for x in samples() {
                let bounded = expr.bounded(&[x]);
                let y = f64::from(call(function, x));
                let within = (y - bounded.value).abs() <= bounded.error
                    || y.is_nan() && bounded.value.is_nan()
                    || y == bounded.value
                    || bounded.error.is_infinite();
                assert!(
                    within,
                    "{}({x:e}) = {y:e}, not {bounded:?}",
                    function.name()
                );
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none_and_limits_are_kept() {
        for &function in Function::ALL {
            assert!(call(function, f32::NAN).is_nan(), "{}", function.name());
        }
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(ln(0.0), f32::NEG_INFINITY);
        assert_eq!(ln(f32::INFINITY), f32::INFINITY);
        assert!(ln(-1.0).is_nan());
        assert_eq!(tanh(f32::INFINITY), 1.0);
        assert_eq!(sigmoid(f32::NEG_INFINITY), 0.0);
        assert_eq!(softplus(f32::INFINITY), f32::INFINITY);
        assert!(max(f32::NAN, 0.0).is_nan() && min(0.0, f32::NAN).is_nan());
    }
}
