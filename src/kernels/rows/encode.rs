//! A program as the shaders read it: a uniform with a table of stages.

use std::ops::Range;

use super::{Log, MAX_STAGES, Outcome, Product, Program, Score, Stage, Tensor};
use crate::kernels::{Address, activation_code, gather};
use crate::rng;

const NONE: u32 = u32::MAX;

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Params {
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
    weight_split: u32,
    weight_gap: u32,
    weight_inner: u32,
    weight_column: u32,
    bias: u32,
    bias_split: u32,
    bias_gap: u32,
    addend: u32,
    g_output: u32,
    output: u32,
    observed: u32,
    activation: u32,
    derivative: u32,
    loss: u32,
    term: u32,
    stream: u32,
    number: u32,
    upstream: f32,
    scale: f32,
    offset: f32,
    ramp_steps: u32,
    ramp_period: u32,
    row_columns: u32,
}

const _: () = assert!(size_of::<Encoded>() == 112);
const _: () = assert!(size_of::<Params>() == 48 + 112 * MAX_STAGES);
impl Params {
    /// # Panics
    /// Where there are too many stages.
    pub(super) fn of(program: &Program, log: Log, stages: Range<usize>) -> Self {
        let count = program.stages.len();
        assert!(count <= MAX_STAGES, "{count} stages");
        let [seed_low, seed_high] = rng::key(program.seed);
        let mut params = Self {
            rows: program.rows as u32,
            dim: program.dim as u32,
            words_per_row: (gather::row_bytes(program.dim) / 4) as u32,
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

impl Stage {
    fn encode(&self) -> Encoded {
        let none = Encoded {
            bias: NONE,
            addend: NONE,
            g_output: NONE,
            output: NONE,
            observed: NONE,
            ..bytemuck::Zeroable::zeroed()
        };
        let at = |tensor: Tensor| tensor.at as u32;
        match *self {
            Self::Gather { x } => Encoded {
                kind: 0,
                columns: x.width as u32,
                row_columns: x.of as u32,
                output: at(x),
                ..none
            },
            Self::Labels { y, first } => Encoded {
                kind: 4,
                columns: y.width as u32,
                inner: first as u32,
                output: at(y),
                ..none
            },
            Self::Product(p) => p.encode(Encoded { kind: 1, ..none }),
            Self::Latent {
                heads,
                draw,
                z,
                term,
            } => Encoded {
                kind: 2,
                columns: z.width as u32,
                row_columns: z.of as u32,
                inner: heads.width as u32,
                input: at(heads),
                output: at(z),
                stream: draw.stream as u32,
                number: draw.number,
                term: term as u32,
                ..none
            },
            Self::LatentGrad {
                heads,
                draw,
                d_z,
                upstream,
                ramp,
                d_heads,
            } => Encoded {
                kind: 3,
                columns: d_z.width as u32,
                inner: heads.width as u32,
                input: at(heads),
                addend: at(d_z),
                output: at(d_heads),
                stream: draw.stream as u32,
                number: draw.number,
                upstream,
                ramp_steps: ramp.steps,
                ramp_period: ramp.period,
                ..none
            },
        }
    }
}

impl Product {
    fn encode(&self, none: Encoded) -> Encoded {
        let at = |tensor: Option<Tensor>| tensor.map_or(NONE, |tensor| tensor.at as u32);
        let weight = self.weight.at;
        let bias = self.bias.unwrap_or(Address::from(NONE as usize));
        let product = Encoded {
            columns: self.width as u32,
            inner: self.input.width as u32,
            input: self.input.at as u32,
            weight: weight.first as u32,
            weight_split: weight.split as u32,
            weight_gap: weight.gap as u32,
            weight_inner: self.weight.inner as u32,
            weight_column: self.weight.column as u32,
            bias: bias.first as u32,
            bias_split: bias.split as u32,
            bias_gap: bias.gap as u32,
            addend: at(self.addend),
            g_output: at(self.derivative.map(|(_, output)| output)),
            activation: activation_code(self.activation),
            derivative: activation_code(self.derivative.map(|(function, _)| function)),
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
                    Score::SquaredError { scale, offset } => (2, scale as f32, offset as f32),
                };
                Encoded {
                    output: at(gradient.map(|(d, _)| d)),
                    upstream: gradient.map_or(0.0, |(_, upstream)| upstream),
                    observed: at(Some(observed)),
                    row_columns: observed.of as u32,
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
