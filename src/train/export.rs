//! A trained model's networks as ONNX files, from values as the data have them to values as the data have them.

use std::str::FromStr;

use super::{Normalize, Scaling, Settings, saved};
use crate::checkpoint::Checkpoint;
use crate::data::ImageSize;
use crate::data::table::Schema;
use crate::expr::{Expr, operand};
use crate::graph::{Graph, TensorId};
use crate::model::{Inputs, Vae};
use crate::named;
use crate::onnx::{Input, Onnx, OnnxError, Source};

/// What of a model is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// `x → z, logvar`: the point that stands for each image, and log σ² there.
    Encoder,
    /// `z → mean`: E[x | z].
    Decoder,
    /// `x, eps → mean`: E[x | z] of a draw of z by given standard normals; with zeros, of the point that stands for the
    /// image.
    Reconstruct,
}

impl Network {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Encoder, Self::Decoder, Self::Reconstruct];

    /// Their names.
    pub const NAMES: [&'static str; 3] = ["encoder", "decoder", "reconstruct"];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named::find(
            &Self::ALL,
            Self::name,
            name,
            "nothing of a model that is exported",
        )
    }
}

/// A model with what its run says of it.
#[derive(Clone, Copy)]
pub struct Exported<'a> {
    /// The model, with the library of its training images where they are counts.
    pub vae: &'a Vae,
    /// How it sees the values of images.
    pub scaling: &'a Scaling,
    /// What it was trained with.
    pub settings: &'a Settings,
    /// Its parameters.
    pub checkpoint: &'a Checkpoint,
    /// How large its images are.
    pub image: ImageSize,
    /// What the columns of its rows are, where it is of a table.
    pub table: Option<&'a Schema>,
    /// Whether images are given as bytes from 0 to 255, u8; else as f32, in which bytes are 0 to 1, or counts.
    pub bytes: bool,
}

/// The label of each image.
const LABEL: &str = "label";

impl Exported<'_> {
    /// A network as a file. Images are rows of their values, `[batch, D]`; a label, where the model reads one, is the
    /// number of a class, i64 `[batch]`. The rows of a table are f64 `[batch, C]`, a number for each column in the
    /// table's order: its own where it has numbers, counts or dates (in seconds since 1970), of a word its place among
    /// the column's words, NaN of a cell that is missing. A mean then has numbers and counts in the table's units, and
    /// for each word of a category its probability. The columns and their words are in the file's metadata.
    ///
    /// # Errors
    /// Where an operation has no counterpart in ONNX, the checkpoint lacks a parameter, or there are too many of them.
    pub fn onnx(&self, network: Network) -> Result<Onnx, OnnxError> {
        let vae = self.vae;
        let graph = |batch: usize| match network {
            Network::Encoder => {
                let (mut g, x, label) = self.inputs(batch, vae.infers_from_labels());
                for output in vae.infer(&mut g, Inputs { x, label }) {
                    g.output(output);
                }
                g
            }
            Network::Decoder => {
                let mut g = Graph::new();
                let z = g.input("z", [batch, vae.config().latent_dim]);
                let read = vae.config().condition.decoder();
                let label = read.then(|| g.input(LABEL, [batch, vae.config().classes]));
                let mean = vae.expectation(&mut g, z, label);
                let mean = self.data_values(&mut g, mean);
                g.output(mean);
                g
            }
            Network::Reconstruct => {
                let (mut g, x, label) = self.inputs(batch, vae.reads_labels());
                let eps = g.input("eps", [batch, vae.latent_dims().iter().sum()]);
                let mean = vae.reconstruction_by(&mut g, Inputs { x, label }, eps);
                let mean = self.data_values(&mut g, mean);
                g.output(mean);
                g
            }
        };
        let mean = (
            "mean",
            "E[x | z], a row for each image, in values as the data have them",
        );
        let outputs: &[_] = match network {
            Network::Encoder => &[
                ("mu", "mean of q(z | x); of a flow, where its maps take it"),
                (
                    "logvar",
                    "logarithm of the variance of q(z | x), of the Gaussian that a flow begins with",
                ),
            ],
            Network::Decoder | Network::Reconstruct => &[mean],
        };
        let standardisation = self.table.map(table::standardisation);
        let x = match (&standardisation, self.bytes) {
            (Some([means, deviations]), _) => (
                "x",
                Input::Standardised { means, deviations },
                "rows of a table, a number for each column: its own, or the place of its word; NaN where it is missing",
            ),
            (None, true) => (
                "x",
                Input::Bytes,
                "images, a row of bytes from 0 to 255 for each",
            ),
            (None, false) => (
                "x",
                Input::Floats,
                "images, a row of values for each, as the data have them; bytes count as 0 to 1, or as counts from 0 \
                 to 255",
            ),
        };
        let size = self.image;
        let parameters = |name: &str| {
            let tensor = self.checkpoint.tensors.get(name)?;
            Some(tensor.data.as_slice())
        };
        let settings = toml::to_string(self.settings).unwrap_or_default();
        let of_values = match self.table {
            Some(schema) => ("columns", serde_json::to_string(schema).unwrap_or_default()),
            None => {
                let [min, max] = self.scaling.range();
                ("range", format!("{min} {max}"))
            }
        };
        Onnx::new(&Source {
            name: network.name(),
            description: format!(
                "The {} of a variational autoencoder of {}.",
                match network {
                    Network::Reconstruct => "reconstruction",
                    other => other.name(),
                },
                match self.table {
                    Some(schema) => format!("rows of {} columns", schema.columns.len()),
                    None => format!("images of {size} values"),
                }
            ),
            graph: &graph,
            inputs: &[
                x,
                (LABEL, Input::Classes, "number of the class of each image"),
                ("z", Input::Floats, "latents, a row for each image"),
                (
                    "eps",
                    Input::Floats,
                    "standard normals by which z is drawn; of several stochastic layers those of z1 first",
                ),
            ],
            outputs,
            parameters: &parameters,
            metadata: vec![
                ("network".to_owned(), network.name().to_owned()),
                ("image".to_owned(), saved::size(size)),
                (of_values.0.to_owned(), of_values.1),
                ("settings".to_owned(), settings),
            ],
        })
    }

    /// A graph with images as a model sees them, and labels where they are read.
    fn inputs(&self, batch: usize, read: bool) -> (Graph, TensorId, Option<TensorId>) {
        let mut g = Graph::new();
        let config = self.vae.config();
        let columns = self
            .table
            .map_or(config.input_dim, |schema| schema.columns.len());
        let given = g.input("x", [batch, columns]);
        let label = read.then(|| g.input(LABEL, [batch, config.classes]));
        let x = match self.table {
            Some(schema) => table::write_row(&mut g, schema, given),
            None => self.scaling.write_model_values(&mut g, given, self.bytes),
        };
        (g, x, label)
    }

    /// What a decoder gives, as the data have it.
    fn data_values(&self, g: &mut Graph, mean: TensorId) -> TensorId {
        match self.table {
            Some(schema) => table::write_columns(g, schema, mean),
            None => self.scaling.write_data_values(g, mean),
        }
    }
}

