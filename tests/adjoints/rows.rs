//! Pointwise work over rows that are shared, repeated and taken in turn, and sums of them.

use vae_wgpu::expr::{self, Expr};
use vae_wgpu::graph::{Graph, Operand, Reduction, TensorId};
use vae_wgpu::reference::{Context, evaluate};

use crate::{BATCH, WIDTH, check, finish, finish_rows, given, id_of, operand};

/// Operands that broadcast in every way, each of which depends on parameters.
fn broadcast(g: &mut Graph, repeated: usize) -> Vec<Operand> {
    let each = operand(g, "each");
    let row = operand(g, "row");
    let row = g.row_sum("row", [BATCH, WIDTH], expr::operand(0), &[row.into()]);
    let column = g.parameter("column", [WIDTH]);
    let scalar = g.parameter("scalar", [1]);
    let own = g.input("own", [BATCH * repeated, WIDTH]);
    vec![
        Operand::from(each).repeated(repeated),
        Operand::row(row).repeated(repeated),
        Operand::column(column),
        Operand::scalar(scalar),
        own.into(),
    ]
}

/// Something that bends in all operands of [`broadcast`] at once.
fn bent() -> Expr {
    let [each, row, column, scalar, own] = [0, 1, 2, 3, 4].map(expr::operand);
    (each * &column + row.tanh()).sigmoid() * (0.3 * scalar).exp() + (column * own).softplus()
}

#[test]
fn pointwise() {
    for repeated in [1, 3] {
        check(|g| {
            let operands = broadcast(g, repeated);
            let y = g.pointwise("y", [BATCH * repeated, WIDTH], bent(), &operands);
            let y = g.reduce("mean", Reduction::Sum, y, repeated);
            finish(g, y);
        });
    }
}

#[test]
fn row_sums() {
    for repeated in [1, 3] {
        check(|g| {
            let operands = broadcast(g, repeated);
            let rows = g.row_sum("sum", [BATCH * repeated, WIDTH], bent(), &operands);
            finish_rows(g, rows);
        });
    }
}

/// The operands of B · K rows, of each of which the second has one of K rows in turn.
fn in_turn(g: &mut Graph) -> Vec<Operand> {
    let each = operand(g, "each");
    let turns = g.parameter("turns", [3, WIDTH]);
    let by_row = g.parameter("by_row", [3]);
    vec![
        Operand::from(each).repeated(3),
        Operand::from(turns).in_turn(3),
        Operand::row(by_row).in_turn(3),
    ]
}

#[test]
fn rows_in_turn() {
    let [each, turns, by_row] = [0, 1, 2].map(expr::operand);
    let bent = (&each * &turns + by_row.tanh()).sigmoid() * (0.3 * turns).exp();
    check(|g| {
        let operands = in_turn(g);
        let shape = [3 * BATCH, WIDTH];
        let y = g.pointwise("y", shape, bent.clone(), &operands);
        let y = g.reduce("sum", Reduction::Sum, y, 3);
        finish(g, y);
        let rows = g.row_sum("rows in turn", shape, bent.clone(), &operands);
        g.add_term("rows in turn", rows, 0.4);
    });
    // Of one column.
    check(|g| {
        let operands = in_turn(g);
        let rows = g.row_sum(
            "rows",
            [3 * BATCH, WIDTH],
            expr::operand(0).sin(),
            &operands[..1],
        );
        let product = expr::operand(0) * expr::operand(1).exp();
        let rows = g.pointwise(
            "y",
            [3 * BATCH, 1],
            product,
            &[Operand::row(rows), operands[2]],
        );
        finish_rows(g, rows);
    });
}

#[test]
#[should_panic(expected = "y: turns is InTurn(3), which 5 rows are no multiple of")]
fn rows_in_turn_come_out_even() {
    let mut g = Graph::new();
    let turns = g.parameter("turns", [3, WIDTH]);
    let operands = [Operand::from(turns).in_turn(3)];
    g.pointwise("y", [5, WIDTH], expr::operand(0), &operands);
}

