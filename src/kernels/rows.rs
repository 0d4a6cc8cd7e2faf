//! Everything of a step that works row by row, in one launch: gather, forward, loss, backward.
//!
//! A [`Program`] is a list of [`Stage`]s over tensors `[rows, width]` that lie on one tape. What
//! needs all rows at once, the gradients of weights, is [`super::update`]'s.

pub mod workgroup;

use std::ops::Range;

use super::{SOFTWARE_ITERATIONS, State, activation_code, assert_lengths};
use crate::gpu::{Binding, Kernel, Launch, Slice, read, read_write};
use crate::graph::Activation;
use crate::rng::{self, Stream};

const BINDINGS: &[Binding] = &[
    read("images"),
    read("order"),
    read("parameters"),
    read_write("state"),
    read_write("tape"),
    read_write("losses"),
];

/// `shaders/rows_subgroups.wgsl`, for software adapters with subgroups of eight lanes.
pub const SUBGROUPS: Kernel = Kernel {
    name: "rows_subgroups",
    source: include_str!("../../shaders/rows_subgroups.wgsl"),
    bindings: BINDINGS,
    params: size_of::<Params>(),
};

/// The most stages of a program.
pub const MAX_STAGES: usize = 32;

/// A tensor on the tape: `[rows, width]` from word `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its first word.
    pub at: usize,
    /// Columns.
    pub width: usize,
}

/// A matrix among the parameters: element (k, c) at `at + k·inner + c·column`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// Its first word.
    pub at: usize,
    /// Words from one summand to the next.
    pub inner: usize,
    /// Words from one result to the next.
    pub column: usize,
}

/// y = f(input·W + bias + addend) · g′(saved).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// What is multiplied.
    pub input: Tensor,
    /// W: `[input.width, width]`.
    pub weight: Weight,
    /// Columns of the result.
    pub width: usize,
    /// Where the bias starts among the parameters.
    pub bias: Option<usize>,
    /// Of the result's width.
    pub addend: Option<Tensor>,
    /// f.
    pub activation: Option<Activation>,
    /// g and its output.
    pub gradient_of: Option<(Activation, Tensor)>,
    /// What becomes of y.
    pub result: Outcome,
}

/// What becomes of a product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It is stored.
    Stored(Tensor),
    /// It is a prediction: only its loss is kept, and the gradient of what f was taken of.
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
        scale: f32,
        /// Added for each column.
        offset: f32,
    },
}

/// One step of a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// The next rows of the data set, in [0, 1].
    Gather {
        /// As wide as a row of the data set.
        x: Tensor,
    },
    /// A product and what follows it.
    Product(Product),
    /// z = μ + exp(½ log σ²)·ε, and KL(N(μ, σ²) ‖ N(0, 1)).
    Latent {
        /// μ.
        mu: Tensor,
        /// log σ².
        logvar: Tensor,
        /// The stream of ε.
        stream: Stream,
        /// z.
        z: Tensor,
        /// The term of the objective that the divergence is.
        term: usize,
    },
    /// The adjoint of both.
    LatentGrad {
        /// μ.
        mu: Tensor,
        /// log σ².
        logvar: Tensor,
        /// The stream of ε.
        stream: Stream,
        /// The gradient of z.
        d_z: Tensor,
        /// The constant gradient of the divergence's rows.
        upstream: f32,
        /// The gradient of μ.
        d_mu: Tensor,
        /// The gradient of log σ².
        d_logvar: Tensor,
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
}

/// The log of row losses, `[terms, entries, shares, batch]`: one entry a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// Entries of a term.
    pub entries: usize,
    /// Sums of which a row's loss may consist: those that no launch writes stay zero.
    pub shares: usize,
    /// Rows of the largest batch.
    pub batch: usize,
}

impl Log {
    /// Words from one entry to the next.
    pub fn entry(self) -> usize {
        self.shares * self.batch
    }

    /// Words from one term to the next.
    pub fn term(self) -> usize {
        self.entries * self.entry()
    }
}