impl Scaling {
    /// What a model sees of images `[B, D]` as [`Scaling::model_values`] has it; of bytes that are given as 0 to 255,
    /// where they are.
    fn write_model_values(&self, g: &mut Graph, x: TensorId, bytes: bool) -> TensorId {
        let value = match bytes && !self.is_of_counts() {
            true => operand(0) / 255.0,
            false => operand(0),
        };
        let seen = match self.normalize() {
            Normalize::None => value,
            Normalize::MinMax => {
                let share = share(value, self.range());
                match self.clamps() {
                    true => share.clamp(0.0, 1.0),
                    false => share,
                }
            }
        };
        written(g, "x.seen", x, seen)
    }

    /// Values of a model `[B, D]` as the data have them, as [`Scaling::data_values`] has it.
    fn write_data_values(&self, g: &mut Graph, mean: TensorId) -> TensorId {
        let [min, max] = self.range().map(f64::from);
        let value = operand(0);
        let data = match self.normalize() {
            Normalize::None if self.is_of_counts() => value,
            Normalize::None => value.clamp(min, max),
            // No difference of f32 overflows so.
            Normalize::MinMax => (min * (1.0 - &value) + max * value).clamp(min, max),
        };
        written(g, "mean.data", mean, data)
    }
}

/// How far a value is from the least to the greatest.
fn share(value: Expr, range: [f32; 2]) -> Expr {
    let [min, max] = range.map(f64::from);
    match ((max - min) as f32).is_finite() {
        true => (value - min) / (max - min),
        false => (0.5 * value - 0.5 * min) / (0.5 * max - 0.5 * min),
    }
}

/// An expression at each element, where it is not the element itself.
fn written(g: &mut Graph, name: &str, of: TensorId, expr: Expr) -> TensorId {
    if expr == operand(0) {
        return of;
    }
    let shape = [g.shape(of).rows(), g.shape(of).columns()];
    g.pointwise(name, shape, expr, &[of.into()])
}

mod table;
#[cfg(test)]
mod tests;
