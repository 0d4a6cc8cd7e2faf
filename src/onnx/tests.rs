//! Files as other programs read them. Whether they compute what this program computes is checked where there is an
//! ONNX runtime: `benches/peers/check_onnx.py` runs the tests that are ignored here and compares.

use std::collections::HashSet;
use std::path::PathBuf;

use super::*;
use crate::checkpoint::{Checkpoint, Tensor};
use crate::executor::Executor;
use crate::expr::{Function, constant, less, operand};
use crate::graph::{Operand, Reduction, Transposed};
use crate::reference::ReferenceExecutor;

/// The batches that are compared.
pub(crate) const COMPARED: [usize; 3] = [1, 3, 500];

/// Fails unless each value of a file is made once, before it is read, and every output is made.
pub(crate) fn check(file: &Onnx) {
    let read = proto::Model::decode(&file.to_bytes()[..]).unwrap();
    assert_eq!(&read, file.message());
    let graph = read.graph.unwrap();
    let mut known = HashSet::new();
    let inputs = graph.input.iter().map(|input| input.name.clone());
    let constants = graph.initializer.iter().map(|tensor| {
        let values: i64 = tensor.dims.iter().product();
        let width = match tensor.data_type {
            proto::Tensor::FLOAT => 4,
            _ => 8,
        };
        assert_eq!(
            tensor.raw_data.len() as i64,
            values * width,
            "{}",
            tensor.name
        );
        tensor.name.clone()
    });
    for name in inputs.chain(constants) {
        assert!(!name.is_empty() && known.insert(name.clone()), "{name}");
    }
    for node in &graph.node {
        for input in &node.input {
            assert!(known.contains(input), "{} reads {input}", node.name);
        }
        for output in &node.output {
            assert!(known.insert(output.clone()), "{output} is made twice");
        }
    }
    for output in &graph.output {
        assert!(known.contains(&output.name), "{}", output.name);
    }
}

/// Where files go that are to be compared.
pub(crate) fn fixtures() -> PathBuf {
    std::env::var_os("VAE_ONNX_FIXTURES")
        .expect("a folder")
        .into()
}

