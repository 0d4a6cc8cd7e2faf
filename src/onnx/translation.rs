//! A graph of any batch, from the same graph of two.

use std::collections::{BTreeMap, HashMap};

use super::error::{Obstacle, OnnxError};
use super::extent::Extent;
use super::operation::Work;
use super::proto::{Attribute, Tensor};
use super::writer::{Value, Writer, axis};
use super::{Input, Parameters};
use crate::graph::{Graph, Kind, Node, TensorId};

/// A graph on its way to nodes.
pub(super) struct Translation<'g, 'p> {
    /// Of the batches of [`super::extent::BATCHES`].
    graphs: [&'g Graph; 2],
    parameters: Parameters<'p>,
    pub(super) writer: Writer,
    /// What has been written, by tensor.
    written: HashMap<TensorId, Value>,
    /// Names that were promised to outputs.
    promised: BTreeMap<TensorId, Value>,
}

impl<'g, 'p> Translation<'g, 'p> {
    pub(super) fn new(graphs: [&'g Graph; 2], parameters: Parameters<'p>) -> Self {
        Self {
            graphs,
            parameters,
            writer: Writer::default(),
            written: HashMap::new(),
            promised: BTreeMap::new(),
        }
    }

    /// Reserves the name of an output.
    pub(super) fn promise(&mut self, id: TensorId, name: &str) -> Value {
        let name = self.writer.unique(name);
        let other = self.promised.insert(id, name.clone());
        assert!(other.is_none(), "{name} is an output twice");
        name
    }

    /// Writes an input of the graph as the caller gives it, and what makes the graph's numbers of it.
    pub(super) fn input(&mut self, id: TensorId, input: Input<'_>) -> Result<Value, Obstacle> {
        let extents = self.extents(id)?;
        if extents[0] != Extent::PerRow(1) {
            return Err(Obstacle::Shape);
        }
        let name = &self.graphs[0].tensor(id).name;
        let given = self.writer.unique(name);
        self.writer.set_rows(&given);
        self.writer.enter(name);
        let value = match (input, &extents[..]) {
            (Input::Floats, _) => given.clone(),
            (Input::Bytes, _) => self.cast(&given, Tensor::FLOAT),
            (Input::Classes, &[_, Extent::Fixed(classes)]) => {
                let depth = self.writer.integers(&[classes as i64]);
                let values = self.writer.unique("off and on");
                self.writer.floats(&values, &[2], &[0.0, 1.0]);
                let inputs = [&given, &depth, &values];
                self.writer.node("OneHot", &inputs, [axis(-1)])
            }
            (Input::Classes, _) => return Err(Obstacle::Shape),
            (Input::Standardised { means, deviations }, _) => {
                let [means, deviations] = [("means", means), ("deviations", deviations)]
                    .map(|(what, values)| self.writer.doubles(&format!("{name}.{what}"), values));
                let centred = self.writer.node("Sub", &[&given, &means], []);
                let scaled = self.writer.node("Div", &[&centred, &deviations], []);
                self.cast(&scaled, Tensor::FLOAT)
            }
        };
        self.written.insert(id, value);
        Ok(given)
    }

    /// Writes every operation that an output depends on.
    pub(super) fn operations(&mut self) -> Result<(), OnnxError> {
        let [first, second] = self.graphs;
        let needed = needed(first);
        let same = first.nodes().len() == second.nodes().len();
        for (node, other) in first.nodes().iter().zip(second.nodes()) {
            if !needed[node.output.index()] {
                continue;
            }
            let name = &first.tensor(node.output).name;
            let failed = |reason| OnnxError::Operation {
                tensor: name.clone(),
                reason,
            };
            if !same || node.inputs != other.inputs || node.output != other.output {
                return Err(failed(Obstacle::Values));
            }
            let work = Work {
                ops: [&node.op, &other.op],
                inputs: &node.inputs,
                output: node.output,
            };
            self.writer.enter(name);
            let value = self.operation(&work).map_err(failed)?;
            let value = match self.promised.remove(&node.output) {
                Some(name) => self.writer.rename(&value, name),
                None => value,
            };
            self.written.insert(node.output, value);
        }
        Ok(())
    }

    /// Writes outputs that are no results of operations: views, and inputs that pass through.
    pub(super) fn others(&mut self) -> Result<(), OnnxError> {
        for (id, name) in std::mem::take(&mut self.promised) {
            let tensor = &self.graphs[0].tensor(id).name;
            self.writer.enter(tensor);
            let value = self.value(id).map_err(|reason| OnnxError::Operation {
                tensor: tensor.clone(),
                reason,
            })?;
            self.writer.rename(&value, name);
        }
        Ok(())
    }

    /// The extents of a tensor's dimensions.
    pub(super) fn extents(&self, id: TensorId) -> Result<Vec<Extent>, Obstacle> {
        let [a, b] = self.graphs.map(|graph| graph.shape(id));
        let pairs = a.dims().iter().zip(b.dims());
        let extents = pairs.map(|(&a, &b)| Extent::of([a, b]));
        extents.collect::<Option<_>>().ok_or(Obstacle::Shape)
    }

    /// Likewise those of a matrix, which a vector is with one column.
    pub(super) fn matrix_extents(&self, id: TensorId) -> Result<[Extent; 2], Obstacle> {
        match self.extents(id)?[..] {
            [rows] => Ok([rows, Extent::Fixed(1)]),
            [rows, columns] => Ok([rows, columns]),
            _ => Err(Obstacle::Shape),
        }
    }

    /// Those of several tensors.
    pub(super) fn values(&mut self, ids: &[TensorId]) -> Result<Vec<Value>, Obstacle> {
        ids.iter().map(|&id| self.value(id)).collect()
    }

    /// A tensor's value; parameters and constants are written when they are first read.
    pub(super) fn value(&mut self, id: TensorId) -> Result<Value, Obstacle> {
        if let Some(value) = self.written.get(&id) {
            return Ok(value.clone());
        }
        let [tensor, other] = self.graphs.map(|graph| graph.tensor(id));
        let extents = self.extents(id)?;
        let dims = tensor.shape.dims();
        let value = match (&tensor.kind, &other.kind) {
            (Kind::Parameter | Kind::State, _) => {
                let name = self.writer.unique(&tensor.name);
                let values = (self.parameters)(&tensor.name).unwrap_or_default();
                self.writer.floats(&name, dims, values);
                name
            }
            (Kind::Values(values), Kind::Values(same)) if values == same => {
                let name = self.writer.unique(&tensor.name);
                self.writer.floats(&name, dims, values);
                name
            }
            (Kind::Constant(number), Kind::Constant(same)) if number == same => {
                let shape = self.writer.shape(&extents);
                let fill = Attribute {
                    name: "value".to_owned(),
                    kind: Attribute::TENSOR,
                    t: Some(Tensor {
                        dims: vec![1],
                        data_type: Tensor::FLOAT,
                        name: String::new(),
                        raw_data: (*number as f32).to_le_bytes().to_vec(),
                    }),
                    ..Attribute::default()
                };
                self.writer.node("ConstantOfShape", &[&shape], [fill])
            }
            (&Kind::View(of), _) => {
                let of = self.value(of)?;
                self.writer.reshape(&of, &extents)
            }
            _ => return Err(Obstacle::Values),
        };
        self.written.insert(id, value.clone());
        Ok(value)
    }

    /// The first parameter that an output depends on and that has no values, or not as many as its shape says.
    pub(super) fn missing_parameter(&self) -> Option<&str> {
        let graph = self.graphs[0];
        let needed = needed(graph);
        let tensors = graph.tensors().iter().zip(needed);
        let mut read = tensors.filter(|(tensor, needed)| {
            *needed && matches!(tensor.kind, Kind::Parameter | Kind::State)
        });
        let is_there =
            |name: &str, len| (self.parameters)(name).is_some_and(|values| values.len() == len);
        let missing = read.find(|(tensor, _)| !is_there(&tensor.name, tensor.shape.len()));
        missing.map(|(tensor, _)| tensor.name.as_str())
    }
}

/// Which tensors an output depends on.
fn needed(graph: &Graph) -> Vec<bool> {
    let mut needed = vec![false; graph.tensors().len()];
    for output in graph.outputs() {
        needed[output.index()] = true;
    }
    // Whatever reads a tensor comes behind it.
    let made: HashMap<_, &Node> = graph
        .nodes()
        .iter()
        .map(|node| (node.output, node))
        .collect();
    for index in (0..graph.tensors().len()).rev() {
        if !needed[index] {
            continue;
        }
        let id = TensorId(index);
        if let Kind::View(of) = graph.tensor(id).kind {
            needed[of.index()] = true;
        }
        if let Some(node) = made.get(&id) {
            for input in &node.inputs {
                needed[input.index()] = true;
            }
        }
    }
    needed
}
