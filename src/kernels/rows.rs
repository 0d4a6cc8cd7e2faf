//! Everything of a step that works row by row, in one launch: gather, forward, loss, backward.
//!
//! A [`Program`] is a list of [`Stage`]s over tensors `[rows, width]` that lie on one tape. What
//! needs all rows at once, the gradients of weights, is [`super::update`]'s.

mod encode;
mod sections;
mod tensor;
pub mod workgroup;

pub use sections::{Section, each_alone, together, within_iterations};
pub use tensor::{TAPE_ALIGN, Tensor, stride};

use std::borrow::Cow;

use super::{Address, State, assert_lengths};
use crate::expr::{Expr, operand};
use crate::gpu::{Binding, Kernel, Launch, Slice, read, read_write};
use crate::graph::Ramp;
use crate::kernels::KernelActivation;
use crate::rng::Draw;
use encode::Params;
use sections::TILE;

const BINDINGS: &[Binding] = &[
    read("images"),
    read("order"),
    read("parameters"),
    read_write("state"),
    read_write("tape"),
    read_write("losses"),
    read("labels"),
];

/// `shaders/rows_subgroups.wgsl`, for software adapters with subgroups of eight lanes.
pub const SUBGROUPS: Kernel = Kernel {
    name: Cow::Borrowed("rows_subgroups"),
    source: Cow::Borrowed(wgsl!(
        "parts/ramp.wgsl",
        "parts/stages.wgsl",
        "parts/tape.wgsl",
        "parts/normals.wgsl",
        "parts/gaussian.wgsl",
        "parts/activations.wgsl",
        "parts/activation_selects.wgsl",
        "parts/broadcasts.wgsl",
        "rows_subgroups.wgsl"
    )),
    bindings: Cow::Borrowed(BINDINGS),
    params: size_of::<Params>(),
};

/// The most stages of a program.
pub const MAX_STAGES: usize = 32;

/// Words of parameters that are read as one, where rows of weights are such.
const VECTOR_WORDS: usize = 4;

/// A matrix among the parameters: element (k, c) is word k·inner + c·column of what lies `at`.
///
/// One of the two strides is 1 and the other the length of a row. If it lies in two pieces, these
/// are whole rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// Its words.
    pub at: Address,
    /// Words from one summand to the next.
    pub inner: usize,
    /// Words from one result to the next.
    pub column: usize,
}

/// y = f(input·W + bias + addend) · g′(g's output).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// What is multiplied.
    pub input: Tensor,
    /// W: `[input.width, width]`.
    pub weight: Weight,
    /// Columns of the result.
    pub width: usize,
    /// The bias, of the result's width, among the parameters.
    pub bias: Option<Address>,
    /// Of the result's width.
    pub addend: Option<Tensor>,
    /// f.
    pub activation: Option<KernelActivation>,
    /// g and its output.
    pub derivative: Option<(KernelActivation, Tensor)>,
    /// What becomes of y.
    pub result: Outcome,
}

/// What becomes of a product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It is stored.
    Stored(Tensor),
    /// It is a prediction: only its loss is kept, and the gradient with respect to the pre-activation, that is
    /// before the product's non-linearity.
    Scored {
        /// Which loss.
        score: Score,
        /// What is predicted.
        observed: Tensor,
        /// The term of the objective whose rows are written.
        term: usize,
        /// The gradient, and the constant one of the rows that it starts from.
        gradient: Option<(Tensor, f32)>,
    },
}

/// A loss of a prediction y of x, per row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Score {
    /// Σ max(y, 0) − y·x + ln(1 + exp(−|y|)): Bernoullis with logits y.
    BernoulliNll,
    /// Σ scale·(y − x)² + offset.
    SquaredError {
        /// Factor of each square.
        scale: f64,
        /// Added for each column.
        offset: f64,
    },
}

impl Score {
    /// What is summed over a row, of a prediction (operand 0) and what was observed (operand 1).
    pub fn expr(self) -> Expr {
        let (y, x) = (operand(0), operand(1));
        match self {
            Self::BernoulliNll => y.softplus() - y * x,
            Self::SquaredError { scale, offset } => scale * (y - x).square() + offset,
        }
    }
}

/// One step of a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// The next rows of the data set, in [0, 1].
    Gather {
        /// As wide as a row of the data set.
        x: Tensor,
    },
    /// The labels of the same rows, as columns right of what an earlier stage has written: zeros with
    /// a 1.
    Labels {
        /// The wider tensor: those columns, then one for each class.
        y: Tensor,
        /// How many columns are there.
        first: usize,
    },
    /// A product and what follows it.
    Product(Product),
    /// z = μ + exp(½ log σ²)·ε, and KL(N(μ, σ²) ‖ N(0, 1)).
    Latent {
        /// μ, and right of it log σ²: twice as wide as z.
        heads: Tensor,
        /// The draw that ε is.
        draw: Draw,
        /// z.
        z: Tensor,
        /// The term of the objective that the divergence is.
        term: usize,
    },
    /// The adjoint of both.
    LatentGrad {
        /// μ, and right of it log σ²: twice as wide as z.
        heads: Tensor,
        /// The draw that ε is.
        draw: Draw,
        /// The gradient of z.
        d_z: Tensor,
        /// The gradient of the divergence's rows: this value, times the factor of `ramp`.
        upstream: f32,
        /// How it follows the step.
        ramp: Ramp,
        /// The gradients of μ and of log σ², likewise.
        d_heads: Tensor,
    },
}

