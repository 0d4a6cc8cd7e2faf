//! Every adjoint against central differences, in f64, with the operation in the middle of a graph:
//! what comes before shows whether the gradient is passed on, what follows whether it is used.
#![allow(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it should do"
)]

mod reductions;
mod rows;
mod windows;

use vae_wgpu::expr::{self, Expr};
use vae_wgpu::graph::{Activation, Graph, Kind, TensorId, Transposed};
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
    use vae_wgpu::model::{Elbo, Likelihood, Noise, Objective, Vae, VaeConfig};
    for likelihood in Likelihood::ALL {
        // A latent of one dimension is a column.
        for (latent_dim, samples) in [(2, 1), (1, 1), (1, 3)] {
            let config = VaeConfig {
                input_dim: 6,
                hidden: vec![5, 4],
                latent_dim,
                activation: Activation::Tanh,
                likelihood,
                levels: 3,
                objective: Objective::Elbo(Elbo {
                    samples,
                    ..Elbo::default()
                }),
                ..VaeConfig::default()
            };
            let vae = Vae::new(config).unwrap();
            check(|g| {
                let mut x = g.input("x", [BATCH, 6]);
                if likelihood.is_of_counts() {
                    let positive = (3.0 * expr::operand(0)).square();
                    x = g.pointwise("counts", [BATCH, 6], positive, &[x.into()]);
                }
                vae.objective(g, x, Noise::Stream(Stream::Noise));
            });
        }
    }
}
