//! Operations of the graph in sizes that are drawn at random: every executor agrees with the reference in
//! f64, in results and gradients.

use rand::RngExt;
use vae_wgpu::executor::{Initial, ParameterSpec, Snapshot};
use vae_wgpu::expr::operand;
use vae_wgpu::graph::{
    Activation, Adam, Graph, Kind, Operand, Reduction, Shape, TensorId, Transposed,
};
use vae_wgpu::reference::{Context, Values, evaluate};
use vae_wgpu::rng::{Philox, Stream, initial_uniform};

use crate::support::harness::{Open, Test, tests};
use crate::truth::{BACKWARD, FORWARD, close};

pub(crate) fn tests() -> Vec<Test> {
    tests![executors: rows_in_turn, reductions, lookups, windows, batched_products, reshapes]
}

/// How many sizes of each are drawn.
const DRAWN: u64 = 4;

/// Numbers of rows and columns.
struct Draw(Philox);

impl Draw {
    fn to(&mut self, most: usize) -> usize {
        self.0.random_range(1..=most)
    }
}

/// Runs what `build` writes, in [`DRAWN`] sizes: its outputs and all gradients.
fn compare(open: &Open, build: impl Fn(&mut Graph, &mut Draw)) {
    for seed in 0..DRAWN {
        let mut g = Graph::new();
        build(&mut g, &mut Draw(Philox::new(seed, Stream::Sampling, 0)));
        g.minimize(Adam::default());
        let mut expected: Vec<_> = g.outputs().iter().map(|&id| (id, FORWARD)).collect();
        for (_, gradient) in g.gradients().to_vec() {
            g.output(gradient);
            expected.push((gradient, BACKWARD));
        }
        let mut truth = Values::<f64>::new(&g);
        let (mut specs, mut parameters, mut inputs) = (vec![], vec![], vec![]);
        for (index, tensor) in g.tensors().iter().enumerate() {
            let Some(id) = g.find(&tensor.name) else {
                unreachable!("a tensor has a name")
            };
            let given = || initial_uniform(seed, index as u32, tensor.shape.len(), 2.0);
            match tensor.kind {
                Kind::Input => inputs.push((id, given())),
                Kind::Parameter => {
                    specs.push(ParameterSpec {
                        name: tensor.name.clone(),
                        shape: tensor.shape,
                        initial: Initial::Constant(0.0),
                    });
                    parameters.push((id, given()));
                }
                _ => {}
            }
        }
        for (id, values) in inputs.iter().chain(&parameters) {
            truth.set(*id, values.iter().map(|&v| v.into()).collect());
        }
        evaluate(&g, &mut truth, Context::default(), |_, _| true);
        let names: Vec<_> = expected
            .iter()
            .map(|&(id, _)| g.tensor(id).name.clone())
            .collect();

        let mut executor = open(specs.clone(), seed);
        executor
            .restore(&Snapshot {
                parameters: parameters.into_iter().map(|(_, values)| values).collect(),
                ..Snapshot::initial(&specs, seed)
            })
            .unwrap();
        let mut session = executor.session(g).unwrap();
        let given: Vec<_> = inputs
            .iter()
            .map(|(id, values)| (*id, values.as_slice()))
            .collect();
        let found = session.run(0, &given).unwrap().tensors;
        for (((id, tolerance), name), found) in expected.into_iter().zip(names).zip(&found) {
            let expected: Vec<f32> = truth.get(id).iter().map(|&v| v as f32).collect();
            close(
                &format!("{name} of sizes {seed}"),
                found,
                &expected,
                tolerance,
            );
        }
    }
}

/// A parameter behind tanh: what depends on parameters, and is no parameter itself.
fn computed(g: &mut Graph, name: &str, shape: impl Into<Shape>) -> TensorId {
    let shape = shape.into();
    let parameter = g.parameter(name, shape);
    let matrix = [shape.rows(), shape.columns()];
    g.pointwise(
        &format!("tanh of {name}"),
        matrix,
        operand(0).tanh(),
        &[parameter.into()],
    )
}

/// A term of the sines of a matrix, so that its gradient is no constant, with the matrix as an output.
fn finish(g: &mut Graph, name: &str, y: TensorId) {
    g.output(y);
    let shape = [g.shape(y).rows(), g.shape(y).columns()];
    let rows = g.row_sum(
        &format!("sines of {name}"),
        shape,
        operand(0).sin(),
        &[y.into()],
    );
    g.add_term(name, rows, 1.0);
}

