//! `rows_workgroup`: the program on GPUs, its tensors in workgroup memory.

use std::collections::HashMap;

use super::{BINDINGS, Buffers, MAX_STAGES, Outcome, Product, Program, Section, Stage, Tensor};
use crate::gpu::{Gpu, Kernel, Launch};

/// `shaders/rows_workgroup.wgsl`, for GPUs.
pub const KERNEL: Kernel = Kernel {
    name: "rows_workgroup",
    source: include_str!("../../../shaders/rows_workgroup.wgsl"),
    bindings: BINDINGS,
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    common: super::encode::Params,
    places: [Places; MAX_STAGES],
}

/// Where a stage's operands start in workgroup memory, in vectors of four columns.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
struct Places {
    input: u32,
    addend: u32,
    saved: u32,
    output: u32,
    output2: u32,
    observed: u32,
    /// Bits of the operands that no stage writes, to be taken from the tape.
    fetch: u32,
    padding: u32,
}

const _: () = assert!(size_of::<Params>() == 48 + (96 + 32) * MAX_STAGES);

/// How a program lies on workgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Rows of a workgroup: 1, 2, 4 or 8.
    pub rows: usize,
    /// Invocations of a workgroup: a power of two, and at least 64.
    pub invocations: usize,
}

/// Bytes of a vector of four columns.
const VECTOR: usize = 16;

/// About as many workgroups can read at their full rate before the cache that all share is what
/// limits them: some 5.5 TB/s of an H100's second level, as published, for cores that take 64 bytes
/// a clock each. More rows a workgroup then cost nothing.
const READERS: usize = 64;

/// The bytes of weights that a workgroup reads in the time of one launch that waits for the one
/// before it: 4 µs of start, drain and barrier at 100 GB/s. Neither was measured here; both are
/// of the order that is published for large GPUs.
const BYTES_A_LAUNCH: usize = 400_000;

impl Tile {
    /// The tile for a program, if its tensors fit into workgroup memory.
    ///
    /// As many rows as leave 64 workgroups, and as many invocations as help to keep the
    /// cache busy: 32 KiB of weights are under way with 512.
    pub fn choose(gpu: &Gpu, program: &Program) -> Option<Self> {
        let limits = gpu.limits();
        let most = limits
            .max_compute_invocations_per_workgroup
            .min(limits.max_compute_workgroup_size_x) as usize;
        let memory = limits.max_compute_workgroup_storage_size as usize;
        Self::fitting(program, most, memory)
    }

    /// [`Tile::choose`] for so many invocations at most, and bytes of workgroup memory.
    fn fitting(program: &Program, most: usize, memory: usize) -> Option<Self> {
        let wanted = |rows: &usize| *rows == 1 || program.rows.div_ceil(rows / 2) > READERS;
        let rows = [8, 4, 2, 1].into_iter().filter(wanted);
        let tiles = rows.flat_map(|rows| {
            let invocations = [512, 256].into_iter().filter(move |&n| n <= most);
            invocations.map(move |invocations| Self { rows, invocations })
        });
        let mut tiles = tiles.filter(|tile| tile.bytes(program) <= memory);
        tiles.next()
    }

    /// Whether one launch is faster than one for each stage, by the weights that each workgroup
    /// reads on its own: against the time of the launches that are saved.
    pub fn pays(self, program: &Program) -> bool {
        let bytes: usize = program.stages.iter().map(weight_bytes).sum();
        let groups = program.rows.div_ceil(self.rows);
        let read = bytes * groups.max(READERS) / READERS;
        read <= BYTES_A_LAUNCH * program.stages.len().saturating_sub(1)
    }

    /// Workgroup memory for a program.
    pub fn bytes(self, program: &Program) -> usize {
        VECTOR * (Layout::of(program, self.rows).vectors + self.partials())
    }

    /// Vectors of sums over a part of k.
    fn partials(self) -> usize {
        self.rows * (self.invocations + self.invocations / 8)
    }
}

/// Bytes of the weights that a stage reads.
fn weight_bytes(stage: &Stage) -> usize {
    match stage {
        Stage::Product(product) => 4 * product.input.width * product.width,
        _ => 0,
    }
}

/// All stages in one launch.
pub fn together(stages: &[Stage], tile: Tile) -> Section {
    Section {
        stages: 0..stages.len(),
        shares: 1,
        tile: Some(tile),
    }
}

