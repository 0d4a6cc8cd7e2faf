//! What a likelihood writes into a graph: −ln p(x | z) and E[x | z] from the decoder's outputs.

use super::{Location, Scale, categorical};
use crate::expr::{Expr, constant, operand};
use crate::graph::{Activation, Graph, Operand, Reduction, TensorId};
use crate::model::{Vae, table};

/// What the decoder says of x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outputs {
    /// The last layer's `[B, D]`: logits, means, or what the sigmoid makes means of; of a categorical
    /// likelihood with K levels `[B, D · K]`, and of a row of a table `[B, values]`.
    pub output: TensorId,
    /// The logarithm of the scale, before its bounds; `None` where the scale is 1 or follows from x.
    pub log_scale: Option<Operand>,
    /// The second output of each pixel, `[B, D]`, where the likelihood has one.
    pub head: Option<TensorId>,
}

/// A formula's operands: the outputs or what a layer made of them, x, the logarithm of the scale, the second
/// output, and what is added to the outputs of a row.
struct Pixels {
    shape: [usize; 2],
    output: TensorId,
    x: Option<Operand>,
    log_scale: Option<Operand>,
    head: Option<TensorId>,
    shift: Option<TensorId>,
}

const X: usize = 1;
const LOG_SCALE: usize = 2;
const HEAD: usize = 3;
const SHIFT: usize = 4;

impl Pixels {
    /// In their order; what is not there is not read.
    fn operands(&self) -> [Operand; 5] {
        let output = Operand::from(self.output);
        let head = self.head.map(Operand::from);
        let shift = self.shift.map(Operand::row);
        let others = [self.x, self.log_scale, head, shift];
        let [x, log_scale, head, shift] = others.map(|other| other.unwrap_or(output));
        [output, x, log_scale, head, shift]
    }
}

impl Vae {
    /// E[x | z] from the decoder's outputs, `[B, D]`: what is drawn as a picture. Of counts it is that of an
    /// image whose library is [`Vae::library`].
    ///
    /// Of a row of a table it has no values for the mask, and the probabilities of words: `[B, values]`.
    pub fn mean(&self, g: &mut Graph, outputs: &Outputs) -> TensorId {
        if let Some(layout) = &self.config().table {
            return table::mean(g, layout, outputs);
        }
        let density = self.config().likelihood.density();
        if density.location == Location::LogShare {
            return categorical::mean(self, g, outputs);
        }
        let log_library = Library::Of(self.library());
        let (pixels, location) = self.pixels(g, outputs, None, log_library);
        let mean = density.pixel_mean(location, self.log_scale(&pixels), operand(HEAD));
        if mean == operand(0) {
            return pixels.output;
        }
        if mean == operand(0).sigmoid() {
            return g.activation("mean", Activation::Sigmoid, pixels.output);
        }
        g.pointwise("mean", pixels.shape, mean, &pixels.operands())
    }

    /// −log p(x | z) per row, in nats (for [`Likelihood::SquaredError`](super::Likelihood::SquaredError), the
    /// squared error).
    pub fn reconstruction(&self, g: &mut Graph, outputs: &Outputs, x: Operand) -> TensorId {
        if let Some(layout) = &self.config().table {
            return table::reconstruction(self, g, layout, outputs, x);
        }
        if self.config().likelihood.density().location == Location::LogShare {
            let each = categorical::reconstruction_each(self, g, outputs, x);
            let shape = g.shape(each);
            let shape = [shape.rows(), shape.columns()];
            return g.row_sum("recon", shape, operand(0), &[each.into()]);
        }
        let (pixels, nll) = self.pixel_nll(g, outputs, x);
        g.row_sum("recon", pixels.shape, nll, &pixels.operands())
    }

    /// −log p(x_d | z) of each value of each row, in nats `[B, D]`: what [`Vae::reconstruction`] is the sum of. Of the
    /// rows of a table, of each column in the row's order `[B, columns]`, 0 of a cell that is missing.
    pub fn reconstruction_each(&self, g: &mut Graph, outputs: &Outputs, x: Operand) -> TensorId {
        if let Some(layout) = &self.config().table {
            return table::each(self, g, layout, outputs, x);
        }
        if self.config().likelihood.density().location == Location::LogShare {
            return categorical::reconstruction_each(self, g, outputs, x);
        }
        let (pixels, nll) = self.pixel_nll(g, outputs, x);
        g.pointwise("recon.each", pixels.shape, nll, &pixels.operands())
    }

