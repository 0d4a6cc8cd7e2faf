//! Kernels made from expressions, over operands that broadcast, against the bounds of the expressions.

use std::path::Path;
use std::slice;

use vae_wgpu::expr::{Expr, constant, operand};
use vae_wgpu::gpu::Gpu;
use vae_wgpu::graph::{Broadcast, Pointwise};
use vae_wgpu::kernels::pointwise::{Form, Work, kernel, launch};
use vae_wgpu::kernels::rows::Score;
use vae_wgpu::model::{Likelihood, Location};

use crate::arrays::{Array, LANES, additions, run, uniform};
use crate::shaders::check_translations;
use crate::support::harness::{Test, tests};
use crate::support::tolerance::EPS;

pub(crate) fn tests() -> Vec<Test> {
    let mut all = tests![both_checks: values_and_sums, likelihoods, one_column];
    all.extend(tests![plain: translations, the_likelihoods_kernels_are_those_in_the_repository]);
    all
}

fn operands(repeated: usize) -> Vec<Broadcast> {
    let repeat = |broadcast: Broadcast| Broadcast {
        rows: Some(repeated),
        ..broadcast
    };
    vec![
        Broadcast::EACH,
        repeat(Broadcast::EACH),
        repeat(Broadcast::ROW),
        Broadcast::COLUMN,
        Broadcast::SCALAR,
    ]
}