/// One workgroup a tile of rows.
pub(super) fn launch(
    buffers: Buffers<'_>,
    program: &Program,
    common: super::encode::Params,
    tile: Tile,
) -> Launch {
    let layout = Layout::of(program, tile.rows);
    let mut params = Params {
        common,
        places: [Places::default(); MAX_STAGES],
    };
    let stages = program.stages.iter().enumerate();
    for (slot, (index, stage)) in params.places.iter_mut().zip(stages) {
        *slot = layout.places(index, stage);
    }
    let vectors = program.stages.iter().all(has_vectors);
    Launch {
        kernel: &KERNEL,
        constants: vec![
            ("WORKGROUP", tile.invocations as f64),
            ("TILE_ROWS", tile.rows as f64),
            ("VECTORS", f64::from(u8::from(vectors))),
            ("TENSORS", layout.vectors.max(1) as f64),
        ],
        buffers: buffers.bound(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: [program.rows.div_ceil(tile.rows) as u32, 1, 1],
    }
}

/// Whether a stage's weights are whole vectors along the index that is contiguous.
fn has_vectors(stage: &Stage) -> bool {
    let Stage::Product(Product {
        weight,
        input,
        width,
        ..
    }) = stage
    else {
        return true;
    };
    let [contiguous, other, len] = match weight.inner {
        1 => [weight.inner, weight.column, input.width],
        _ => [weight.column, weight.inner, *width],
    };
    contiguous == 1 && [weight.at, other, len].iter().all(|n| n.is_multiple_of(4))
}

/// Where tensors lie in workgroup memory.
struct Layout {
    /// By where they start on the tape.
    places: HashMap<usize, Place>,
    /// Vectors that they take together.
    vectors: usize,
}

/// A tensor's place.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    /// The first stage that touches it.
    first: usize,
    /// Whether that one writes it.
    written: bool,
}

impl Layout {
    /// Each tensor at the first place that is free from the stage that writes it to the last that
    /// reads it.
    fn of(program: &Program, rows: usize) -> Self {
        let last_use = |tensor: Tensor| {
            let uses = |stage: &Stage| stage.tensors().contains(&tensor);
            program.stages.iter().rposition(uses).unwrap_or(0)
        };
        let mut layout = Self {
            places: HashMap::new(),
            vectors: 0,
        };
        // Start, end and last use, by start.
        let mut taken: Vec<[usize; 3]> = Vec::new();
        for (first, stage) in program.stages.iter().enumerate() {
            taken.retain(|&[_, _, last]| last >= first);
            for tensor in stage.tensors() {
                if layout.places.contains_key(&tensor.at) {
                    continue;
                }
                let len = rows * tensor.width.div_ceil(4);
                let start = free(&taken, len);
                taken.push([start, start + len, last_use(tensor)]);
                taken.sort_unstable();
                let place = Place {
                    start,
                    first,
                    written: stage.writes().contains(&tensor),
                };
                layout.places.insert(tensor.at, place);
                layout.vectors = layout.vectors.max(start + len);
            }
        }
        layout
    }

    /// The places of a stage's operands.
    fn places(&self, index: usize, stage: &Stage) -> Places {
        let at = |tensor: Option<Tensor>| {
            let place = tensor.and_then(|tensor| self.places.get(&tensor.at));
            place.map_or(0, |place| place.start as u32)
        };
        let [input, addend, saved, observed] = operands(stage);
        let [output, output2] = results(stage);
        let bits = [(input, 1), (addend, 2), (saved, 4), (observed, 8)];
        let fetched = bits.into_iter().filter(|&(tensor, _)| {
            let place = tensor.and_then(|tensor| self.places.get(&tensor.at));
            place.is_some_and(|place| place.first == index && !place.written)
        });
        Places {
            input: at(input),
            addend: at(addend),
            saved: at(saved),
            output: at(output),
            output2: at(output2),
            observed: at(observed),
            fetch: fetched.map(|(_, bit)| bit).sum(),
            padding: 0,
        }
    }
}

/// The first gap of `len` between what is taken.
fn free(taken: &[[usize; 3]], len: usize) -> usize {
    let mut start = 0;
    for &[from, to, _] in taken {
        if start + len <= from {
            break;
        }
        start = start.max(to);
    }
    start
}

/// What a stage reads: input, addend, saved and observed, as the shader calls them.
fn operands(stage: &Stage) -> [Option<Tensor>; 4] {
    match *stage {
        Stage::Gather { .. } => [None; 4],
        Stage::Product(p) => {
            let observed = match p.result {
                Outcome::Stored(_) => None,
                Outcome::Scored { observed, .. } => Some(observed),
            };
            let saved = p.gradient_of.map(|(_, saved)| saved);
            [Some(p.input), p.addend, saved, observed]
        }
        Stage::Latent { mu, logvar, .. } => [Some(mu), None, Some(logvar), None],
        Stage::LatentGrad {
            mu, logvar, d_z, ..
        } => [Some(mu), Some(d_z), Some(logvar), None],
    }
}

