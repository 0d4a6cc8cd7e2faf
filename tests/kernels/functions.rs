//! The WGSL of scalar expressions against true values, within the bounds that are said of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use vae_wgpu::expr::{Expr, Function, constant, operand, wgsl};
use vae_wgpu::gpu::{Gpu, Kernel, Launch};

use crate::arrays::{Array, run, uniform};
use crate::shaders::{read, translate};
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    let mut all = tests![both_checks: table, dense, formulas];
    all.extend(tests![plain: translations]);
    all
}

/// Lines of name, bits of an operand, value and slope, by `tests/data/make_functions.py`.
const TRUTH: &str = include_str!("../data/functions.tsv");

const TEMPLATE: &str = "
struct Params {
    len: u32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.len {
        return;
    }
    let a = x[id.x];
    let b = x[id.x + params.len];
";

/// A shader that writes the value of an expression at each pair of operands: the first half of `x`, and
/// the second.
fn kernel(expr: &Expr) -> &'static Kernel {
    let parts = wgsl(&[expr], &["a", "b"]);
    let source = format!(
        "{}{TEMPLATE}{}    y[id.x] = {};\n}}\n",
        parts.functions, parts.lets, parts.results[0]
    );
    // Pipelines are kept by the names of their kernels.
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!("expression_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    Kernel::generated(name.leak(), source, &["x"], "y", 16)
}

fn values(gpu: &Gpu, expr: &Expr, operands: &[[f32; 2]]) -> Vec<f32> {
    let halves = [0, 1].map(|i| operands.iter().map(move |pair| pair[i]));
    let x: Vec<f32> = halves.into_iter().flatten().collect();
    let [x, y] = [Array::of(gpu, &x), Array::output(gpu, operands.len())];
    let launch = Launch {
        kernel: kernel(expr),
        constants: vec![],
        buffers: vec![x.slice().clone(), y.slice().clone()],
        params: bytemuck::cast_slice(&[operands.len() as u32, 0, 0, 0]).to_vec(),
        grid: [operands.len().div_ceil(64) as u32, 1, 1],
    };
    run(gpu, launch, &[&x, &y]);
    y.read()
}

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
        (f64::from(found) - truth).abs() <= bound.error
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
        let kernel = kernel(&function.of(operand(0)));
        let (module, info) = read(kernel);
        translate(kernel, &module, &info);
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
