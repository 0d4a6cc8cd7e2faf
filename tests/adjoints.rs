//! Every adjoint against central differences, in f64, with the operation in the middle of a graph:
//! what comes before shows whether the gradient is passed on, what follows whether it is used.
#![allow(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it should do"
)]

use vae_wgpu::expr::{self, Expr};
use vae_wgpu::graph::{Activation, Graph, Kind, Operand, Reduction, TensorId, Transposed};
use vae_wgpu::reference::{Context, Values, evaluate};
use vae_wgpu::rng::{Stream, normal};

const BATCH: usize = 5;
const WIDTH: usize = 4;

/// Step of the differences. Five points have an error of STEP⁴ · f⁗′ / 30 from the series and about
/// 1e-16 · f / STEP from rounding: below 1e-10 for f up to a hundred and fifth derivatives to 1e7.
const STEP: f64 = 1e-4;
/// A hundred times that.
const TOLERANCE: f64 = 1e-8;

/// A linear layer on its own input, then tanh: an operand that depends on parameters.
fn operand(g: &mut Graph, name: &str) -> TensorId {
    let x = g.input(&format!("{name}.x"), [BATCH, 3]);
    let weight = g.parameter(&format!("{name}.weight"), [WIDTH, 3]);
    let bias = g.parameter(&format!("{name}.bias"), [WIDTH]);
    let linear = g.linear(name, x, weight, bias);
    g.activation(&format!("{name}.tanh"), Activation::Tanh, linear)
}

/// What follows a matrix: a layer and a loss, so that its gradient is no constant.
fn finish(g: &mut Graph, y: TensorId) {
    let weight = g.parameter("finish.weight", [2, WIDTH]);
    let bias = g.parameter("finish.bias", [2]);
    let out = g.linear("finish", y, weight, bias);
    let target = g.input("target", [BATCH, 2]);
    let rows = g.row_sum(
        "rows",
        [BATCH, 2],
        difference().square(),
        &[out.into(), target.into()],
    );
    finish_rows(g, rows);
}

/// Operand 0 less operand 1.
fn difference() -> Expr {
    expr::operand(0) - expr::operand(1)
}

/// What follows a loss per row: something that is not linear, and a weight that is not one.
fn finish_rows(g: &mut Graph, rows: TensorId) {
    let bent = g.activation("bent", Activation::Sigmoid, rows);
    g.add_term("bent", bent, 0.7);
    g.add_term("rows", rows, 0.3);
}

/// Values for everything that is given: standard normals, different for each tensor.
fn given(graph: &Graph) -> Values<f64> {
    let mut values = Values::new(graph);
    for (index, tensor) in graph.tensors().iter().enumerate() {
        if matches!(tensor.kind, Kind::Input | Kind::Parameter) {
            let draw = |i| normal(20, Stream::Sampling, index as u32, i);
            values.set(
                id_of(graph, &tensor.name),
                (0..tensor.shape.len()).map(draw).collect(),
            );
        }
    }
    values
}

fn id_of(graph: &Graph, name: &str) -> TensorId {
    graph.find(name).unwrap()
}

fn objective(graph: &Graph, values: &Values<f64>) -> f64 {
    let context = Context {
        seed: 3,
        step: 1,
        batches: None,
    };
    evaluate(graph, &mut values.clone(), context, |_, _| true)[0]
}