#[test]
fn sums_of_rows_in_turn() {
    check(|g| {
        let operands = in_turn(g);
        let product = expr::operand(0) * expr::operand(1);
        let x = g.pointwise("x", [3 * BATCH, WIDTH], product.clone(), &operands);
        let y = g.sum_in_turn("y", x, BATCH);
        finish(g, y);
        // Of rows, too.
        let rows = g.row_sum("x.rows", [3 * BATCH, WIDTH], product.sin(), &operands);
        let rows = g.sum_in_turn("rows in turn", rows, BATCH);
        g.add_term("rows in turn", rows, 0.2);
    });
}

/// ln Σ_k w_k N(z; μ_k, σ_k²) of each row z, with μ and ln σ `[K, WIDTH]` and logits of w `[K]`.
fn mixture(g: &mut Graph, z: TensorId, components: usize) -> TensorId {
    let rows = g.shape(z).rows() * components;
    let means = g.parameter("means", [components, WIDTH]);
    let log_scales = g.parameter("log_scales", [components, WIDTH]);
    let logits = g.parameter("logits", [components]);
    let [x, mean, log_scale] = [0, 1, 2].map(expr::operand);
    let score = -0.5 * ((x - mean) * (-&log_scale).exp()).square() - log_scale - expr::HALF_LN_TAU;
    let operands = [
        Operand::from(z).repeated(components),
        Operand::from(means).in_turn(components),
        Operand::from(log_scales).in_turn(components),
    ];
    let each = g.row_sum("each", [rows, WIDTH], score, &operands);
    let total = g.reduce("total", Reduction::LogSumExp, logits, components);
    let [score, logit, total_logit] = [0, 1, 2].map(expr::operand);
    let operands = [
        Operand::row(each),
        Operand::row(logits).in_turn(components),
        Operand::scalar(total),
    ];
    let weighted = score + logit - total_logit;
    let weighted = g.pointwise("weighted", [rows, 1], weighted, &operands);
    g.reduce("mixture", Reduction::LogSumExp, weighted, components)
}

/// A mixture's logarithm is that of a sum over its components, with the gradients of it.
#[test]
fn mixtures() {
    const COMPONENTS: usize = 3;
    check(|g| {
        let z = operand(g, "z");
        let rows = mixture(g, z, COMPONENTS);
        finish_rows(g, rows);
    });

    let mut g = Graph::new();
    let z = g.input("z", [BATCH, WIDTH]);
    let mixture = mixture(&mut g, z, COMPONENTS);
    let mut values = given(&g);
    evaluate(&g, &mut values, Context::default(), |_, _| true);
    let of = |name: &str| values.get(id_of(&g, name)).to_vec();
    let [z, means, log_scales, logits] = ["z", "means", "log_scales", "logits"].map(of);
    let all: f64 = logits.iter().map(|logit| logit.exp()).sum();
    for (b, found) in values.get(mixture).iter().enumerate() {
        let component = |k: usize| -> f64 {
            let normal = |d: usize| {
                let (mean, scale) = (means[k * WIDTH + d], log_scales[k * WIDTH + d].exp());
                let u = (z[b * WIDTH + d] - mean) / scale;
                (-0.5 * u * u).exp() / (scale * std::f64::consts::TAU.sqrt())
            };
            logits[k].exp() / all * (0..WIDTH).map(normal).product::<f64>()
        };
        let expected = (0..COMPONENTS).map(component).sum::<f64>().ln();
        // A handful of operations of relative error 1e-16 each.
        let error = (found - expected).abs();
        assert!(error <= 1e-13 * expected.abs(), "{found}, not {expected}");
    }
}

#[test]
fn column_sums() {
    check(|g| {
        let x = operand(g, "x");
        let sums = g.column_sum("sums", x);
        let square = expr::operand(0).square();
        let total = g.row_sum("total", [1, WIDTH], square, &[Operand::column(sums)]);
        g.add_term("total", total, 0.4);
        finish(g, x);
    });
}
