//! The WGSL of scalar expressions against true values, within the bounds that are said of it.

use vae_wgpu::expr::{Expr, Function, constant, operand};
use vae_wgpu::gpu::Gpu;
use vae_wgpu::graph::Broadcast;
use vae_wgpu::kernels::pointwise;

use crate::arrays::{Array, elementwise, run, uniform};
use crate::shaders::check_translations;
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    let mut all = tests![both_checks: table, dense, formulas];
    all.extend(tests![plain: translations]);
    all
}

/// Lines of name, bits of an operand, value and slope, by `tests/data/make_functions.py`.
const TRUTH: &str = include_str!("../data/functions.tsv");

/// The values of an expression of two operands at each pair of them.
fn values(gpu: &Gpu, expr: &Expr, operands: &[[f32; 2]]) -> Vec<f32> {
    let len = operands.len();
    let side = |i: usize| operands.iter().map(|pair| pair[i]).collect::<Vec<_>>();
    let [a, b] = [0, 1].map(|i| Array::of(gpu, &side(i)));
    let y = Array::output(gpu, len);
    let launch = elementwise(expr.clone(), &[&a, &b], &y);
    run(gpu, launch, &[&a, &b, &y]);
    y.read()
}

/// WGSL lets an implementation take numbers below the least normal one for 0, as SwiftShader does: the operand, the result, or
/// what a function computes on its way, which ln1p then doubles.
const FLUSHED: f64 = 2.0 * f32::MIN_POSITIVE as f64;

/// Within the bound; where that is infinite, anything but NaN of a number.
fn compare(
    what: &str,
    expr: &Expr,
    found: f32,
    operands: &[f32],
    truth: f64,
    wrong: &mut Vec<String>,
) {
    let bound = expr.bounded(operands);
    let fits = if bound.error.is_finite() {
        (f64::from(found) - truth).abs() <= bound.error + FLUSHED
    } else {
        !found.is_nan() || !truth.is_finite()
    };
    if !fits {
        wrong.push(format!(
            "{what} at {operands:?}: {found:e}, truly {truth:e} ± {:e}",
            bound.error
        ));
    }
}

fn assert_none(wrong: &[String]) {
    let shown = &wrong[..wrong.len().min(60)];
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        shown.join("\n")
    );
}

/// For Vulkan, Metal and DX12.
fn translations() {
    for &function in Function::ALL {
        let kernel = pointwise::kernel(
            pointwise::Form::Elements(pointwise::Width::One),
            &[Broadcast::EACH],
            &[function.of(operand(0))],
            &[],
        );
        check_translations(&kernel);
    }
}

/// Every function and its slope at the operands of the table.
fn table(gpu: &Gpu) {
    let mut wrong = Vec::new();
    for &function in Function::ALL {
        let lines: Vec<(f32, f64, Option<f64>)> = TRUTH
            .lines()
            .map(|line| line.split('\t').collect::<Vec<_>>())
            .filter(|fields| fields[0] == function.name())
            .map(|fields| {
                let bits = u32::from_str_radix(fields[1], 16).unwrap();
                (
                    f32::from_bits(bits),
                    fields[2].parse().unwrap(),
                    fields[3].parse().ok(),
                )
            })
            .collect();
        assert!(!lines.is_empty(), "no line for {function:?}");
        let operands: Vec<[f32; 2]> = lines.iter().map(|(x, ..)| [*x, 0.0]).collect();
        let expr = function.of(operand(0));
        let found = values(gpu, &expr, &operands);
        for ((x, truth, _), found) in lines.iter().zip(found) {
            compare(function.name(), &expr, found, &[*x], *truth, &mut wrong);
        }
        if function.has_slope() {
            let slope = expr.derivative(0);
            let what = format!("slope of {}", function.name());
            let found = values(gpu, &slope, &operands);
            for ((x, _, truth), found) in lines.iter().zip(found) {
                compare(&what, &slope, found, &[*x], truth.unwrap(), &mut wrong);
            }
        }
    }
    assert_none(&wrong);
}

/// Every function at many operands where most of its digits are at stake, against f64; prints how much of
/// the bound is used.
fn dense(gpu: &Gpu) {
    let mut wrong = Vec::new();
    for &function in Function::ALL {
        let expr = function.of(operand(0));
        let near = uniform(1, 6000, 5.0);
        let far = uniform(2, 3000, 100.0);
        let tiny = uniform(3, 1000, 0.01);
        let mut operands: Vec<[f32; 2]> = [near, far, tiny]
            .concat()
            .iter()
            .map(|&x| [x, 0.0])
            .collect();
        operands.retain(|[x, _]| function.value(f64::from(*x)).is_finite());
        let found = values(gpu, &expr, &operands);
        let mut used = 0.0_f64;
        let mut relative = 0.0_f64;
        for (&[x, _], found) in operands.iter().zip(found) {
            let truth = function.value(f64::from(x));
            compare(function.name(), &expr, found, &[x], truth, &mut wrong);
            let off = (f64::from(found) - truth).abs();
            let bound = expr.bounded(&[x]);
            if bound.error > 0.0 && bound.error.is_finite() {
                used = used.max(off / bound.error);
            }
            if truth.abs() > 1e-30 && found.is_finite() {
                relative = relative.max(off / truth.abs());
            }
        }
        eprintln!(
            "{:16} {:5.1} % of its bound, at most {relative:.1e} relative",
            function.name(),
            100.0 * used
        );
    }
    assert_none(&wrong);
}

/// What likelihoods are made of, and their derivatives.
fn formulas(gpu: &Gpu) {
    let [a, b] = [operand(0), operand(1)];
    let half = constant(0.5);
    let scale = b.softplus() + 1e-3;
    let formulas = [
        a.softplus() - &a * &b,
        &half * ((&a - &b) / &scale).square() + scale.ln(),
        (&a - &b).abs() / &scale + scale.ln(),
        (&a + &scale).lgamma() - scale.lgamma() - (&a.softplus() + 1.0).lgamma(),
        (&a * &b).clamp(-3.0, 2.0).expm1_minus(),
        a.elu() * b.erf() + (&a / (b.square() + 0.1)).tanh(),
        (a.sin() + b.cos()).max(a.min(&b)),
        (&a * a.sigmoid() - &b).ln_sinhc(),
    ];
    let operands: Vec<[f32; 2]> = uniform(4, 1000, 6.0)
        .chunks(2)
        .map(|pair| [pair[0], pair[1]])
        .collect();
    let mut wrong = Vec::new();
    for formula in &formulas {
        for expr in [formula, &formula.derivative(0), &formula.derivative(1)] {
            let what = expr.text(&["a", "b"]);
            for (pair, found) in operands.iter().zip(values(gpu, expr, &operands)) {
                let truth = expr.evaluate(&pair.map(f64::from));
                compare(&what, expr, found, pair, truth, &mut wrong);
            }
        }
    }
    assert_none(&wrong);
}