/// What a launch does.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Rows of every tensor: the batch, or a part of it.
    pub rows: usize,
    /// Where they start in the batch.
    pub first_row: usize,
    /// Whether the batch ends with them: then the counters move on.
    pub last: bool,
    /// Bytes a row of the data set.
    pub dim: usize,
    /// The key of the noise.
    pub seed: u64,
    /// In order; at most [`MAX_STAGES`].
    pub stages: Vec<Stage>,
}

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// The data set, as [`super::gather::pack`] lays it out.
    pub images: &'a Slice,
    /// `[count]`: the epoch's permutation.
    pub order: &'a Slice,
    /// All weights and biases.
    pub parameters: &'a Slice,
    /// [`State`], moved on.
    pub state: &'a Slice,
    /// All tensors.
    pub tape: &'a Slice,
    /// The log: where a step's line starts is said by [`Log`].
    pub losses: &'a Slice,
    /// A byte for each image, four in a word; any slice for programs that read no labels.
    pub labels: &'a Slice,
}

/// The log of row losses, `[terms, entries, column_groups, batch]`: one entry a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// Entries of a term.
    pub entries: usize,
    /// Sums of which a row's loss may consist: those that no launch writes stay zero.
    pub column_groups: usize,
    /// Rows of the largest batch.
    pub batch: usize,
}

impl Log {
    /// Words from one entry to the next.
    pub fn entry(self) -> usize {
        self.column_groups * self.batch
    }

    /// Words from one term to the next.
    pub fn term(self) -> usize {
        self.entries * self.entry()
    }
}

/// One workgroup a tile of rows, or `section.column_groups` of them.
///
/// # Panics
/// Where an array is too short, there are too many stages, a tensor does not start at a line, it or a
/// piece of a weight has not the width that its stage says, a prediction has an addend or a derivative,
/// which the kernel does not take there, or stages do not go into one launch of `rows_workgroup`.
pub fn launch(buffers: Buffers<'_>, program: &Program, log: Log, section: &Section) -> Launch {
    check(buffers, program, log);
    assert!(
        section.column_groups <= log.column_groups,
        "more sums than the log has"
    );
    let params = Params::of(program, log, section.stages.clone());
    if let Some(tile) = section.tile {
        return workgroup::launch(buffers, program, params, section, tile);
    }
    let switch = |on: bool| f64::from(u8::from(on));
    let smooth = program.stages.iter().any(Stage::is_smooth);
    let quads = program.stages.iter().all(Stage::has_whole_latents);
    let alignments = program.stages.iter().map(Stage::alignment);
    let alignment = alignments.min().unwrap_or(VECTOR_WORDS);
    Launch {
        kernel: SUBGROUPS.into(),
        constants: vec![
            ("SMOOTH", switch(smooth)),
            ("ALIGNMENT", alignment as f64),
            ("QUADS", switch(quads)),
        ],
        buffers: buffers.bound(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: [
            program.rows.div_ceil(TILE) as u32,
            section.column_groups as u32,
            1,
        ],
    }
}

/// Every array holds what the kernels will index.
fn check(buffers: Buffers<'_>, program: &Program, log: Log) {
    assert!(
        program.first_row + program.rows <= log.batch,
        "a batch beyond an entry of the log"
    );
    assert!(
        buffers.tape.len().is_multiple_of(TAPE_ALIGN),
        "a tape that ends within a line"
    );
    assert!(
        buffers.parameters.len().is_multiple_of(VECTOR_WORDS),
        "parameters that end within a vector"
    );
    let (tape, parameters) = program.extent();
    let terms = program.stages.iter().filter_map(Stage::term).max();
    let losses = terms.map_or(0, |last| (last + 1) * log.term());
    assert_lengths(
        &SUBGROUPS,
        &[
            (buffers.order, program.first_row + program.rows),
            (buffers.parameters, parameters),
            (buffers.state, size_of::<State>() / 4),
            (buffers.tape, tape),
            (buffers.losses, losses),
        ],
    );
}

impl Buffers<'_> {
    /// In the order of the bindings.
    fn bound(self) -> Vec<Slice> {
        let Self {
            images,
            order,
            parameters,
            state,
            tape,
            losses,
            labels,
        } = self;
        [images, order, parameters, state, tape, losses, labels]
            .map(Slice::clone)
            .to_vec()
    }
}

