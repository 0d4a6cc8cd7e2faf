//! Every adjoint against central differences, in f64, with the operation in the middle of a graph:
//! what comes before shows whether the gradient is passed on, what follows whether it is used.
#![allow(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it should do"
)]

use vae_wgpu::graph::{Activation, Graph, Kind, TensorId};
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
    let rows = g.squared_error("rows", out, target);
    finish_rows(g, rows);
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

#[test]
fn bernoulli_nll() {
    check(|g| {
        let logits = operand(g, "logits");
        let x = g.input("observed", [BATCH, WIDTH]);
        let rows = g.bernoulli_nll("nll", logits, x);
        finish_rows(g, rows);
    });
}

#[test]
fn squared_error_and_gaussian_nll() {
    check(|g| {
        let y = operand(g, "y");
        let x = g.input("observed", [BATCH, WIDTH]);
        let rows = g.squared_error("error", y, x);
        let nll = g.gaussian_nll("nll", y, x);
        let sum = g.add("sum", rows, nll);
        finish_rows(g, sum);
    });
}

#[test]
fn a_whole_vae() {
    use vae_wgpu::model::{Likelihood, Noise, Vae, VaeConfig};
    for likelihood in [
        Likelihood::Bernoulli,
        Likelihood::Gaussian,
        Likelihood::SquaredError,
    ] {
        let config = VaeConfig {
            input_dim: 6,
            hidden: vec![5, 4],
            latent_dim: 2,
            activation: Activation::Tanh,
            likelihood,
        };
        let vae = Vae::new(config).unwrap();
        check(|g| {
            let x = g.input("x", [BATCH, 6]);
            vae.negative_elbo(g, x, Noise::Stream(Stream::Noise));
        });
    }
}