/// Rows of a workgroup of `rows_subgroups`.
const TILE: usize = 64;

/// Columns of a product that one of its workgroups computes at a time.
const COLUMNS: usize = 32;

const NONE: u32 = u32::MAX;

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    dim: u32,
    words_per_row: u32,
    first_stage: u32,
    end_stage: u32,
    advance: u32,
    seed_low: u32,
    seed_high: u32,
    batch: u32,
    entry_stride: u32,
    term_stride: u32,
    first_row: u32,
    program: [Encoded; MAX_STAGES],
}

/// A stage as the shader reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Encoded {
    kind: u32,
    columns: u32,
    inner: u32,
    input: u32,
    weight: u32,
    weight_inner: u32,
    weight_column: u32,
    bias: u32,
    addend: u32,
    saved: u32,
    output: u32,
    output2: u32,
    observed: u32,
    activation: u32,
    gradient_of: u32,
    loss: u32,
    term: u32,
    stream: u32,
    upstream: f32,
    scale: f32,
    offset: f32,
    padding: [u32; 3],
}

const _: () = assert!(size_of::<Encoded>() == 96);
const _: () = assert!(size_of::<Params>() == 48 + 96 * MAX_STAGES);

/// Stages that share a launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Which.
    pub stages: Range<usize>,
    /// Workgroups that share the columns of a tile of rows: more than one for a single product.
    pub shares: usize,
    /// The tile of `rows_workgroup`, which runs all stages; without one `rows_subgroups` runs these.
    pub tile: Option<workgroup::Tile>,
}

/// As few launches as a software adapter can have: it ends the loops of a shader after
/// [`SOFTWARE_ITERATIONS`], all of them together, without a word.
pub fn together(stages: &[Stage]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut room = 0;
    for (index, stage) in stages.iter().enumerate() {
        let needs = stage.iterations();
        match sections.last_mut() {
            Some(section) if needs <= room => {
                section.stages.end = index + 1;
                room -= needs;
            }
            _ if needs <= SOFTWARE_ITERATIONS => {
                sections.push(Section {
                    stages: index..index + 1,
                    shares: 1,
                    tile: None,
                });
                room = SOFTWARE_ITERATIONS - needs;
            }
            _ => {
                sections.push(alone(index, stage));
                room = 0;
            }
        }
    }
    sections
}

/// A launch for each stage.
pub fn each_alone(stages: &[Stage]) -> Vec<Section> {
    let sections = stages.iter().enumerate();
    sections.map(|(index, stage)| alone(index, stage)).collect()
}

fn alone(index: usize, stage: &Stage) -> Section {
    Section {
        stages: index..index + 1,
        shares: stage.tiles(),
        tile: None,
    }
}

/// One workgroup a tile of rows, or `section.shares` of them.
///
/// # Panics
/// Where an array is too short, there are too many stages, what is gathered is not as wide as the
/// data set, or a prediction has an addend or a derivative, which the kernel does not take there.
pub fn launch(buffers: Buffers<'_>, program: &Program, log: Log, section: &Section) -> Launch {
    check(buffers, program, log);
    let params = Params::of(program, log, section.stages.clone());
    if let Some(tile) = section.tile {
        return workgroup::launch(buffers, program, params, tile);
    }
    let smooth = program.stages.iter().any(Stage::is_smooth);
    Launch {
        kernel: &SUBGROUPS,
        constants: vec![("SMOOTH", f64::from(u8::from(smooth)))],
        buffers: buffers.bound(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: [program.rows.div_ceil(TILE) as u32, section.shares as u32, 1],
    }
}

/// Every array holds what the kernels will index.
fn check(buffers: Buffers<'_>, program: &Program, log: Log) {
    assert!(
        program.first_row + program.rows <= log.batch,
        "a batch beyond an entry of the log"
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
        } = self;
        [images, order, parameters, state, tape, losses]
            .map(Slice::clone)
            .to_vec()
    }
}