/// A mixture of Gaussians: each of B rows with each of K components, some of which is stored, too.
fn rows_in_turn(open: &Open) {
    compare(open, |g, draw| {
        let [batch, components, width] = [draw.to(20), draw.to(9), draw.to(70)];
        let rows = batch * components;
        let z = computed(g, "z", [batch, width]);
        let means = g.parameter("means", [components, width]);
        let weights = g.parameter("weights", [components]);
        let operands = [
            Operand::from(z).repeated(components),
            Operand::from(means).in_turn(components),
            Operand::row(weights).in_turn(components),
        ];
        let [x, mean, weight] = [0, 1, 2].map(operand);
        let difference = (x - mean) * weight.tanh();
        let stored = g.pointwise("differences", [rows, width], difference.clone(), &operands);
        let sums = g.sum_in_turn("sums", stored, batch);
        finish(g, "sums in turn", sums);
        let each = g.row_sum("each", [rows, width], -0.5 * difference.square(), &operands);
        let operands = [
            Operand::row(each),
            Operand::row(weights).in_turn(components),
        ];
        let weighted = operand(0) + operand(1);
        let weighted = g.pointwise("weighted", [rows, 1], weighted, &operands);
        let mixture = g.reduce("mixture", Reduction::LogSumExp, weighted, components);
        finish(g, "mixture rows", mixture);
    });
}

/// Each on rows of a width, and on single values.
fn reductions(open: &Open) {
    compare(open, |g, draw| {
        let [rows, axis, width] = [draw.to(20), draw.to(9), draw.to(70)];
        for function in Reduction::ALL {
            let name = |what: &str| format!("{function:?} of {what}");
            let x = computed(g, &name("x"), [rows * axis, width]);
            let y = g.reduce(&name("rows"), function, x, axis);
            finish(g, &name("all"), y);
            let x = computed(g, &name("column"), [rows * axis]);
            let y = g.reduce(&name("values"), function, x, axis);
            finish(g, &name("all values"), y);
        }
    });
}

/// Rows of a table, which are a product of their one-hot rows with it; some indices lie outside of it.
fn lookups(open: &Open) {
    compare(open, |g, draw| {
        let [rows, entries, width] = [draw.to(40), draw.to(9), draw.to(70)];
        let table = computed(g, "table", [entries, width]);
        let scores = g.input("scores", [rows * (entries + 2)]);
        let index = g.reduce("index", Reduction::ArgMax, scores, entries + 2);
        let y = g.lookup("y", table, index);
        finish(g, "looked up", y);
        let hot = g.one_hot_of("hot", index, entries);
        let y = g.product("product", hot, table, Transposed::Neither);
        finish(g, "multiplied", y);
        let values = computed(g, "values", [entries]);
        let y = g.lookup("y of values", values, index);
        finish(g, "looked up values", y);
    });
}

/// Rows side by side, with zeros about them, and parts of those.
fn windows(open: &Open) {
    compare(open, |g, draw| {
        let [rows, width, before, after] = [draw.to(40), draw.to(40), draw.to(9), draw.to(9)];
        let x = computed(g, "x", [rows, width]);
        let padded = g.pad("padded", x, before, after);
        finish(g, "of padded", padded);
        let part = g.slice("part", padded, before.div_ceil(2), width);
        finish(g, "of a part", part);
        let both = g.concat("both", part, x);
        finish(g, "of both", both);
    });
}

/// Products side by side in each order, of which one is an operand of the next.
fn batched_products(open: &Open) {
    compare(open, |g, draw| {
        let [groups, m, n, k] = [draw.to(7), draw.to(40), draw.to(70), draw.to(40)];
        let a = computed(g, "a", [groups * m, k]);
        let b = computed(g, "b", [groups * k, n]);
        let y = g.batched_product("a b", a, b, Transposed::Neither, groups);
        finish(g, "of a b", y);
        let y = g.batched_product("aT a b", a, y, Transposed::Left, groups);
        finish(g, "of aT a b", y);
        let y = g.batched_product("aT a b bT", y, b, Transposed::Right, groups);
        finish(g, "of aT a b bT", y);
    });
}

/// Views of what is computed, given, stopped and trained; of a product whose other reader could take it along,
/// and of a term.
fn reshapes(open: &Open) {
    compare(open, |g, draw| {
        let [m, n, k] = [draw.to(30), draw.to(30), draw.to(30)];
        let x = g.input("x", [k, m]);
        let x = g.reshape("x as rows", x, [m, k]);
        let weight = g.parameter("weight", [k, n]);
        let weight = g.reshape("weight as rows", weight, [n, k]);
        let y = g.product("y", x, weight, Transposed::Right);
        let other = g.reshape("y as rows", y, [n, m]);
        let bent = g.pointwise("bent", [m, n], operand(0).tanh(), &[y.into()]);
        finish(g, "of bent", bent);
        let stopped = g.stop("stopped", bent);
        let flat = g.reshape("stopped as rows", stopped, [n, m]);
        let operands = [other.into(), flat.into()];
        let both = g.pointwise("both", [n, m], operand(0) * operand(1), &operands);
        finish(g, "of both", both);
        // Both shapes in one work, where a row is shared by all.
        let line = g.reshape("line", both, [1, n * m]);
        let rows = g.reshape("both as rows", line, [n * m]);
        let operands = [line.into(), Operand::column(rows)];
        let product = operand(0) * operand(1).sin();
        let line = g.pointwise("line again", [1, n * m], product, &operands);
        finish(g, "of a line", line);
        let rows = g.reshape("rows of a term", line, [n * m]);
        let rows = g.activation("bent again", Activation::Sigmoid, rows);
        let rows = g.reshape("rows of the term", rows, [n * m]);
        g.add_term("view", rows, 0.5);
    });
}