/// What it writes.
fn results(stage: &Stage) -> [Option<Tensor>; 2] {
    let mut written = stage.writes().into_iter();
    [written.next(), written.next()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::rows::{Score, Weight};
    use crate::rng::Stream;

    /// A VAE's training step with one hidden layer, without the biases.
    fn vae(rows: usize, [pixels, hidden, latent]: [usize; 3]) -> Program {
        let mut at = 0;
        let mut tensor = |width: usize| {
            at += rows * width;
            Tensor {
                at: at - rows * width,
                width,
            }
        };
        let x = tensor(pixels);
        let [h, d_h, to_h] = [hidden; 3].map(&mut tensor);
        let [mu, logvar, z, d_z, d_mu, d_logvar] = [latent; 6].map(&mut tensor);
        let [decoded, d_decoded] = [hidden; 2].map(&mut tensor);
        let d_logits = tensor(pixels);
        let product = |input: Tensor, y: Tensor, addend| Product {
            input,
            weight: Weight {
                at: 0,
                inner: 1,
                column: input.width,
            },
            width: y.width,
            bias: None,
            addend,
            activation: None,
            gradient_of: None,
            result: Outcome::Stored(y),
        };
        let stored = |input, y| Stage::Product(product(input, y, None));
        let scored = Product {
            result: Outcome::Scored {
                score: Score::BernoulliNll,
                observed: x,
                term: 0,
                gradient: Some((d_logits, 1.0)),
            },
            ..product(decoded, d_logits, None)
        };
        let stages = vec![
            Stage::Gather { x },
            stored(x, h),
            stored(h, mu),
            stored(h, logvar),
            Stage::Latent {
                mu,
                logvar,
                stream: Stream::Noise,
                z,
                term: 1,
            },
            stored(z, decoded),
            Stage::Product(scored),
            stored(d_logits, d_decoded),
            stored(d_decoded, d_z),
            Stage::LatentGrad {
                mu,
                logvar,
                stream: Stream::Noise,
                d_z,
                upstream: 1.0,
                d_mu,
                d_logvar,
            },
            stored(d_mu, to_h),
            Stage::Product(product(d_logvar, d_h, Some(to_h))),
        ];
        Program {
            rows,
            first_row: 0,
            last: true,
            dim: pixels,
            seed: 0,
            stages,
        }
    }

    #[test]
    fn tensors_that_are_needed_together_lie_apart() {
        let program = vae(3, [13, 7, 2]);
        for rows in [1, 4] {
            let layout = Layout::of(&program, rows);
            let mut tensors: Vec<_> = program.stages.iter().flat_map(Stage::tensors).collect();
            tensors.sort_by_key(|tensor| tensor.at);
            tensors.dedup();
            assert_eq!(tensors.len(), layout.places.len());
            let lives = |tensor: &Tensor| {
                let uses = |stage: &Stage| stage.tensors().contains(tensor);
                let stages = &program.stages;
                stages.iter().position(uses)..=stages.iter().rposition(uses)
            };
            let lies = |tensor: &Tensor| {
                let start = layout.places[&tensor.at].start;
                start..start + rows * tensor.width.div_ceil(4)
            };
            for (index, a) in tensors.iter().enumerate() {
                assert!(lies(a).end <= layout.vectors);
                for b in &tensors[..index] {
                    let together =
                        lives(a).start() <= lives(b).end() && lives(b).start() <= lives(a).end();
                    let overlap = lies(a).start < lies(b).end && lies(b).start < lies(a).end;
                    assert!(!(together && overlap), "{a:?} and {b:?}");
                }
            }
            let all: usize = tensors.iter().map(|tensor| lies(tensor).len()).sum();
            assert!(layout.vectors < all, "no place is used twice");
        }
    }

    /// WebGPU's default limits, and those of a large GPU.
    #[test]
    fn small_models_run_in_two_launches_and_large_ones_do_not() {
        let (default, large) = ([256, 16_384], [1024, 49_152]);
        let choose = |program: &Program, [most, memory]: [usize; 2]| {
            let tile = Tile::fitting(program, most, memory)?;
            assert!(tile.bytes(program) <= memory && tile.invocations <= most);
            Some(([tile.rows, tile.invocations], tile.pays(program)))
        };
        let small = vae(128, [784, 32, 16]);
        assert_eq!(choose(&small, default), Some(([1, 256], true)));
        assert_eq!(choose(&small, large), Some(([2, 512], true)));
        let medium = vae(128, [784, 400, 20]);
        assert_eq!(choose(&medium, default), Some(([1, 256], false)));
        assert_eq!(choose(&medium, large), Some(([2, 512], true)));
        let wide = vae(512, [784, 2048, 64]);
        assert!(choose(&wide, default).is_none());
        assert!(choose(&wide, large).is_none_or(|(_, pays)| !pays));
    }
}