impl Params {
    /// # Panics
    /// Where there are too many stages.
    fn of(program: &Program, log: Log, stages: Range<usize>) -> Self {
        let count = program.stages.len();
        assert!(count <= MAX_STAGES, "{count} stages");
        let [seed_low, seed_high] = rng::key(program.seed);
        let mut params = Self {
            rows: program.rows as u32,
            dim: program.dim as u32,
            words_per_row: program.dim.div_ceil(4) as u32,
            first_stage: stages.start as u32,
            end_stage: stages.end as u32,
            advance: (program.last && stages.end == count).into(),
            seed_low,
            seed_high,
            batch: log.batch as u32,
            entry_stride: log.entry() as u32,
            term_stride: log.term() as u32,
            first_row: program.first_row as u32,
            program: [bytemuck::Zeroable::zeroed(); MAX_STAGES],
        };
        for (slot, stage) in params.program.iter_mut().zip(&program.stages) {
            program.check(stage);
            *slot = stage.encode();
        }
        params
    }
}

impl Program {
    /// What the types leave open.
    fn check(&self, stage: &Stage) {
        match *stage {
            Stage::Gather { x } => assert_eq!(x.width, self.dim, "a batch of other images"),
            Stage::Product(Product {
                addend,
                gradient_of,
                result: Outcome::Scored { .. },
                ..
            }) => assert!(
                addend.is_none() && gradient_of.is_none(),
                "a prediction with an addend or a derivative"
            ),
            _ => {}
        }
    }

    /// Words of the tape and of the parameters that the stages reach.
    fn extent(&self) -> (usize, usize) {
        let mut tape = 0;
        let mut parameters = 0;
        for stage in &self.stages {
            for tensor in stage.tensors() {
                tape = tape.max(tensor.at + self.rows * tensor.width);
            }
            if let Stage::Product(p) = stage {
                let w = p.weight;
                let last = (p.input.width.max(1) - 1) * w.inner + (p.width.max(1) - 1) * w.column;
                parameters = parameters.max(w.at + last + 1);
                parameters = parameters.max(p.bias.map_or(0, |bias| bias + p.width));
            }
        }
        (tape, parameters)
    }
}

impl Stage {
    /// The tensors that it touches.
    fn tensors(&self) -> Vec<Tensor> {
        match *self {
            Self::Gather { x } => vec![x],
            Self::Product(p) => {
                let saved = p.gradient_of.map(|(_, saved)| saved);
                let results = match p.result {
                    Outcome::Stored(y) => [Some(y), None],
                    Outcome::Scored {
                        observed, gradient, ..
                    } => [Some(observed), gradient.map(|(d, _)| d)],
                };
                let operands = [Some(p.input), p.addend, saved];
                operands.into_iter().chain(results).flatten().collect()
            }
            Self::Latent { mu, logvar, z, .. } => vec![mu, logvar, z],
            Self::LatentGrad {
                mu,
                logvar,
                d_z,
                d_mu,
                d_logvar,
                ..
            } => vec![mu, logvar, d_z, d_mu, d_logvar],
        }
    }

    /// The tensors that it writes.
    pub fn writes(&self) -> Vec<Tensor> {
        match *self {
            Self::Gather { x } => vec![x],
            Self::Product(Product { result, .. }) => match result {
                Outcome::Stored(y) => vec![y],
                Outcome::Scored { gradient, .. } => gradient.into_iter().map(|(d, _)| d).collect(),
            },
            Self::Latent { z, .. } => vec![z],
            Self::LatentGrad { d_mu, d_logvar, .. } => vec![d_mu, d_logvar],
        }
    }

    /// The term of the objective that it computes.
    fn term(&self) -> Option<usize> {
        match *self {
            Self::Product(Product {
                result: Outcome::Scored { term, .. },
                ..
            })
            | Self::Latent { term, .. } => Some(term),
            _ => None,
        }
    }

