//! Kernels made from expressions, over operands that broadcast, against the bounds of the expressions.

use std::path::Path;
use std::slice;

use vae_wgpu::expr::{Expr, constant, operand};
use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::graph::{Activation, Broadcast, Pointwise, Rows, gaussian};
use vae_wgpu::kernels::KernelActivation;
use vae_wgpu::kernels::pointwise::{Form, Width, Work, kernel, launch};
use vae_wgpu::kernels::rows::Score;
use vae_wgpu::model::{Likelihood, Location, Support};

use crate::arrays::{
    Array, LANES, additions, elementwise, extreme, keeps_nan, random, run, uniform, wrapped,
};
use crate::shaders::check_translations;
use crate::support::harness::{Test, tests};
use crate::support::tolerance::EPS;

pub(crate) fn tests() -> Vec<Test> {
    let mut all = tests![both_checks: values_and_sums, rows_in_turn, likelihoods, one_column, activations, latents,
        extreme_values, no_elements, wrapped_grids, past_65535_workgroups, relu_does_not_hide_nan, both_widths_have_the_same_bits,
        random_shapes];
    all.extend(tests![plain: translations, the_likelihoods_kernels_are_those_in_the_repository]);
    all
}

fn with_rows(rows: Rows, broadcast: Broadcast) -> Broadcast {
    Broadcast { rows, ..broadcast }
}

fn operands(repeated: usize) -> Vec<Broadcast> {
    let repeated = Rows::Shared(repeated);
    vec![
        Broadcast::EACH,
        with_rows(repeated, Broadcast::EACH),
        with_rows(repeated, Broadcast::ROW),
        Broadcast::COLUMN,
        Broadcast::SCALAR,
    ]
}

/// As many operands, of which two have so many rows that are taken in turn.
fn operands_in_turn(count: usize) -> Vec<Broadcast> {
    let in_turn = Rows::InTurn(count);
    vec![
        with_rows(in_turn, Broadcast::EACH),
        with_rows(Rows::Shared(count), Broadcast::EACH),
        with_rows(in_turn, Broadcast::ROW),
        Broadcast::COLUMN,
        Broadcast::EACH,
    ]
}

/// [`compare_given`] of values of U(−3, 3).
fn compare(
    gpu: &Gpu,
    shape: [usize; 2],
    broadcasts: &[Broadcast],
    exprs: [&[Expr]; 2],
    lanes: u32,
) {
    let draw =
        |(seed, broadcast): (usize, &Broadcast)| uniform(seed as u64, broadcast.len(shape), 3.0);
    let given: Vec<Vec<f32>> = broadcasts.iter().enumerate().map(draw).collect();
    compare_given(gpu, shape, broadcasts, &given, exprs, lanes, |launch| {
        launch
    });
}

/// Runs the expressions and compares each element with its bound, and each sum with the bounds of its
/// elements and the roundings of their addition.
fn compare_given(
    gpu: &Gpu,
    shape: [usize; 2],
    broadcasts: &[Broadcast],
    given: &[Vec<f32>],
    [values, sums]: [&[Expr]; 2],
    lanes: u32,
    grid: fn(Launch) -> Launch,
) {
    let [rows, columns] = shape;
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
    run(gpu, grid(launch(&work)), &arrays);
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
        // Single elements and vectors of them; rows are wide from 32 of either on.
        for columns in [2, 7, 8, 65, 132] {
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

fn rows_in_turn(gpu: &Gpu) {
    let [p, q, r, s] = exprs();
    random(
        (1usize..5, 2usize..9, 1usize..70),
        |(times, count, columns)| {
            let broadcasts = operands_in_turn(count);
            let shape = [times * count, columns];
            let values = [p.clone(), q.clone()];
            compare(gpu, shape, &broadcasts, [&values, &[]], 8);
            let sums = [r.clone(), s.clone()];
            compare(gpu, shape, &broadcasts, [slice::from_ref(&q), &sums], 8);
        },
    );
}

fn likelihoods(gpu: &Gpu) {
    let [location, log_scale, x, head] = [0, 1, 2, 3].map(operand);
    let shape = [5, 23];
    for likelihood in Likelihood::ALL {
        let density = likelihood.density();
        let nll = density.pixel_nll(location.clone(), log_scale.clone(), head.clone(), x.clone());
        let broadcasts = [Broadcast::EACH; 4];
        let slopes = [0, 1, 3].map(|operand| nll.derivative(operand));
        let draw = |seed| uniform(seed, shape[0] * shape[1], 3.0);
        let mut given = [0, 1, 2, 3].map(draw);
        match density.support {
            Support::Counts => given[2]
                .iter_mut()
                .for_each(|x| *x = (10.0 * x.abs()).floor()),
            Support::Levels => given[2].iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0)),
            Support::UnitInterval | Support::Real => {}
        }
        compare_given(
            gpu,
            shape,
            &broadcasts,
            &given,
            [&slopes, &[nll]],
            8,
            |launch| launch,
        );
    }
}