/// Compares all gradients of a graph with central differences.
fn check(build: impl Fn(&mut Graph)) {
    let mut graph = Graph::new();
    build(&mut graph);
    let forward = graph.clone();
    graph.differentiate();
    let mut values = given(&graph);
    let context = Context {
        seed: 3,
        step: 1,
        batches: None,
    };
    evaluate(&graph, &mut values, context, |_, _| true);
    assert!(!graph.gradients().is_empty());

    let start = given(&forward);
    for &(parameter, gradient) in graph.gradients() {
        let gradient = values.get(gradient);
        assert!(
            gradient.iter().any(|&d| d.abs() > 1e-6),
            "a gradient of zeros shows nothing"
        );
        for (i, &analytic) in gradient.iter().enumerate() {
            let at = |shift: f64| {
                let mut moved = start.clone();
                let mut elements = start.get(parameter).to_vec();
                elements[i] += shift;
                moved.set(parameter, elements);
                objective(&forward, &moved)
            };
            let near = at(STEP) - at(-STEP);
            let far = at(2.0 * STEP) - at(-2.0 * STEP);
            let numeric = (8.0 * near - far) / (12.0 * STEP);
            let name = &graph.tensor(parameter).name;
            assert!(
                (analytic - numeric).abs() <= TOLERANCE * (1.0 + numeric.abs()),
                "d_{name}[{i}] is {analytic:e}, by differences {numeric:e}"
            );
        }
    }
}

#[test]
fn linear() {
    check(|g| {
        let x = operand(g, "x");
        let weight = g.parameter("weight", [WIDTH, WIDTH]);
        let bias = g.parameter("bias", [WIDTH]);
        let y = g.linear("y", x, weight, bias);
        finish(g, y);
    });
}

#[test]
fn linear_with_a_weight_used_twice() {
    check(|g| {
        let x = operand(g, "x");
        let weight = g.parameter("weight", [WIDTH, WIDTH]);
        let bias = g.parameter("bias", [WIDTH]);
        let y = g.linear("first", x, weight, bias);
        let y = g.activation("tanh", Activation::Tanh, y);
        let y = g.linear("second", y, weight, bias);
        finish(g, y);
    });
}

#[test]
fn products() {
    for transposed in [Transposed::Neither, Transposed::Left, Transposed::Right] {
        check(|g| {
            let a = operand(g, "a");
            let b = match transposed {
                Transposed::Neither => g.parameter("b", [WIDTH, 3]),
                Transposed::Left | Transposed::Right => operand(g, "b"),
            };
            let y = g.product("y", a, b, transposed);
            let shape = g.shape(y);
            let shape = [shape.rows(), shape.columns()];
            let rows = g.row_sum("y.rows", shape, expr::operand(0).sin(), &[y.into()]);
            g.add_term("product", rows, 0.4);
            finish(g, a);
        });
    }
}

/// Three products side by side, in each order.
#[test]
fn batched_products() {
    const GROUPS: usize = 3;
    let [m, n, k] = [2, 3, 4];
    for transposed in [Transposed::Neither, Transposed::Left, Transposed::Right] {
        check(|g| {
            let shapes = match transposed {
                Transposed::Neither => [[GROUPS * m, k], [GROUPS * k, n]],
                Transposed::Left => [[GROUPS * k, m], [GROUPS * k, n]],
                Transposed::Right => [[GROUPS * m, k], [GROUPS * n, k]],
            };
            let [a, b] = [("a", shapes[0]), ("b", shapes[1])].map(|(name, shape)| {
                let parameter = g.parameter(name, shape);
                g.activation(&format!("{name}.tanh"), Activation::Tanh, parameter)
            });
            let y = g.batched_product("y", a, b, transposed, GROUPS);
            assert_eq!(g.shape(y).dims(), [GROUPS * m, n]);
            let bent = expr::operand(0).sin();
            let rows = g.row_sum("y.rows", [GROUPS * m, n], bent, &[y.into()]);
            g.add_term("products", rows, 0.4);
        });
    }
}

#[test]
#[should_panic(expected = "y: 4 rows in 3 groups")]
fn batched_products_have_whole_groups() {
    let mut g = Graph::new();
    let [a, b] = [("a", [6, 2]), ("b", [4, 2])].map(|(name, shape)| g.input(name, shape));
    g.batched_product("y", a, b, Transposed::Neither, 3);
}

#[test]
fn activations() {
    for function in Activation::ALL {
        check(|g| {
            let x = operand(g, "x");
            let y = g.activation("y", function, x);
            finish(g, y);
        });
    }
}

