//! The end of a training step: the gradients of weights and biases and Adam on them, in one launch.

use std::borrow::Cow;

use super::adam::Constants;
use super::rows::{TAPE_ALIGN, stride};
use super::{Address, State, assert_lengths, wrapped_grid};
use crate::gpu::{Binding, Gpu, Kernel, Launch, Slice, read, read_write};
use crate::graph::Optimizer;

const BINDINGS: &[Binding] = &[
    read("a"),
    read("b"),
    read("state"),
    read_write("parameters"),
    read_write("m"),
    read_write("v"),
    read_write("gradients"),
];

/// `shaders/update_subgroups.wgsl`, for software adapters with subgroups of eight lanes.
pub const SUBGROUPS: Kernel = Kernel {
    name: Cow::Borrowed("update_subgroups"),
    source: Cow::Borrowed(wgsl!(
        "parts/state.wgsl",
        "parts/optimizer.wgsl",
        "parts/update.wgsl",
        "parts/tape.wgsl",
        "parts/broadcasts.wgsl",
        "update_subgroups.wgsl"
    )),
    bindings: Cow::Borrowed(BINDINGS),
    params: size_of::<Params>(),
};

/// `shaders/update_tiled.wgsl`, for GPUs.
pub const TILED: Kernel = Kernel {
    name: Cow::Borrowed("update_tiled"),
    source: Cow::Borrowed(wgsl!(
        "parts/state.wgsl",
        "parts/optimizer.wgsl",
        "parts/update.wgsl",
        "parts/tape.wgsl",
        "update_tiled.wgsl"
    )),
    bindings: Cow::Borrowed(BINDINGS),
    params: size_of::<Params>(),
};

/// Which shader, and its tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// 64 × 32 elements of a weight a workgroup, whichever way wastes less.
    Subgroups,
    /// results·side × results·side elements.
    Tiled {
        /// Invocations along each side of a workgroup: 8 or 16.
        side: usize,
        /// Elements of an invocation along each side: 2 or 4.
        results: usize,
    },
}

/// Workgroups that a large GPU wants: two for each of its hundred and more cores.
const ENOUGH: usize = 256;

impl Variant {
    /// The variant for an adapter and these layers: on GPUs the largest tiles, since they read the
    /// least, of which there are enough.
    pub fn choose(gpu: &Gpu, layers: &[Layer]) -> Self {
        if gpu.is_software() {
            return Self::Subgroups;
        }
        let [large, medium, small] = Self::TILED;
        let tiles = |variant: Self| layers.iter().map(|l| l.tiles(variant)).sum::<usize>();
        let enough = |variant: &Self| tiles(*variant) >= ENOUGH;
        [large, medium].into_iter().find(enough).unwrap_or(small)
    }

    /// Those for GPUs, from the largest tile to the smallest.
    pub const TILED: [Self; 3] = [
        Self::Tiled {
            side: 16,
            results: 4,
        },
        Self::Tiled {
            side: 8,
            results: 4,
        },
        Self::Tiled {
            side: 8,
            results: 2,
        },
    ];

    /// Elements of a weight that one workgroup owns, along `a` and along `b`.
    fn tile(self) -> [usize; 2] {
        match self {
            Self::Subgroups => [64, 32],
            Self::Tiled { side, results } => [side * results; 2],
        }
    }
}

/// The most layers of a launch.
pub const MAX_LAYERS: usize = 32;

/// A layer y = x·Wᵀ + bias, by what its gradients need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Where the gradient of y starts, [`super::rows::Tensor`] `[rows, fan_out]`.
    pub d_y: usize,
    /// Where x starts: `[rows, fan_in]`, likewise.
    pub x: usize,
    /// Outputs.
    pub fan_out: usize,
    /// Inputs.
    pub fan_in: usize,
    /// W `[fan_out, fan_in]` among the parameters; if it lies in two pieces, they are whole rows.
    pub weight: Address,
    /// The bias `[fan_out]`.
    pub bias: Option<Address>,
}

/// Its arrays.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// What holds each layer's gradient of y and its x.
    pub tape: &'a Slice,
    /// [`State`], whose step the kernel that computed the gradients has moved on.
    pub state: &'a Slice,
    /// All weights and biases, updated in place.
    pub parameters: &'a Slice,
    /// First moments, laid out alike.
    pub m: &'a Slice,
    /// Second moments.
    pub v: &'a Slice,
    /// Laid out alike, where a batch comes in several launches or is clipped; else any slice.
    pub gradients: &'a Slice,
}

/// Which rows of a batch a launch sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many.
    pub rows: usize,
    /// Whether they are the first: then nothing is added to their gradients.
    pub first: bool,
    /// Whether the update follows, as after a batch's last rows; else the gradients are kept.
    pub update: bool,
}

