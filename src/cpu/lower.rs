//! From tasks to works: what each computes, on which arrays.

use super::memory::Span;
use super::noise::{Distribution, Noise};
use super::pointwise::Pointwise;
use super::product::{Matrix, Product};
use super::work::{Part, Work};
use crate::expr::{Expr, less, operand};
use crate::fuse::task::{self, ProductKind, Task};
use crate::graph::{Activation, Broadcast, Graph, TensorId};
use crate::reference::kl::LOGVAR_MAX;

/// The work of a task, whose tensors lie where `of` says.
pub(super) fn lower(graph: &Graph, task: &Task, of: &dyn Fn(TensorId) -> Span) -> Work {
    let columns = |id: TensorId| graph.shape(id).columns();
    let shape = |id: TensorId| [graph.shape(id).rows(), graph.shape(id).columns()];
    let each =
        |ids: &[TensorId]| -> Vec<_> { ids.iter().map(|&id| (of(id), Broadcast::EACH)).collect() };
    let [x0, x1, x2] = [0, 1, 2].map(operand);
    let sigma = |logvar: &Expr| (0.5 * logvar.min(LOGVAR_MAX)).exp();
    match task {
        Task::Gather { x } => Work::Gather {
            x: of(*x),
            dim: columns(*x),
        },
        Task::OneHot { y } => Work::OneHot {
            y: of(*y),
            classes: columns(*y),
        },
        &Task::Normal { draw, eps } => Work::Noise(Noise {
            draw,
            distribution: Distribution::Normal,
            to: of(eps),
        }),
        &Task::Uniform { draw, u } => Work::Noise(Noise {
            draw,
            distribution: Distribution::Uniform,
            to: of(u),
        }),
        &Task::Ramp {
            scale,
            ramp,
            values,
        } => Work::Ramp {
            scale,
            ramp,
            values: of(values),
        },
        Task::Product(product) => Work::Product(self::product(graph, product, of)),
        Task::ColumnSum { a, sum } => Work::ColumnSum {
            a: of(*a),
            sum: of(*sum),
        },
        Task::Pointwise(work) => {
            let operands = work.operands.iter().map(|o| (of(o.tensor), o.broadcast));
            let results = |of_results: &'_ [(Expr, TensorId)]| -> Vec<(Expr, Span)> {
                let results = of_results.iter();
                results.map(|(expr, id)| (expr.clone(), of(*id))).collect()
            };
            let (values, sums) = (results(&work.values), results(&work.sums));
            pointwise(work.shape, operands.collect(), &values, &sums)
        }
        &Task::Reduce {
            function,
            axis,
            x,
            y,
        } => Work::Reduce {
            function,
            axis,
            columns: columns(x),
            x: of(x),
            y: of(y),
        },
        Task::Copy(copy) => {
            let part = |part: &task::CopiedPart| Part {
                from: of(part.from),
                from_width: columns(part.from),
                from_first: part.from_first,
                to: of(part.to),
                to_width: columns(part.to),
                to_first: part.to_first,
                columns: part.columns,
            };
            Work::Copy {
                rows: copy.parts.first().map_or(0, |part| shape(part.to)[0]),
                parts: copy.parts.iter().map(part).collect(),
            }
        }
        &Task::Activation { function, x, y } => {
            let values = [(function.formula(), of(y))];
            pointwise(shape(x), each(&[x]), &values, &[])
        }
        &Task::ActivationGrad {
            function,
            y,
            d_y,
            d_x,
        } => {
            let values = [(slope(function, &x0) * &x1, of(d_x))];
            pointwise(shape(y), each(&[y, d_y]), &values, &[])
        }
        &Task::Add { a, b, sum } => {
            let values = [(x0 + x1, of(sum))];
            pointwise(shape(a), each(&[a, b]), &values, &[])
        }
        &Task::Reparameterize { mu, logvar, eps, z } => {
            let values = [(x0 + sigma(&x1) * x2, of(z))];
            pointwise(shape(mu), each(&[mu, logvar, eps]), &values, &[])
        }
        &Task::ReparameterizeGrad {
            d_z,
            logvar,
            eps,
            d_logvar,
        } => {
            let values = [(x0 * 0.5 * sigma(&x1) * x2, of(d_logvar))];
            pointwise(shape(d_z), each(&[d_z, logvar, eps]), &values, &[])
        }
        Task::Latent(l) => {
            let values = [(&x0 + sigma(&x1) * x2, of(l.z))];
            let sums = [(divergence(&x0, &x1), of(l.rows))];
            pointwise(shape(l.mu), each(&[l.mu, l.logvar, l.eps]), &values, &sums)
        }
        Task::LatentGrad(l) => {
            let [d_z, d_rows] = [3, 4].map(operand);
            let through_z = &d_z * 0.5 * sigma(&x1) * x2;
            let values = [
                (d_z + &d_rows * x0, of(l.d_mu)),
                (through_z + d_rows * half_expm1(&x1), of(l.d_logvar)),
            ];
            let mut operands = each(&[l.mu, l.logvar, l.eps, l.d_z]);
            operands.push((of(l.d_rows), Broadcast::ROW));
            pointwise(shape(l.mu), operands, &values, &[])
        }
        Task::Kl(kl) => {
            let mut operands = each(&[kl.mu, kl.logvar]);
            let sums = kl.rows.map(|rows| (divergence(&x0, &x1), of(rows)));
            let sums: Vec<_> = sums.into_iter().collect();
            let mut values = Vec::new();
            if let Some(gradient) = &kl.gradient {
                operands.push((of(gradient.d_rows), Broadcast::ROW));
                values.push((&x2 * x0, of(gradient.d_mu)));
                values.push((x2 * half_expm1(&x1), of(gradient.d_logvar)));
            }
            pointwise(shape(kl.mu), operands, &values, &sums)
        }
    }
}

