//! The table in f64 against true values over all of f32, which `tests/data/make_functions.py` computes.

use super::Function;
use crate::expr::operand;

const TRUTH: &str = include_str!("../../../tests/data/functions.tsv");

/// f64's unit in the last place of 1.
const EPS: f64 = f64::EPSILON;

/// How far f64's value may be from the true one. Each function is a few operations and calls of the
/// standard library, so 1e-14 of it; about its root ψ is a sum of twelve terms of up to 1.
fn value_tolerance(function: Function, y: f64) -> f64 {
    let absolute = match function {
        Function::Digamma => 24.0 * EPS,
        _ => 0.0,
    };
    1e-14 * y.abs() + absolute
}

/// Likewise the slope's. Those by the output, 1 − y² and y(1 − y), carry the output's rounding where they
/// vanish; the exponent −x² of erf's is rounded before exp.
fn slope_tolerance(function: Function, x: f64, slope: f64) -> f64 {
    let extra = match function {
        Function::Sigmoid | Function::Tanh => 2.0 * EPS,
        Function::Lgamma => 24.0 * EPS,
        Function::Erf => EPS * x * x * slope,
        _ => 0.0,
    };
    1e-14 * slope.abs() + extra
}

/// Equal, near enough, or both subnormal.
fn agree(found: f64, expected: f64, tolerance: f64) -> bool {
    found == expected || (found - expected).abs() <= tolerance + f64::MIN_POSITIVE
}

#[test]
fn values_and_slopes_are_true() {
    let mut lines = 0;
    let mut wrong = Vec::new();
    for line in TRUTH.lines() {
        lines += 1;
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap();
        let name = next();
        let function = *Function::ALL.iter().find(|f| f.name() == name).unwrap();
        let x = f64::from(f32::from_bits(u32::from_str_radix(next(), 16).unwrap()));
        let value: f64 = next().parse().unwrap();
        let found = function.value(x);
        if !agree(found, value, value_tolerance(function, value)) {
            wrong.push(format!("{name}({x:e}): {found:e}, truly {value:e}"));
        }
        match next() {
            "-" => assert!(!function.has_slope()),
            slope => {
                let slope: f64 = slope.parse().unwrap();
                let found = operand(0).call(function).derivative(0).evaluate(&[x]);
                // At ends of its domain a function has no slope, or one that f64 cannot tell.
                if !agree(found, slope, slope_tolerance(function, x, slope)) {
                    wrong.push(format!(
                        "slope of {name} at {x:e}: {found:e}, truly {slope:e}"
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {lines}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(lines > 2000, "{lines} lines");
}