fn one_column(gpu: &Gpu) {
    let (a, b) = (operand(0), operand(1));
    let broadcasts = [Broadcast::ROW, Broadcast::ROW];
    compare(gpu, [70, 1], &broadcasts, [&[&a * &b], &[]], 8);
    compare(gpu, [70, 1], &broadcasts, [&[], &[a + b]], 8);
}

/// Non-linearities, and what sends their gradients back: from their outputs, where products keep these alone,
/// or from their inputs.
fn activations(gpu: &Gpu) {
    for function in Activation::ALL {
        let exprs = [
            function.formula(),
            operand(1) * function.formula().derivative(0),
        ];
        let given = [uniform(1, 5 * 101, 20.0), uniform(2, 5 * 101, 3.0)];
        let broadcasts = [Broadcast::EACH; 2];
        compare_given(
            gpu,
            [5, 101],
            &broadcasts,
            &given,
            [&exprs, &[]],
            8,
            |launch| launch,
        );
    }
    for function in KernelActivation::ALL {
        let given = [uniform(1, 5 * 101, 20.0), uniform(2, 5 * 101, 3.0)];
        let outputs = given[0].iter().map(|&x| function.formula().evaluate(&[x]));
        let given = [given[0].clone(), given[1].clone(), outputs.collect()];
        let exprs = [
            function.formula(),
            operand(1) * function.slope().substitute(&[operand(2)]),
        ];
        let broadcasts = [Broadcast::EACH; 3];
        compare_given(
            gpu,
            [5, 101],
            &broadcasts,
            &given,
            [&exprs, &[]],
            8,
            |launch| launch,
        );
    }
}

/// A latent without its divergence, the divergence with its gradient, and what each sends back.
fn latents(gpu: &Gpu) {
    for bound in [1e-4, 0.6, 3.0, 200.0] {
        let shape = [7, 33];
        let len = shape[0] * shape[1];
        let given = [
            uniform(1, len, 1.0),
            uniform(2, len, bound),
            uniform(3, len, 3.0),
            uniform(4, shape[0], 2.0),
        ];
        let broadcasts = [
            Broadcast::EACH,
            Broadcast::EACH,
            Broadcast::EACH,
            Broadcast::ROW,
        ];
        let of = |expr: Expr| Pointwise {
            expr,
            shape,
            operands: broadcasts[..3].to_vec(),
        };
        let (z, kl) = (of(gaussian::reparameterized()), of(gaussian::kl()));
        let [z_slope, mu_slope, logvar_slope] = [z.adjoint(1), kl.adjoint(0), kl.adjoint(1)];
        for exprs in [
            [&[z.expr, z_slope][..], &[]],
            [&[mu_slope, logvar_slope], &[kl.expr]],
        ] {
            compare_given(gpu, shape, &broadcasts, &given, exprs, 8, |launch| launch);
        }
    }
}

/// Where a bound is infinite, f32 may overflow, but not to what is not a number.
fn extreme_values(gpu: &Gpu) {
    let sum = operand(0) + operand(1);
    let functions = Activation::ALL.map(Activation::formula);
    let exprs: Vec<_> = functions.into_iter().chain([sum]).collect();
    for bound in [1e4, 1e30, 3e38] {
        let given = [extreme(3, 257, bound), extreme(5, 257, bound)];
        let broadcasts = [Broadcast::EACH; 2];
        // With two operands no more buffers than any adapter binds.
        for exprs in exprs.chunks(6) {
            compare_given(
                gpu,
                [1, 257],
                &broadcasts,
                &given,
                [exprs, &[]],
                8,
                |launch| launch,
            );
        }
    }
}

fn no_elements(gpu: &Gpu) {
    let sum = operand(0) + operand(1);
    let broadcasts = [Broadcast::EACH, Broadcast::COLUMN];
    for columns in [5, 40] {
        compare(
            gpu,
            [0, columns],
            &broadcasts,
            [slice::from_ref(&sum), &[]],
            8,
        );
        compare(
            gpu,
            [0, columns],
            &broadcasts,
            [&[], slice::from_ref(&sum)],
            8,
        );
    }
}

fn wrapped_grids(gpu: &Gpu) {
    let product = operand(0) * operand(1);
    for (shape, broadcasts) in [
        ([1, 1009], [Broadcast::EACH; 2]),
        ([31, 37], [Broadcast::EACH, Broadcast::COLUMN]),
    ] {
        let given = [
            uniform(6, shape[0] * shape[1], 1.0),
            uniform(7, shape[1], 1.0),
        ];
        let exprs = slice::from_ref(&product);
        for exprs in [[exprs, &[]], [&[], exprs]] {
            compare_given(gpu, shape, &broadcasts, &given, exprs, 8, wrapped);
        }
    }
}