    /// −log p of a pixel with one location, in nats, and what it is computed from.
    fn pixel_nll(&self, g: &mut Graph, outputs: &Outputs, x: Operand) -> (Pixels, Expr) {
        let density = self.config().likelihood.density();
        let (mut pixels, location) = self.pixels(g, outputs, Some(x), Library::OfImages(x));
        if self.config().scale == Scale::Optimal {
            pixels.log_scale = self.optimum(g, &pixels, &location);
        }
        let log_scale = self.log_scale(&pixels);
        let nll = density.pixel_nll(location, log_scale, operand(HEAD), operand(X));
        (pixels, nll)
    }

    /// What locations are made of, and the expression that makes them of it.
    fn pixels(
        &self,
        g: &mut Graph,
        outputs: &Outputs,
        x: Option<Operand>,
        library: Library,
    ) -> (Pixels, Expr) {
        let shape = g.shape(outputs.output);
        let mut pixels = Pixels {
            shape: [shape.rows(), shape.columns()],
            output: outputs.output,
            x,
            log_scale: outputs.log_scale,
            head: outputs.head,
            shift: None,
        };
        let location = match self.config().likelihood.density().location {
            Location::SigmoidIfScaled if self.config().scale != Scale::Unit => operand(0).sigmoid(),
            Location::Output | Location::SigmoidIfScaled | Location::LogShare => operand(0),
            Location::Sigmoid => {
                pixels.output = g.activation("location", Activation::Sigmoid, outputs.output);
                operand(0)
            }
            Location::LogMean => {
                pixels.shift = Some(log_library_share(g, outputs.output, library));
                operand(0) + operand(SHIFT)
            }
        };
        (pixels, location)
    }

    /// The logarithm of the scale within its bounds.
    fn log_scale(&self, pixels: &Pixels) -> Expr {
        let scale = self.config().likelihood.density().scale;
        match scale.filter(|_| pixels.log_scale.is_some()) {
            // It has bounds of its own.
            Some(_) if self.config().scale == Scale::Optimal => operand(LOG_SCALE),
            Some(scale) => operand(LOG_SCALE).clamp(-scale.bound, scale.bound),
            None => constant(0.0),
        }
    }

    /// ln of the scale that is best for all pixels of all rows together, `[1]`. By the envelope theorem the
    /// gradient of the sum of their −ln p through it is zero, since that sum is least there; so it counts as a
    /// constant, which for a bound of importance weights it is by definition.
    fn optimum(&self, g: &mut Graph, pixels: &Pixels, location: &Expr) -> Option<Operand> {
        let optimum = self.config().likelihood.density().scale?.optimum?;
        let [rows, columns] = pixels.shape;
        let error = optimum(location.clone(), operand(X));
        let sums = g.row_sum("scale.errors", pixels.shape, error, &pixels.operands());
        let sum = g.reduce("scale.error", Reduction::Sum, sums, rows);
        let mean = (1.0 / (rows * columns) as f64) * operand(0);
        let log = mean.max(Scale::LEAST).ln();
        let log = g.pointwise("scale.optimal", [1, 1], log, &[sum.into()]);
        Some(Operand::scalar(g.stop("scale.fixed", log)))
    }
}

/// What is shared out over the pixels of an image.
#[derive(Clone, Copy, Debug)]
enum Library {
    /// The sum of the values of each image.
    OfImages(Operand),
    /// So much.
    Of(f64),
}

/// ln ℓ − logsumexp of the outputs of each row, `[B]`: with an output, ln of a pixel's share of ℓ.
fn log_library_share(g: &mut Graph, output: TensorId, library: Library) -> TensorId {
    let shape = g.shape(output);
    let [rows, columns] = [shape.rows(), shape.columns()];
    let alone = g.reshape("outputs alone", output, [rows * columns]);
    let total = g.reduce("outputs.total", Reduction::LogSumExp, alone, columns);
    let total = Operand::from(total);
    match library {
        Library::Of(library) => {
            let share = library.ln() - operand(0);
            g.pointwise("library.shared", [rows, 1], share, &[total])
        }
        Library::OfImages(x) => {
            let images = g.shape(x.tensor).rows();
            let all = Operand::from(x.tensor);
            let sums = g.row_sum("library", [images, columns], operand(0), &[all]);
            let sums = Operand::row(sums).repeated(rows / images);
            let share = operand(1).max(1.0).ln() - operand(0);
            g.pointwise("library.shared", [rows, 1], share, &[total, sums])
        }
    }
}