#[test]
fn add() {
    check(|g| {
        let (a, b) = (operand(g, "a"), operand(g, "b"));
        let sum = g.add("sum", a, b);
        let again = g.add("again", sum, a);
        finish(g, again);
    });
}

#[test]
fn reparameterize() {
    check(|g| {
        let (mu, logvar) = (operand(g, "mu"), operand(g, "logvar"));
        let eps = g.normal("eps", Stream::Noise, [BATCH, WIDTH]);
        let z = g.reparameterize("z", mu, logvar, eps);
        finish(g, z);
    });
}

#[test]
fn kl() {
    check(|g| {
        let (mu, logvar) = (operand(g, "mu"), operand(g, "logvar"));
        let rows = g.kl("kl", mu, logvar);
        finish_rows(g, rows);
    });
}

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
fn reductions() {
    for function in [Reduction::Sum, Reduction::LogSumExp, Reduction::Max] {
        check(|g| {
            let each = operand(g, "each");
            let factor = g.input("factor", [3 * BATCH, WIDTH]);
            let product = expr::operand(0) * expr::operand(1);
            let operands = [Operand::from(each).repeated(3), factor.into()];
            let x = g.pointwise("x", [3 * BATCH, WIDTH], product.clone(), &operands);
            let y = g.reduce("y", function, x, 3);
            finish(g, y);
            // Of rows, too.
            let rows = g.row_sum("x.rows", [3 * BATCH, WIDTH], product.sin(), &operands);
            let rows = g.reduce("rows", function, rows, 3);
            g.add_term("reduced", rows, 0.2);
        });
    }
}

/// By hand: of several largest values the first has the gradient, and an index sends none back.
#[test]
fn the_first_of_the_largest_has_the_gradient() {
    let mut g = Graph::new();
    let x = g.parameter("x", [6, 2]);
    let largest = g.reduce("largest", Reduction::Max, x, 3);
    let which = g.reduce("which", Reduction::ArgMax, x, 3);
    let product = expr::operand(0) * (1.0 + expr::operand(1));
    let rows = g.row_sum("rows", [2, 2], product, &[largest.into(), which.into()]);
    g.add_term("rows", rows, 2.0);
    g.differentiate();
    let mut values = Values::<f64>::new(&g);
    values.set(
        x,
        vec![
            1.0, 5.0, 4.0, 5.0, 4.0, 2.0, -3.0, -2.0, -4.0, -1.0, -3.0, 0.0,
        ],
    );
    evaluate(&g, &mut values, Context::default(), |_, _| true);
    assert_eq!(values.get(largest), [4.0, 5.0, -3.0, 0.0]);
    assert_eq!(values.get(which), [1.0, 0.0, 0.0, 2.0]);
    let &[(_, gradient)] = g.gradients() else {
        panic!("one parameter")
    };
    let expected = [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 3.0];
    assert_eq!(values.get(gradient), expected);
}

/// Rows that several indices mean, and some that none does.
#[test]
fn lookups() {
    check(|g| {
        let table = operand(g, "table");
        let scores = g.input("scores", [3 * BATCH]);
        let index = g.reduce("index", Reduction::ArgMax, scores, 3);
        let y = g.lookup("y", table, index);
        finish(g, y);
        // Of single values, too.
        let values = g.row_sum(
            "values",
            [BATCH, WIDTH],
            expr::operand(0).sin(),
            &[table.into()],
        );
        let rows = g.lookup("rows", values, index);
        let rows = g.activation("rows.tanh", Activation::Tanh, rows);
        g.add_term("looked up", rows, 0.3);
    });
}