    /// Tiles of columns: as many workgroups can share a launch of this stage alone.
    fn tiles(&self) -> usize {
        match self {
            Self::Product(product) => product.width.div_ceil(COLUMNS).max(1),
            _ => 1,
        }
    }

    /// Iterations of all loops of a workgroup of `rows_subgroups` at this stage, from above: what
    /// is skipped takes some too.
    fn iterations(&self) -> usize {
        const SKIPPED: usize = 16;
        const DEPTH: usize = 2;
        const ROWS: usize = TILE / 8;
        /// Philox's rounds, where the compiler leaves that loop.
        const NOISE: usize = 10;
        SKIPPED
            + match self {
                Self::Gather { x } => ROWS * (1 + x.width.div_ceil(4)),
                Self::Product(p) => {
                    self.tiles() * (SKIPPED + p.input.width.div_ceil(DEPTH) + COLUMNS)
                }
                Self::Latent { z, .. } | Self::LatentGrad { d_z: z, .. } => {
                    ROWS * (1 + z.width * (1 + NOISE))
                }
            }
    }

    /// Whether it evaluates tanh or the sigmoid.
    fn is_smooth(&self) -> bool {
        let Self::Product(p) = self else { return false };
        p.activation.is_some_and(|f| f != Activation::Relu)
    }

    fn encode(&self) -> Encoded {
        let none = Encoded {
            bias: NONE,
            addend: NONE,
            saved: NONE,
            output: NONE,
            output2: NONE,
            observed: NONE,
            ..bytemuck::Zeroable::zeroed()
        };
        let at = |tensor: Tensor| tensor.at as u32;
        match *self {
            Self::Gather { x } => Encoded {
                kind: 0,
                columns: x.width as u32,
                output: at(x),
                ..none
            },
            Self::Product(p) => p.encode(Encoded { kind: 1, ..none }),
            Self::Latent {
                mu,
                logvar,
                stream,
                z,
                term,
            } => Encoded {
                kind: 2,
                columns: z.width as u32,
                input: at(mu),
                saved: at(logvar),
                output: at(z),
                stream: stream as u32,
                term: term as u32,
                ..none
            },
            Self::LatentGrad {
                mu,
                logvar,
                stream,
                d_z,
                upstream,
                d_mu,
                d_logvar,
            } => Encoded {
                kind: 3,
                columns: d_z.width as u32,
                input: at(mu),
                saved: at(logvar),
                addend: at(d_z),
                output: at(d_mu),
                output2: at(d_logvar),
                stream: stream as u32,
                upstream,
                ..none
            },
        }
    }
}

impl Product {
    fn encode(&self, none: Encoded) -> Encoded {
        let at = |tensor: Option<Tensor>| tensor.map_or(NONE, |tensor| tensor.at as u32);
        let product = Encoded {
            columns: self.width as u32,
            inner: self.input.width as u32,
            input: self.input.at as u32,
            weight: self.weight.at as u32,
            weight_inner: self.weight.inner as u32,
            weight_column: self.weight.column as u32,
            bias: self.bias.map_or(NONE, |bias| bias as u32),
            addend: at(self.addend),
            saved: at(self.gradient_of.map(|(_, saved)| saved)),
            activation: activation_code(self.activation),
            gradient_of: activation_code(self.gradient_of.map(|(function, _)| function)),
            ..none
        };
        match self.result {
            Outcome::Stored(y) => Encoded {
                output: at(Some(y)),
                ..product
            },
            Outcome::Scored {
                score,
                observed,
                term,
                gradient,
            } => {
                let (loss, scale, offset) = match score {
                    Score::BernoulliNll => (1, 0.0, 0.0),
                    Score::SquaredError { scale, offset } => (2, scale, offset),
                };
                Encoded {
                    output: at(gradient.map(|(d, _)| d)),
                    upstream: gradient.map_or(0.0, |(_, upstream)| upstream),
                    observed: at(Some(observed)),
                    term: term as u32,
                    loss,
                    scale,
                    offset,
                    ..product
                }
            }
        }
    }
}
