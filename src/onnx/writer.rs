//! Nodes, constants and their names.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::extent::Extent;
use super::proto::{Attribute, Node, Tensor};

/// A value by its name.
pub(super) type Value = Rc<str>;

/// Writes nodes, each behind those that it reads.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) nodes: Vec<Node>,
    pub(super) initializers: Vec<Tensor>,
    taken: HashSet<String>,
    /// What the nodes belong to that are written now.
    scope: String,
    /// Nodes that were there before.
    before: usize,
    scalars: HashMap<u32, Value>,
    integers: HashMap<Vec<i64>, Value>,
    /// A value whose first dimension is the batch.
    rows: Option<Value>,
    /// The batch's rows, `[1]` of i64.
    batch: Option<Value>,
}

impl Writer {
    /// A name that nothing else has: this one, or with a number behind it.
    pub(super) fn unique(&mut self, name: &str) -> Value {
        let mut candidate = name.to_owned();
        let mut number = 1;
        while !self.taken.insert(candidate.clone()) {
            number += 1;
            candidate = format!("{name}_{number}");
        }
        candidate.into()
    }

    /// Names the tensor whose nodes come next.
    pub(super) fn enter(&mut self, scope: &str) {
        scope.clone_into(&mut self.scope);
        self.before = self.nodes.len();
    }

    /// Says whose first dimension is the batch.
    pub(super) fn set_rows(&mut self, of: &Value) {
        self.rows.get_or_insert_with(|| Rc::clone(of));
    }

    /// A node of one result.
    pub(super) fn node(
        &mut self,
        op: &str,
        inputs: &[&Value],
        attributes: impl IntoIterator<Item = Attribute>,
    ) -> Value {
        let output = self.unique(&format!("{}/{op}", self.scope));
        self.nodes.push(Node {
            input: inputs.iter().map(|value| value.to_string()).collect(),
            output: vec![output.to_string()],
            name: output.to_string(),
            op_type: op.to_owned(),
            attribute: attributes.into_iter().collect(),
        });
        output
    }

    /// The same value under `name`, which [`Writer::unique`] gave: that of the last node, if it belongs to the tensor
    /// and the value is its result, else of one that passes the value on.
    pub(super) fn rename(&mut self, value: &Value, name: Value) -> Value {
        let own = self.nodes[self.before..].last();
        let is_its_result = own.is_some_and(|node| node.output[0] == **value);
        if !is_its_result {
            self.node("Identity", &[value], []);
        }
        if let Some(node) = self.nodes.last_mut() {
            node.output = vec![name.to_string()];
            node.name = name.to_string();
        }
        name
    }

    /// One f32.
    pub(super) fn scalar(&mut self, value: f64) -> Value {
        let value = value as f32;
        if let Some(known) = self.scalars.get(&value.to_bits()) {
            return Rc::clone(known);
        }
        let name = self.unique(&format!("{value:?}"));
        self.floats(&name, &[], &[value]);
        self.scalars.insert(value.to_bits(), Rc::clone(&name));
        name
    }

    /// A constant of f32 under `name`, which [`Writer::unique`] gave.
    pub(super) fn floats(&mut self, name: &Value, dims: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.initializers.push(Tensor {
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: Tensor::FLOAT,
            name: name.to_string(),
            raw_data: bytes.collect(),
        });
    }

    /// A vector of f64, under this name or one like it.
    pub(super) fn doubles(&mut self, name: &str, values: &[f64]) -> Value {
        let name = self.unique(name);
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.initializers.push(Tensor {
            dims: vec![values.len() as i64],
            data_type: Tensor::DOUBLE,
            name: name.to_string(),
            raw_data: bytes.collect(),
        });
        name
    }

    /// A vector of i64.
    pub(super) fn integers(&mut self, values: &[i64]) -> Value {
        if let Some(known) = self.integers.get(values) {
            return Rc::clone(known);
        }
        let texts: Vec<_> = values.iter().map(i64::to_string).collect();
        let name = self.unique(&format!("[{}]", texts.join(",")));
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.initializers.push(Tensor {
            dims: vec![values.len() as i64],
            data_type: Tensor::INT64,
            name: name.to_string(),
            raw_data: bytes.collect(),
        });
        self.integers.insert(values.to_vec(), Rc::clone(&name));
        name
    }

    /// Extents as a vector of i64, whatever the batch.
    pub(super) fn shape(&mut self, extents: &[Extent]) -> Value {
        let fixed = extents.iter().map(|extent| match extent {
            Extent::Fixed(number) => Some(*number as i64),
            Extent::PerRow(_) => None,
        });
        if let Some(numbers) = fixed.collect::<Option<Vec<_>>>() {
            return self.integers(&numbers);
        }
        let mut parts = Vec::new();
        for extent in extents {
            parts.push(match *extent {
                Extent::Fixed(number) => self.integers(&[number as i64]),
                Extent::PerRow(1) => self.batch(),
                Extent::PerRow(times) => {
                    let (batch, times) = (self.batch(), self.integers(&[times as i64]));
                    self.node("Mul", &[&batch, &times], [])
                }
            });
        }
        match &parts[..] {
            [part] => Rc::clone(part),
            parts => self.node("Concat", &parts.iter().collect::<Vec<_>>(), [axis(0)]),
        }
    }

    /// The batch's rows, `[1]`.
    fn batch(&mut self) -> Value {
        if let Some(batch) = &self.batch {
            return Rc::clone(batch);
        }
        let rows = match &self.rows {
            Some(rows) => Rc::clone(rows),
            // Only what has an input grows with its rows.
            None => unreachable!("a batch without an input"),
        };
        let ends = [integer("start", 0), integer("end", 1)];
        let batch = self.node("Shape", &[&rows], ends);
        self.batch = Some(Rc::clone(&batch));
        batch
    }

    /// The same elements in another shape. At most one extent grows with the batch.
    pub(super) fn reshape(&mut self, value: &Value, extents: &[Extent]) -> Value {
        let numbers = extents.iter().map(|extent| match extent {
            Extent::Fixed(number) => *number as i64,
            // Whatever is left.
            Extent::PerRow(_) => -1,
        });
        let numbers: Vec<_> = numbers.collect();
        let shape = match numbers.iter().filter(|&&number| number == -1).count() {
            0 | 1 => self.integers(&numbers),
            _ => self.shape(extents),
        };
        self.node("Reshape", &[value, &shape], [])
    }

    /// So many copies along each dimension.
    pub(super) fn tile(&mut self, value: &Value, times: &[Extent]) -> Value {
        let times = self.shape(times);
        self.node("Tile", &[value, &times], [])
    }

    /// The sum along a dimension, which goes.
    pub(super) fn sum(&mut self, value: &Value, dimension: i64) -> Value {
        let axes = self.integers(&[dimension]);
        self.node("ReduceSum", &[value, &axes], [integer("keepdims", 0)])
    }
}

/// An attribute of one number.
pub(super) fn integer(name: &str, value: i64) -> Attribute {
    Attribute {
        name: name.to_owned(),
        i: Some(value),
        kind: Attribute::INT,
        ..Attribute::default()
    }
}

/// An attribute of several.
pub(super) fn integers(name: &str, values: &[i64]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        ints: values.to_vec(),
        kind: Attribute::INTS,
        ..Attribute::default()
    }
}

/// The dimension that an operator works along.
pub(super) fn axis(dimension: i64) -> Attribute {
    integer("axis", dimension)
}