/// Runs the expressions and compares each element with its bound, and each sum with the bounds of its
/// elements and the roundings of their addition.
fn compare(
    gpu: &Gpu,
    shape: [usize; 2],
    broadcasts: &[Broadcast],
    [values, sums]: [&[Expr]; 2],
    lanes: u32,
) {
    let [rows, columns] = shape;
    let draw =
        |(seed, broadcast): (usize, &Broadcast)| uniform(seed as u64, broadcast.len(shape), 3.0);
    let given: Vec<Vec<f32>> = broadcasts.iter().enumerate().map(draw).collect();
    let inputs: Vec<_> = given.iter().map(|values| Array::of(gpu, values)).collect();
    let outputs = |count: usize, len: usize| -> Vec<_> {
        (0..count).map(|_| Array::output(gpu, len)).collect()
    };
    let (stored, summed) = (
        outputs(values.len(), rows * columns),
        outputs(sums.len(), rows),
    );
    let results = |exprs: &[Expr], arrays: &[Array<'_>]| {
        let result = |(expr, array): (&Expr, &Array<'_>)| (expr.clone(), array.slice().clone());
        exprs.iter().zip(arrays).map(result).collect::<Vec<_>>()
    };
    let work = Work {
        shape,
        operands: inputs
            .iter()
            .map(|a| a.slice().clone())
            .zip(broadcasts.iter().copied())
            .collect(),
        values: results(values, &stored),
        sums: results(sums, &summed),
        lanes,
    };
    let arrays: Vec<_> = inputs.iter().chain(&stored).chain(&summed).collect();
    run(gpu, launch(&work), &arrays);
    let at = |row: usize, column: usize| -> Vec<f32> {
        let element = |(values, broadcast): (&Vec<f32>, &Broadcast)| {
            values[broadcast.index([row, column], columns)]
        };
        given.iter().zip(broadcasts).map(element).collect()
    };
    for (expr, array) in values.iter().zip(&stored) {
        for (index, found) in array.read::<f32>().into_iter().enumerate() {
            let bounded = expr.bounded(&at(index / columns, index % columns));
            let off = (f64::from(found) - bounded.value).abs();
            assert!(
                off <= bounded.error,
                "element {index} of {shape:?}: {found}, {bounded:?}"
            );
        }
    }
    for (expr, array) in sums.iter().zip(&summed) {
        for (row, found) in array.read::<f32>().into_iter().enumerate() {
            let elements = (0..columns).map(|column| expr.bounded(&at(row, column)));
            let (mut value, mut error, mut size) = (0.0, 0.0, 0.0);
            for element in elements {
                value += element.value;
                error += element.error;
                size += element.value.abs() + element.error;
            }
            error += additions(columns, lanes) * EPS * size;
            let off = (f64::from(found) - value).abs();
            assert!(
                off <= error,
                "row {row} of {shape:?}: {found}, {value} ± {error}"
            );
        }
    }
}

fn exprs() -> [Expr; 4] {
    let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(operand);
    [
        &a * &b + c.tanh(),
        (&d * &a).sigmoid() * &e,
        (&a - &b).square() + d.abs(),
        b.softplus() + c * e,
    ]
}

fn values_and_sums(gpu: &Gpu) {
    let [p, q, r, s] = exprs();
    for repeated in [1, 3] {
        let broadcasts = operands(repeated);
        // Rows are wide from 32 columns on.
        for columns in [2, 7, 32, 65] {
            let shape = [3 * repeated, columns];
            compare(gpu, shape, &broadcasts, [&[p.clone(), q.clone()], &[]], 8);
            for lanes in LANES {
                for sums in [
                    &[r.clone()][..],
                    &[r.clone(), s.clone()],
                    &[r.clone(), s.clone(), p.clone()],
                ] {
                    compare(gpu, shape, &broadcasts, [&[], sums], lanes);
                    compare(gpu, shape, &broadcasts, [slice::from_ref(&q), sums], lanes);
                }
            }
        }
    }
}

fn likelihoods(gpu: &Gpu) {
    let [location, log_scale, x] = [operand(0), operand(1), operand(2)];
    for likelihood in Likelihood::ALL {
        let nll = (likelihood.density().nll)(location.clone(), log_scale.clone(), x.clone());
        let broadcasts = [Broadcast::EACH; 3];
        let slopes = [nll.derivative(0), nll.derivative(1)];
        compare(gpu, [5, 23], &broadcasts, [&slopes, &[nll]], 8);
    }
}

fn one_column(gpu: &Gpu) {
    let (a, b) = (operand(0), operand(1));
    let broadcasts = [Broadcast::ROW, Broadcast::ROW];
    compare(gpu, [70, 1], &broadcasts, [&[&a * &b], &[]], 8);
    compare(gpu, [70, 1], &broadcasts, [&[], &[a + b]], 8);
}

/// The kernels of the likelihoods, which anybody may read; with `VAE_WRITE_KERNELS` set they are written
/// anew.
fn the_likelihoods_kernels_are_those_in_the_repository() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kernels");
    for likelihood in Likelihood::ALL {
        let density = likelihood.density();
        let scaled = density.scale.is_some();
        let mut operands = vec![Broadcast::EACH; if scaled { 3 } else { 2 }];
        let log_scale = match density.scale {
            Some(scale) => operand(2).clamp(-scale.bound, scale.bound),
            None => constant(0.0),
        };
        let location = match density.location {
            Location::SigmoidIfScaled => operand(0).sigmoid(),
            Location::Output | Location::Sigmoid => operand(0),
        };
        let loss = Pointwise {
            expr: (density.nll)(location, log_scale, operand(1)),
            shape: [1, 1],
            operands: operands.clone(),
        };
        let mut slopes = vec![loss.adjoint(0)];
        if scaled {
            slopes.push(loss.adjoint(2));
        }
        operands.push(Broadcast::ROW);
        let kernel = kernel(Form::Sums, &operands, &slopes, &[loss.expr]);
        let path = folder.join(format!("{}.wgsl", density.name));
        if std::env::var_os("VAE_WRITE_KERNELS").is_some() {
            std::fs::write(&path, kernel.source.as_bytes()).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        assert_eq!(kernel.source, kept, "{}", path.display());
    }
}

fn translations() {
    let [p, q, r, s] = exprs();
    let score = Score::BernoulliNll.expr();
    for kernel in [
        kernel(Form::Elements, &operands(3), &[p.clone(), q.clone()], &[]),
        kernel(Form::Rows, &operands(3), &[p, q], &[]),
        kernel(
            Form::Sums,
            &operands(1),
            slice::from_ref(&r),
            &[s.clone(), r.clone(), s],
        ),
        kernel(
            Form::Sums,
            &[Broadcast::EACH; 2],
            &[score.derivative(0)],
            &[score],
        ),
    ] {
        check_translations(&kernel);
    }
}
