//! Graphs as ONNX files, for other programs to run on batches of any size.
//!
//! A [`Graph`] is written for a batch of so many rows. To find out which of its numbers follow the batch, it is written
//! twice, for two batches (`extent.rs`): what is the same in both is a constant, and what grows in proportion to the rows
//! is computed from the shape of the file's first input. Each operation becomes a few nodes of operator set 17
//! (`operation.rs`), and each pointwise expression one node for each of its steps (`expression.rs`) over operands in
//! shapes that ONNX broadcasts (`broadcast.rs`). Gradients, draws and data sets have no place in a file.

mod broadcast;
mod error;
mod expression;
mod extent;
mod operation;
pub mod proto;
#[cfg(test)]
pub(crate) mod tests;
mod translation;
mod writer;

use std::path::Path;

use prost::Message;

use crate::checkpoint::{CheckpointError, write_whole};
use crate::graph::{Graph, Kind, TensorId};
use extent::{BATCHES, Extent};
use proto::{Dimension, TensorShape, TensorType, Type, ValueInfo, dimension};
use translation::Translation;

pub use error::{Obstacle, OnnxError};

/// The version of the file's format that came with [`OPERATORS`].
const FORMAT: i64 = 8;

/// The version of ONNX's operators that a file uses.
pub const OPERATORS: i64 = 17;

/// The name of the dimension that is the batch.
pub const BATCH: &str = "batch";

/// The most bytes of a message of protocol buffers; what is not parameters has a part of them, too.
const MOST: u64 = (1 << 31) - (1 << 24);

/// What a caller gives for an input `[B, columns]` of a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Input<'a> {
    /// f32 `[B, columns]`, as the graph reads it.
    #[default]
    Floats,
    /// u8 `[B, columns]`, which the graph reads as 0 to 255.
    Bytes,
    /// i64 `[B]`: for each row the number of the column that has a 1.
    Classes,
    /// f64 `[B, columns]`, of which the graph reads (x − mean) / deviation of each column, rounded to f32 at the end:
    /// seconds since 1970 have more digits than f32.
    Standardised {
        /// A mean for each column.
        means: &'a [f64],
        /// A deviation for each column.
        deviations: &'a [f64],
    },
}

/// The values of a parameter or a state by its name, as many as its shape says.
pub type Parameters<'a> = &'a dyn Fn(&str) -> Option<&'a [f32]>;

/// What is written.
pub struct Source<'a> {
    /// What the graph is called.
    pub name: &'a str,
    /// What it is, for people.
    pub description: String,
    /// Writes the graph for a batch of so many rows.
    pub graph: &'a dyn Fn(usize) -> Graph,
    /// What is given for the inputs of these names, and what that is, for people; others are [`Input::Floats`].
    pub inputs: &'a [(&'a str, Input<'a>, &'a str)],
    /// Names of the graph's outputs, in their order, and what they are.
    pub outputs: &'a [(&'a str, &'a str)],
    /// Values of the parameters.
    pub parameters: Parameters<'a>,
    /// Texts by key, which a file carries along.
    pub metadata: Vec<(String, String)>,
}

/// A file's content.
#[derive(Clone, Debug, PartialEq)]
pub struct Onnx(proto::Model);

impl Onnx {
    /// A graph as a file.
    ///
    /// # Errors
    /// Where an operation is no function of the inputs or none that ONNX has, a parameter has no values, or there are
    /// too many of them.
    ///
    /// # Panics
    /// Where the graph has other outputs than the source says, or one of its outputs twice.
    pub fn new(source: &Source<'_>) -> Result<Self, OnnxError> {
        let graphs = BATCHES.map(source.graph);
        let [first, _] = &graphs;
        let ids = first.outputs();
        assert_eq!(
            ids.len(),
            source.outputs.len(),
            "outputs of {}",
            source.name
        );
        let mut translation = Translation::new([&graphs[0], &graphs[1]], source.parameters);
        if let Some(name) = translation.missing_parameter() {
            let name = name.to_owned();
            return Err(OnnxError::NoParameter { name });
        }
        let failed = |id: TensorId| {
            let tensor = first.tensor(id).name.clone();
            move |reason| OnnxError::Operation { tensor, reason }
        };
        let mut outputs = Vec::new();
        for (&id, (name, text)) in ids.iter().zip(source.outputs) {
            let extents = translation.extents(id).map_err(failed(id))?;
            let name = translation.promise(id, name);
            outputs.push(described(&name, text, proto::Tensor::FLOAT, &extents));
        }
        let mut inputs = Vec::new();
        for (index, tensor) in first.tensors().iter().enumerate() {
            if tensor.kind != Kind::Input {
                continue;
            }
            let id = TensorId(index);
            let of = source.inputs.iter().find(|(name, ..)| *name == tensor.name);
            let (input, text) = of.map_or((Input::Floats, ""), |(_, input, text)| (*input, *text));
            let extents = translation.extents(id).map_err(failed(id))?;
            let name = translation.input(id, input).map_err(failed(id))?;
            let (kind, extents) = match input {
                Input::Floats => (proto::Tensor::FLOAT, &extents[..]),
                Input::Bytes => (proto::Tensor::UINT8, &extents[..]),
                Input::Classes => (proto::Tensor::INT64, &extents[..1]),
                Input::Standardised { .. } => (proto::Tensor::DOUBLE, &extents[..]),
            };
            inputs.push(described(&name, text, kind, extents));
        }
        translation.operations()?;
        translation.others()?;
        let (node, initializer) = (translation.writer.nodes, translation.writer.initializers);
        let bytes = initializer
            .iter()
            .map(|tensor| tensor.raw_data.len() as u64);
        let bytes = bytes.sum();
        if bytes > MOST {
            return Err(OnnxError::TooLarge { bytes, most: MOST });
        }
        let metadata = source.metadata.iter().cloned();
        Ok(Self(proto::Model {
            ir_version: FORMAT,
            producer_name: env!("CARGO_PKG_NAME").to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            doc_string: source.description.clone(),
            graph: Some(proto::Graph {
                node,
                name: source.name.to_owned(),
                initializer,
                input: inputs,
                output: outputs,
            }),
            opset_import: vec![proto::OperatorSet {
                domain: String::new(),
                version: OPERATORS,
            }],
            metadata_props: metadata
                .map(|(key, value)| proto::Entry { key, value })
                .collect(),
        }))
    }

    /// The message.
    pub fn message(&self) -> &proto::Model {
        &self.0
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// [`CheckpointError::NoRoom`] and [`CheckpointError::Write`]; then `path` is as it was.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let bytes = self.to_bytes();
        write_whole(path, bytes.len() as u64, |file| file.write_all(&bytes))
    }
}

/// An input or an output of a file.
fn described(name: &str, text: &str, elem_type: i32, extents: &[Extent]) -> ValueInfo {
    let dim = extents.iter().map(|extent| {
        let value = match *extent {
            Extent::Fixed(number) => dimension::Value::DimValue(number as i64),
            Extent::PerRow(1) => dimension::Value::DimParam(BATCH.to_owned()),
            Extent::PerRow(times) => dimension::Value::DimParam(format!("{times} * {BATCH}")),
        };
        Dimension { value: Some(value) }
    });
    let shape = TensorShape { dim: dim.collect() };
    let tensor_type = TensorType {
        elem_type,
        shape: Some(shape),
    };
    ValueInfo {
        name: name.to_owned(),
        r#type: Some(Type {
            tensor_type: Some(tensor_type),
        }),
        doc_string: text.to_owned(),
    }
}