impl Program {
    /// What the types leave open.
    fn check(&self, stage: &Stage) {
        let mut parts = stage.tensors().into_iter().filter(|t| !t.is_whole());
        let may_be = |part| stage.parts().contains(&part);
        assert!(parts.all(may_be), "a part of a tensor where a whole one is");
        match *stage {
            Stage::Gather { x } => assert_eq!(x.width, self.dim, "a batch of other images"),
            Stage::Labels { y, first } => {
                assert!(y.is_whole() && first <= y.width, "labels of no columns");
            }
            Stage::Product(p) => {
                let row = p.weight.inner.max(p.weight.column);
                assert!(p.weight.at.has_rows_of(row), "a weight cut within a row");
                assert!(
                    matches!(p.result, Outcome::Stored(_))
                        || (p.addend.is_none() && p.derivative.is_none()),
                    "a prediction with an addend or a derivative"
                );
            }
            Stage::Latent { heads, z, .. } => assert_eq!(heads.width, 2 * z.width, "two heads"),
            Stage::LatentGrad {
                heads,
                d_z,
                d_heads,
                ..
            } => assert_eq!(
                [heads.width, d_heads.width],
                [2 * d_z.width; 2],
                "two heads"
            ),
        }
    }

    /// Words of the tape and of the parameters that the stages reach.
    fn extent(&self) -> (usize, usize) {
        let mut tape = 0;
        let mut parameters = 0;
        for stage in &self.stages {
            for tensor in stage.tensors() {
                assert!(
                    tensor.at.is_multiple_of(TAPE_ALIGN),
                    "a tensor within a line"
                );
                tape = tape.max(tensor.words(self.rows).end);
            }
            if let Stage::Product(p) = stage {
                let w = p.weight;
                let last = (p.input.width.max(1) - 1) * w.inner + (p.width.max(1) - 1) * w.column;
                parameters = parameters.max(w.at.end(last + 1));
                parameters = parameters.max(p.bias.map_or(0, |bias| bias.end(p.width)));
            }
        }
        (tape, parameters)
    }
}

impl Stage {
    /// The tensors that it touches.
    fn tensors(&self) -> Vec<Tensor> {
        match *self {
            Self::Gather { x: y } | Self::Labels { y, .. } => vec![y],
            Self::Product(p) => {
                let output = p.derivative.map(|(_, output)| output);
                let results = match p.result {
                    Outcome::Stored(y) => [Some(y), None],
                    Outcome::Scored {
                        observed, gradient, ..
                    } => [Some(observed), gradient.map(|(d, _)| d)],
                };
                let operands = [Some(p.input), p.addend, output];
                operands.into_iter().chain(results).flatten().collect()
            }
            Self::Latent { heads, z, .. } => vec![heads, z],
            Self::LatentGrad {
                heads,
                d_z,
                d_heads,
                ..
            } => vec![heads, d_z, d_heads],
        }
    }

    /// Those among them that may be the first columns of a wider tensor.
    fn parts(&self) -> Vec<Tensor> {
        match *self {
            Self::Gather { x: part }
            | Self::Latent { z: part, .. }
            | Self::Product(Product {
                result: Outcome::Scored { observed: part, .. },
                ..
            }) => vec![part],
            _ => vec![],
        }
    }

    /// The tensors that it writes.
    pub fn writes(&self) -> Vec<Tensor> {
        match *self {
            Self::Gather { x: y } | Self::Labels { y, .. } => vec![y],
            Self::Product(Product { result, .. }) => match result {
                Outcome::Stored(y) => vec![y],
                Outcome::Scored { gradient, .. } => gradient.into_iter().map(|(d, _)| d).collect(),
            },
            Self::Latent { z, .. } => vec![z],
            Self::LatentGrad { d_heads, .. } => vec![d_heads],
        }
    }

    /// The term of the objective that it computes.
    pub fn term(&self) -> Option<usize> {
        match *self {
            Self::Product(Product {
                result: Outcome::Scored { term, .. },
                ..
            })
            | Self::Latent { term, .. } => Some(term),
            _ => None,
        }
    }

    /// Rows of its weight start at multiples of so many words, wherever the pieces lie: a whole vector,
    /// half of one, or a word.
    fn alignment(&self) -> usize {
        let Self::Product(p) = self else {
            return VECTOR_WORDS;
        };
        let row = p.weight.inner.max(p.weight.column);
        let at = p.weight.at;
        let gap = if at.is_split() { at.gap } else { 0 };
        let divides = |words: &usize| {
            [at.first, gap, row]
                .iter()
                .all(|n| n.is_multiple_of(*words))
        };
        [VECTOR_WORDS, VECTOR_WORDS / 2]
            .into_iter()
            .find(divides)
            .unwrap_or(1)
    }

    /// Whether its latents are whole vectors.
    fn has_whole_latents(&self) -> bool {
        match self {
            Self::Latent { z, .. } | Self::LatentGrad { d_z: z, .. } => {
                z.width.is_multiple_of(VECTOR_WORDS)
            }
            _ => true,
        }
    }

    /// Whether it evaluates tanh or the sigmoid.
    fn is_smooth(&self) -> bool {
        let Self::Product(p) = self else { return false };
        p.activation.is_some_and(|f| f != KernelActivation::Relu)
    }
}