impl Part {
    /// All rows of a batch.
    pub fn whole(rows: usize) -> Self {
        Self {
            rows,
            first: true,
            update: true,
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    layers: u32,
    padding: [u32; 2],
    constants: Constants,
    table: [Encoded; MAX_LAYERS],
}

/// A layer as the shader reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Encoded {
    a: u32,
    a_width: u32,
    b: u32,
    b_width: u32,
    weight: u32,
    weight_split: u32,
    weight_gap: u32,
    row: u32,
    column: u32,
    bias: u32,
    bias_split: u32,
    bias_gap: u32,
    bias_of: u32,
    first_group: u32,
    inputs_first: u32,
    padding: u32,
}

const _: () = assert!(size_of::<Encoded>() == 64);
const _: () = assert!(size_of::<Params>() == 16 + size_of::<Constants>() + 64 * MAX_LAYERS);

/// One workgroup a tile of a weight, over the rows of `part`.
///
/// # Panics
/// Where an array is too short, a tensor does not start at a line, or there are too many layers.
pub fn launch(
    buffers: Buffers<'_>,
    part: Part,
    layers: &[Layer],
    optimizer: &Optimizer,
    variant: Variant,
) -> Launch {
    let (kernel, mut constants) = match variant {
        Variant::Subgroups => (SUBGROUPS, vec![]),
        Variant::Tiled { side, results } => (
            TILED,
            vec![("SIDE", side as f64), ("RESULTS", results as f64)],
        ),
    };
    constants.extend([
        ("ADD", f64::from(u8::from(!part.first))),
        ("KEEP", f64::from(u8::from(!part.update))),
    ]);
    let rows = part.rows;
    let count = layers.len();
    assert!(count <= MAX_LAYERS, "{count} layers");
    let mut params = Params {
        rows: rows as u32,
        layers: count as u32,
        padding: [0; 2],
        constants: Constants::of(optimizer),
        table: [bytemuck::Zeroable::zeroed(); MAX_LAYERS],
    };
    let mut groups = 0;
    let (mut tape, mut parameters) = (0, 0);
    for (slot, layer) in params.table.iter_mut().zip(layers) {
        *slot = layer.encode(variant, groups);
        groups += layer.tiles(variant);
        let ends = [(layer.d_y, layer.fan_out), (layer.x, layer.fan_in)];
        let lines = ends.iter().all(|(at, _)| at.is_multiple_of(TAPE_ALIGN));
        assert!(lines, "a tensor within a line");
        tape = ends
            .map(|(at, width)| at + rows * stride(width))
            .into_iter()
            .fold(tape, usize::max);
        parameters = parameters.max(layer.weight.end(layer.fan_out * layer.fan_in));
        parameters = parameters.max(layer.bias.map_or(0, |bias| bias.end(layer.fan_out)));
    }
    let Buffers {
        tape: tensors,
        state,
        parameters: values,
        m,
        v,
        gradients,
    } = buffers;
    assert_lengths(
        &kernel,
        &[
            (tensors, tape),
            (state, size_of::<State>() / 4),
            (values, parameters),
            (m, parameters),
            (v, parameters),
            (
                gradients,
                if part == Part::whole(rows) {
                    0
                } else {
                    parameters
                },
            ),
        ],
    );
    Launch {
        kernel: kernel.into(),
        constants,
        buffers: [tensors, tensors, state, values, m, v, gradients]
            .map(Slice::clone)
            .to_vec(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: wrapped_grid(groups),
    }
}

impl Layer {
    /// Whether the gradient of y is `a`: on software adapters where that wastes less past the edges
    /// of tiles, on GPUs always.
    fn outputs_first(&self, variant: Variant) -> bool {
        let [rows, columns] = variant.tile();
        let computed = |[a, b]: [usize; 2]| a.next_multiple_of(rows) * b.next_multiple_of(columns);
        computed([self.fan_out, self.fan_in]) <= computed([self.fan_in, self.fan_out])
    }

    fn tiles(&self, variant: Variant) -> usize {
        let [rows, columns] = variant.tile();
        let [a, b] = if self.outputs_first(variant) {
            [self.fan_out, self.fan_in]
        } else {
            [self.fan_in, self.fan_out]
        };
        a.div_ceil(rows) * b.div_ceil(columns)
    }

    fn encode(&self, variant: Variant, first_group: usize) -> Encoded {
        let (d_y, x) = (self.d_y as u32, self.x as u32);
        let (fan_out, fan_in) = (self.fan_out as u32, self.fan_in as u32);
        let weight = self.weight;
        let bias = self.bias.unwrap_or(Address::from(0));
        let common = Encoded {
            weight: weight.first as u32,
            weight_split: weight.split as u32,
            weight_gap: weight.gap as u32,
            bias: bias.first as u32,
            bias_split: bias.split as u32,
            bias_gap: bias.gap as u32,
            first_group: first_group as u32,
            ..bytemuck::Zeroable::zeroed()
        };
        if self.outputs_first(variant) {
            Encoded {
                a: d_y,
                a_width: fan_out,
                b: x,
                b_width: fan_in,
                row: fan_in,
                column: 1,
                bias_of: if self.bias.is_some() { 1 } else { 0 },
                ..common
            }
        } else {
            Encoded {
                a: x,
                a_width: fan_in,
                b: d_y,
                b_width: fan_out,
                row: 1,
                column: fan_in,
                inputs_first: 1,
                bias_of: if self.bias.is_some() { 2 } else { 0 },
                ..common
            }
        }
    }
}