/// Vectors of elements have the bits of single ones, in rows and out of them.
fn both_widths_have_the_same_bits(gpu: &Gpu) {
    let expr = operand(0).tanh() * operand(1) + (operand(2) * operand(0)).softplus();
    for columns in [8, 160] {
        let broadcasts = [Broadcast::EACH, Broadcast::ROW, Broadcast::COLUMN];
        let values = |shape: [usize; 2]| {
            let given = broadcasts.map(|of| uniform(9, of.len(shape), 3.0));
            let arrays = given.each_ref().map(|values| Array::of(gpu, values));
            let y = Array::output(gpu, shape[0] * shape[1]);
            let work = Work {
                shape,
                operands: arrays
                    .iter()
                    .map(|a| a.slice().clone())
                    .zip(broadcasts)
                    .collect(),
                values: vec![(expr.clone(), y.slice().clone())],
                sums: vec![],
                lanes: 8,
            };
            run(
                gpu,
                launch(&work),
                &[&arrays[0], &arrays[1], &arrays[2], &y],
            );
            y.read::<f32>()
        };
        // The first row, with a column more and without.
        let [one, four] = [columns + 1, columns].map(|columns| values([1, columns]));
        assert_eq!(one[..columns], four[..]);
    }
}

/// Sums of small whole numbers, which are exact: of elements, of rows, and over rows.
fn past_65535_workgroups(gpu: &Gpu) {
    for (shape @ [rows, columns], sums) in [
        ([64 * 65_535 + 65, 1], false),
        ([65_537, 132], false),
        ([65_537, 33], false),
        ([65_537, 3], true),
    ] {
        let a: Vec<f32> = (0..rows * columns).map(|i| (i % 1013) as f32).collect();
        let b: Vec<f32> = (0..columns).map(|column| column as f32).collect();
        let [a_gpu, b_gpu] = [&a, &b].map(|values| Array::of(gpu, values));
        let y = Array::output(gpu, if sums { rows } else { rows * columns });
        let sum = vec![(operand(0) + operand(1), y.slice().clone())];
        let (values, sums) = if sums { (vec![], sum) } else { (sum, vec![]) };
        let work = Work {
            shape,
            operands: vec![
                (a_gpu.slice().clone(), Broadcast::EACH),
                (b_gpu.slice().clone(), Broadcast::COLUMN),
            ],
            sums,
            values,
            lanes: 8,
        };
        run(gpu, launch(&work), &[&a_gpu, &b_gpu, &y]);
        let each = (0..rows * columns).map(|i| a[i] + b[i % columns]);
        let each: Vec<f32> = each.collect();
        let expected = match work.sums.is_empty() {
            true => each,
            false => each.chunks(columns).map(|row| row.iter().sum()).collect(),
        };
        assert!(y.read::<f32>() == expected, "{shape:?}");
    }
}

/// What diverged must show.
fn relu_does_not_hide_nan(gpu: &Gpu) {
    if !keeps_nan(gpu) {
        return;
    }
    for len in [3, 4] {
        for function in [operand(0).relu(), operand(0).capped()] {
            let x = Array::of(gpu, &vec![f32::NAN; len]);
            let y = Array::updated(gpu, &vec![0.0_f32; len]);
            run(gpu, elementwise(function, &[&x], &y), &[&x, &y]);
            assert!(y.read::<f32>().iter().all(|y| y.is_nan()));
        }
    }
}

fn random_shapes(gpu: &Gpu) {
    random((1usize..60, 1usize..140), |(rows, columns)| {
        let expr = operand(0).sigmoid() * operand(1);
        let broadcasts = [Broadcast::EACH, Broadcast::ROW];
        let exprs = slice::from_ref(&expr);
        for exprs in [[exprs, &[]], [&[], exprs], [exprs, exprs]] {
            compare(gpu, [rows, columns], &broadcasts, exprs, 8);
        }
    });
}

/// The kernels of the likelihoods, which anybody may read; with `VAE_WRITE_KERNELS` set they are written
/// anew.
fn the_likelihoods_kernels_are_those_in_the_repository() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kernels");
    for likelihood in Likelihood::ALL {
        let density = likelihood.density();
        let mut slots = vec![0];
        slots.extend(density.scale.map(|_| 2));
        slots.extend(density.head.map(|_| 3));
        let mut operands = vec![Broadcast::EACH; 1 + slots[slots.len() - 1].max(1)];
        let log_scale = match density.scale {
            Some(scale) => operand(2).clamp(-scale.bound, scale.bound),
            None => constant(0.0),
        };
        let location = match density.location {
            Location::SigmoidIfScaled => operand(0).sigmoid(),
            _ => operand(0),
        };
        let loss = Pointwise {
            expr: density.pixel_nll(location, log_scale, operand(3), operand(1)),
            shape: [1, 1],
            operands: operands.clone(),
        };
        let slopes: Vec<_> = slots.into_iter().map(|slot| loss.adjoint(slot)).collect();
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
    for width in [Width::One, Width::Four] {
        for form in [Form::Elements(width), Form::Rows(width)] {
            let values = [p.clone(), q.clone()];
            check_translations(&kernel(form, &operands(3), &values, &[]));
        }
    }
    for kernel in [
        kernel(
            Form::Rows(Width::One),
            &operands_in_turn(3),
            &[p.clone(), q.clone()],
            &[],
        ),
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