fn pointwise(
    shape: [usize; 2],
    operands: Vec<(Span, Broadcast)>,
    values: &[(Expr, Span)],
    sums: &[(Expr, Span)],
) -> Work {
    let refer = |of: &'_ [(Expr, Span)]| of.to_vec();
    let (values, sums) = (refer(values), refer(sums));
    let values = values.iter().map(|(expr, to)| (expr, *to)).collect();
    let sums = sums.iter().map(|(expr, to)| (expr, *to)).collect();
    Work::Pointwise(Pointwise::new(shape, operands, values, sums).flattened())
}

/// f′ by the output y of f.
fn slope(function: Activation, y: &Expr) -> Expr {
    match function {
        Activation::Relu => less(0.0, y, 1.0, 0.0),
        Activation::Tanh => 1.0 - y.square(),
        Activation::Sigmoid => y * (1.0 - y),
    }
}

/// KL(N(μ, σ²) ‖ N(0, 1)) of one dimension.
fn divergence(mu: &Expr, logvar: &Expr) -> Expr {
    0.5 * (mu.square() + (logvar.min(LOGVAR_MAX).expm1() - logvar))
}

/// ½ (σ² − 1).
fn half_expm1(logvar: &Expr) -> Expr {
    0.5 * logvar.min(LOGVAR_MAX).expm1()
}

fn product(graph: &Graph, of: &task::Product, span: &dyn Fn(TensorId) -> Span) -> Product {
    let shape = |id: TensorId| [graph.shape(id).rows(), graph.shape(id).columns()];
    let plain = |id: TensorId| Matrix::plain(span(id), shape(id)[1]);
    let transposed = |id: TensorId| Matrix::transposed(span(id), shape(id)[1]);
    let (left, right, inner) = match of.kind {
        ProductKind::Forward => (plain(of.left), transposed(of.right), shape(of.left)[1]),
        ProductKind::InputGrad => (plain(of.left), plain(of.right), shape(of.left)[1]),
        ProductKind::WeightGrad => (transposed(of.left), plain(of.right), shape(of.left)[0]),
    };
    let result = span(of.result);
    let [m, n] = shape(of.result);
    let mut operands = vec![(result, Broadcast::EACH)];
    let mut read = |tensor: TensorId, broadcast: Broadcast| {
        operands.push((span(tensor), broadcast));
        operand(operands.len() - 1)
    };
    let mut value = operand(0);
    if let Some(bias) = of.bias {
        value = value + read(bias, Broadcast::COLUMN);
    }
    if let Some(addend) = of.addend {
        value = value + read(addend, Broadcast::EACH);
    }
    if let Some(function) = of.activation {
        value = function.formula().substitute(&[value]);
    }
    if let Some((function, saved)) = of.gradient_of {
        value = value * slope(function, &read(saved, Broadcast::EACH));
    }
    let plain = value == operand(0);
    let epilogue =
        (!plain).then(|| Pointwise::new([m, n], operands, vec![(&value, result)], vec![]));
    Product {
        shape: [m, n, inner],
        left,
        right,
        result,
        epilogue,
        sums: of.sums.map(span),
    }
}