/// By hand: what is outside counts as the nearest inside, backward as forward.
#[test]
fn indices_outside_are_the_nearest_inside() {
    let mut g = Graph::new();
    let table = g.parameter("table", [3, 2]);
    let index = g.input("index", [4]);
    let y = g.lookup("y", table, index);
    let hot = g.one_hot_of("hot", index, 3);
    let factors = g.input("factors", [4]);
    let product = expr::operand(0) * expr::operand(1);
    let rows = g.row_sum("rows", [4, 2], product, &[y.into(), Operand::row(factors)]);
    g.add_term("rows", rows, 4.0);
    g.differentiate();
    let mut values = Values::<f64>::new(&g);
    values.set(table, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    values.set(index, vec![-7.0, 2.0, 0.0, 9.0]);
    values.set(factors, vec![1.0, 10.0, 100.0, 1000.0]);
    evaluate(&g, &mut values, Context::default(), |_, _| true);
    assert_eq!(values.get(y), [1.0, 2.0, 5.0, 6.0, 1.0, 2.0, 5.0, 6.0]);
    let expected = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    assert_eq!(values.get(hot), expected);
    let &[(_, gradient)] = g.gradients() else {
        panic!("one parameter")
    };
    assert_eq!(
        values.get(gradient),
        [101.0, 101.0, 0.0, 0.0, 1010.0, 1010.0]
    );
}

#[test]
#[should_panic(expected = "y: indices [5, 2] of a table [3]")]
fn a_row_has_one_index() {
    let mut g = Graph::new();
    let table = g.parameter("table", [3]);
    let index = g.input("index", [5, 2]);
    g.lookup("y", table, index);
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

#[test]
fn concatenations() {
    check(|g| {
        let (a, b) = (operand(g, "a"), operand(g, "b"));
        let label = g.input("label", [BATCH, 2]);
        let both = g.concat("both", a, b);
        let all = g.concat("all", both, label);
        let weight = g.parameter("weight", [WIDTH, 2 * WIDTH + 2]);
        let bias = g.parameter("bias", [WIDTH]);
        let y = g.linear("y", all, weight, bias);
        finish(g, y);
    });
}

/// Columns of several places, some of which are read twice and some never.
#[test]
fn slices() {
    check(|g| {
        let x = operand(g, "x");
        let right = g.slice("right", x, 1, WIDTH - 1);
        let all = g.slice("all", right, 0, WIDTH - 1);
        let middle = g.slice("middle", x, 1, 1);
        let y = g.concat("y", all, middle);
        finish(g, y);
        // Of a parameter, whose gradient is a tensor of its own.
        let weight = g.parameter("weight", [2, WIDTH]);
        let whole = g.slice("whole", weight, 0, WIDTH);
        let rows = g.row_sum(
            "whole.rows",
            [2, WIDTH],
            expr::operand(0).sin(),
            &[whole.into()],
        );
        g.add_term("whole", rows, 0.3);
    });
}

#[test]
fn pads() {
    check(|g| {
        let x = operand(g, "x");
        let narrow = g.slice("narrow", x, 0, WIDTH - 2);
        let [both, left, right] =
            [(1, 1), (2, 0), (0, 2)].map(|(before, after)| g.pad("padded", narrow, before, after));
        let product = expr::operand(0).exp() * expr::operand(1) + expr::operand(2);
        let operands = [both, left, right].map(Operand::from);
        let y = g.pointwise("y", [BATCH, WIDTH], product, &operands);
        finish(g, y);
    });
    let mut g = Graph::new();
    let x = g.input("x", [2, 2]);
    let padded = g.pad("padded", x, 1, 2);
    let mut values = Values::<f64>::new(&g);
    values.set(x, vec![1.0, 2.0, 3.0, 4.0]);
    evaluate(&g, &mut values, Context::default(), |_, _| true);
    let expected = [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0];
    assert_eq!(values.get(padded), expected);
}

/// Of what is computed, of a parameter, of a view, and read in both shapes.
#[test]
fn reshapes() {
    check(|g| {
        let x = operand(g, "x");
        let flat = g.reshape("flat", x, [BATCH * WIDTH]);
        let again = g.reshape("again", flat, [WIDTH, BATCH]);
        let weight = g.parameter("weight", [2, BATCH]);
        let squared = g.reshape("weight as rows", weight, [BATCH, 2]);
        let y = g.product("y", again, squared, Transposed::Neither);
        let rows = g.row_sum("y.rows", [WIDTH, 2], expr::operand(0).sin(), &[y.into()]);
        g.add_term("y", rows, 0.4);
        let rows = g.row_sum(
            "weight.rows",
            [2, BATCH],
            expr::operand(0).exp(),
            &[weight.into()],
        );
        g.add_term("weight", rows, 0.2);
        finish(g, x);
    });
}

#[test]
#[should_panic(expected = "y: [3, 2] as [5]")]
fn a_reshape_keeps_all_values() {
    let mut g = Graph::new();
    let x = g.input("x", [3, 2]);
    g.reshape("y", x, [5]);
}

/// By hand: with what is stopped taken as a constant, and the gradient of what is scaled multiplied.
#[test]
fn stopped_and_scaled_gradients() {
    let build = |scaled: bool| {
        let mut g = Graph::new();
        let x = g.parameter("x", [2, 1]);
        let y = if scaled {
            g.scale_gradient("scaled", x)
        } else {
            x
        };
        let stopped = g.stop("stopped", x);
        let product = expr::operand(0) * expr::operand(1);
        let rows = g.row_sum("rows", [2, 1], product, &[y.into(), stopped.into()]);
        let factors = g.pointwise("factors", [2, 1], 3.0 * expr::operand(0), &[rows.into()]);
        if scaled {
            g.set_gradient_scale(y, factors);
        }
        g.add_term("rows", rows, 2.0);
        g.differentiate();
        let mut values = Values::<f64>::new(&g);
        values.set(x, vec![5.0, 7.0]);
        let context = Context::default();
        let losses = evaluate(&g, &mut values, context, |_, _| true);
        assert_eq!(losses[0], 25.0 + 49.0);
        let &[(_, gradient)] = g.gradients() else {
            panic!("one parameter")
        };
        values.get(gradient).to_vec()
    };
    assert_eq!(build(false), [5.0, 7.0]);
    assert_eq!(build(true), [5.0 * 75.0, 7.0 * 147.0]);
}

#[test]
fn a_term_follows_its_ramp() {
    let mut g = Graph::new();
    let x = g.parameter("x", [3]);
    let ramp = vae_wgpu::graph::Ramp {
        steps: 4,
        period: 6,
    };
    g.add_ramped_term("x", x, 2.0, ramp);
    g.add_term("reported", x, 0.0);
    g.differentiate();
    let &[(_, gradient)] = g.gradients() else {
        panic!("one parameter")
    };
    for (step, factor) in [(0, 0.0), (1, 0.25), (4, 1.0), (5, 1.0), (6, 0.0), (9, 0.75)] {
        let mut values = Values::<f64>::new(&g);
        values.set(x, vec![1.0, 2.0, 6.0]);
        let context = Context {
            step,
            ..Context::default()
        };
        let losses = evaluate(&g, &mut values, context, |_, _| true);
        assert_eq!(losses, [2.0 * factor * 3.0, 3.0, 3.0]);
        assert_eq!(values.get(gradient), [2.0 * factor / 3.0; 3]);
    }
}

#[test]
fn a_whole_vae() {
    use vae_wgpu::model::{Likelihood, Noise, Vae, VaeConfig};
    for likelihood in Likelihood::ALL {
        let config = VaeConfig {
            input_dim: 6,
            hidden: vec![5, 4],
            latent_dim: 2,
            activation: Activation::Tanh,
            likelihood,
            ..VaeConfig::default()
        };
        let vae = Vae::new(config).unwrap();
        check(|g| {
            let x = g.input("x", [BATCH, 6]);
            vae.objective(g, x, Noise::Stream(Stream::Noise));
        });
    }
}