/// Numbers about zero, others for each of `of`.
pub(crate) fn numbers(of: &str, len: usize) -> Vec<f32> {
    let seed = of.bytes().fold(17_u32, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(byte.into())
    });
    let number = |index: u32| {
        let word = (seed ^ index.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
        let word = (word ^ (word >> 13)).wrapping_mul(0xc2b2_ae35);
        (word >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len as u32).map(number).collect()
}

/// Saves what a file is given, and what it has to give.
pub(crate) fn save_case(
    name: &str,
    batch: usize,
    given: &[(&str, [usize; 2], &[f32])],
    expected: &[(&str, [usize; 2], &[f32])],
) {
    let mut case = Checkpoint::default();
    for (prefix, tensors) in [("in", given), ("out", expected)] {
        for &(name, shape, data) in tensors {
            let (shape, data) = (shape.to_vec(), data.to_vec());
            let name = format!("{prefix}.{name}");
            case.tensors.insert(name, Tensor { shape, data });
        }
    }
    let path = fixtures().join(format!("{name}.{batch}.safetensors"));
    case.save(&path).unwrap();
}

/// Every operation and function that has a counterpart, over `x [B, 6]`, `y [B, 4]` and parameters.
fn operations(batch: usize) -> Graph {
    let mut g = Graph::new();
    let [x, y] = [("x", 6), ("y", 4)].map(|(name, columns)| g.input(name, [batch, columns]));
    let weight = g.parameter("weight", [6, 4]);
    let table = g.parameter("table", [5, 6]);
    let three = g.parameter("three", [3, 4]);
    let bias = g.parameter("bias", [5]);
    let scalar = g.parameter("scalar", [1]);
    let mut outputs = Vec::new();
    // Products, each way round, alone and side by side.
    let linear = g.linear("linear", x, table, bias);
    let gram = g.product("xx", x, x, Transposed::Left);
    outputs.extend([linear, gram]);
    outputs.push(g.product("xw", x, weight, Transposed::Neither));
    outputs.push(g.product("yw", y, weight, Transposed::Right));
    outputs.push(g.batched_product("batched", x, x, Transposed::Right, batch));
    let twice = [Operand::from(weight).in_turn(6)];
    let twice = g.pointwise("twice", [12, 4], operand(0), &twice);
    outputs.push(g.batched_product("halves", gram, twice, Transposed::Neither, 2));
    // Operands of every shape.
    let mix = operand(0) + 2.0 * operand(1) - operand(2) * operand(3);
    let row = g.row_sum("row", [batch, 6], operand(0).square(), &[x.into()]);
    let column = g.column_sum("column", table);
    let rest = [
        Operand::row(row),
        Operand::column(column),
        Operand::scalar(scalar),
    ];
    let operands: Vec<_> = [x.into()].into_iter().chain(rest).collect();
    outputs.push(g.pointwise("shapes", [batch, 6], mix.clone(), &operands));
    let operands = [
        Operand::from(y).repeated(3),
        Operand::row(row).repeated(3),
        Operand::from(three).in_turn(3),
        Operand::row(row).in_turn(batch),
    ];
    let many = g.pointwise("many", [3 * batch, 4], mix, &operands);
    outputs.push(g.sum_in_turn("in turn", many, batch));
    outputs.push(g.sum_in_turn("in threes", many, 3));
    let each = g.reshape("each", many, [12 * batch]);
    for function in Reduction::ALL {
        outputs.push(g.reduce("reduced", function, many, 3));
        let reduced = g.reduce("each reduced", function, each, 6);
        outputs.push(g.reshape("in pairs", reduced, [batch, 2]));
    }
    outputs.push(g.reduce("whole", Reduction::Sum, row, batch));
    // Columns, rows by number, constants, what passes on.
    let padded = g.pad("padded", x, 1, 2);
    outputs.push(g.slice("part", padded, 3, 5));
    let index = operand(0) * 3.0 + 1.5;
    let index = g.pointwise("index", [batch, 1], index, &[Operand::row(row)]);
    outputs.push(g.lookup("looked up", table, index));
    outputs.push(g.one_hot_of("hot", index, 5));
    outputs.push(g.stop("stopped", linear));
    outputs.push(g.pointwise("filled", [batch, 3], constant(0.25), &[]));
    // Functions, near zero and far from it, and a choice.
    let x_operand = Operand::from(x);
    for &function in Function::ALL {
        let x = operand(0) * 4.0;
        let of = match function {
            Function::Sqrt | Function::Ln => x.abs() + 1e-3,
            Function::Ln1p => x.abs() - 0.2,
            _ => x,
        };
        if !WITHOUT.contains(&function) {
            let expr = of.call(function);
            outputs.push(g.pointwise(function.name(), [batch, 6], expr, &[x_operand]));
        }
    }
    let choice = less(operand(0), 0.25, operand(0).min(0.0), operand(0).max(0.5));
    outputs.push(g.pointwise("choice", [batch, 6], choice, &[x.into()]));
    for output in outputs {
        g.output(output);
    }
    g
}

/// The functions that have no counterpart: derivatives and normalisers of densities, which no network reads.
const WITHOUT: [Function; 5] = [
    Function::LnSinhc,
    Function::LangevinSlope,
    Function::Lgamma,
    Function::Digamma,
    Function::Trigamma,
];

/// The file of a graph whose outputs are called by their numbers.
fn file(graph: &dyn Fn(usize) -> Graph) -> Result<Onnx, OnnxError> {
    let written = graph(2);
    let parameters = written.tensors().iter();
    let parameters = parameters.filter(|tensor| tensor.kind == Kind::Parameter);
    let values: Vec<_> = parameters
        .map(|of| (of.name.clone(), numbers(&of.name, of.shape.len())))
        .collect();
    let values = |name: &str| {
        let found = values.iter().find(|(known, _)| known == name)?;
        Some(found.1.as_slice())
    };
    let names: Vec<_> = (0..written.outputs().len())
        .map(|number| format!("out{number}"))
        .collect();
    let outputs: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    Onnx::new(&Source {
        name: "operations",
        description: String::new(),
        graph,
        inputs: &[],
        outputs: &outputs,
        parameters: &values,
        metadata: Vec::new(),
    })
}

#[test]
fn every_operation_becomes_nodes_in_an_order_in_which_they_run() {
    let written = file(&operations).unwrap();
    check(&written);
    let graph = written.message().graph.as_ref().unwrap();
    let dim = |value: &ValueInfo| {
        let shape = value.r#type.clone().unwrap().tensor_type.unwrap().shape;
        shape
            .unwrap()
            .dim
            .into_iter()
            .map(|dim| dim.value.unwrap())
            .collect::<Vec<_>>()
    };
    let batch = dimension::Value::DimParam(BATCH.to_owned());
    assert_eq!(dim(&graph.input[0]), [batch, dimension::Value::DimValue(6)]);
    // Names of outputs are kept, whatever makes them.
    assert_eq!(graph.output[0].name, "out0");
    for function in WITHOUT {
        let refused = file(&|batch| {
            let mut g = Graph::new();
            let x = g.input("x", [batch, 2]);
            let y = g.pointwise("y", [batch, 2], operand(0).call(function), &[x.into()]);
            g.output(y);
            g
        });
        let tensor = "y".to_owned();
        let reason = Obstacle::Function(function.name());
        assert_eq!(refused, Err(OnnxError::Operation { tensor, reason }));
    }
}

#[test]
fn what_is_drawn_or_is_another_computation_for_another_batch_is_refused_by_name() {
    let refused = |tensor: &str, reason| {
        let tensor = tensor.to_owned();
        Err(OnnxError::Operation { tensor, reason })
    };
    let drawn = file(&|batch| {
        let mut g = Graph::new();
        let x = g.input("x", [batch, 2]);
        let eps = g.normal("eps", crate::rng::Stream::Noise, [batch, 2]);
        let z = g.add("z", x, eps);
        g.output(z);
        g
    });
    assert_eq!(drawn, refused("eps", Obstacle::Draws));
    let of_rows = file(&|batch| {
        let mut g = Graph::new();
        let x = g.input("x", [batch, 2]);
        let share = operand(0) * (1.0 / batch as f64);
        let y = g.pointwise("y", [batch, 2], share, &[x.into()]);
        g.output(y);
        g
    });
    assert_eq!(of_rows, refused("y", Obstacle::Values));
    let without = Onnx::new(&Source {
        name: "operations",
        description: String::new(),
        graph: &|batch| {
            let mut g = Graph::new();
            let [x, weight] = [g.input("x", [batch, 2]), g.parameter("weight", [3, 2])];
            let y = g.product("y", x, weight, Transposed::Right);
            g.output(y);
            g
        },
        inputs: &[],
        outputs: &[("y", "")],
        parameters: &|_| None,
        metadata: Vec::new(),
    });
    let name = "weight".to_owned();
    assert_eq!(without, Err(OnnxError::NoParameter { name }));
}

#[test]
#[ignore = "writes files that benches/peers/check_onnx.py compares"]
fn fixtures_of_operations() {
    file(&operations)
        .unwrap()
        .save(&fixtures().join("operations.onnx"))
        .unwrap();
    for batch in COMPARED {
        let graph = operations(batch);
        let specs = graph
            .tensors()
            .iter()
            .filter(|of| of.kind == Kind::Parameter);
        let specs = specs.map(|of| crate::executor::ParameterSpec {
            name: of.name.clone(),
            shape: of.shape,
            initial: crate::executor::Initial::Normal,
        });
        let specs: Vec<_> = specs.collect();
        let values = specs
            .iter()
            .map(|spec| numbers(&spec.name, spec.shape.len()));
        let parameters: Vec<_> = values.collect();
        let mut executor = ReferenceExecutor::new(specs, 0);
        let (m, v) = (parameters.clone(), parameters.clone());
        executor
            .restore(&crate::executor::Snapshot { parameters, m, v })
            .unwrap();
        let [x, y] = ["x", "y"].map(|name| graph.find(name).unwrap());
        let (xs, ys) = (numbers("x", batch * 6), numbers("y", batch * 4));
        let outputs = graph.outputs().to_vec();
        let shapes = outputs
            .iter()
            .map(|&id| [graph.shape(id).rows(), graph.shape(id).columns()]);
        let shapes: Vec<_> = shapes.collect();
        let mut session = executor.session(graph).unwrap();
        let found = session.run(0, &[(x, &xs), (y, &ys)]).unwrap().tensors;
        let names: Vec<_> = (0..found.len())
            .map(|number| format!("out{number}"))
            .collect();
        let expected = names.iter().zip(shapes).zip(&found);
        let expected: Vec<_> = expected
            .map(|((name, shape), values)| (name.as_str(), shape, values.as_slice()))
            .collect();
        let given = [("x", [batch, 6], &xs[..]), ("y", [batch, 4], &ys[..])];
        save_case("operations", batch, &given, &expected);
    }
}
