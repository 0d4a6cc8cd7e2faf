//! How the rows of a program lie on workgroups.

use super::super::{Program, Stage};
use super::layout::Layout;
use crate::gpu::Gpu;

/// How rows lie on workgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Rows of a workgroup: 1, 2, 4 or 8.
    pub rows: usize,
    /// Invocations of a workgroup: a power of two, and at least 64.
    pub invocations: usize,
    /// Whether the inputs of products are in workgroup memory; else they are read from the tape,
    /// which only a launch of one stage can do.
    pub staged: bool,
}

/// Bytes of a vector of four columns.
const VECTOR_BYTES: usize = 16;

/// From about so many workgroups on, the second-level cache that all of them read through is the limit and
/// no longer the single core: an H100's gives some 5.5 TB/s, as published, and a core takes 64 bytes a
/// clock. So fewer workgroups, each of more rows, cost nothing.
const READERS: usize = 64;

/// The bytes of weights that a workgroup reads in the time of one launch that waits for the one
/// before it: 4 µs of start, drain and barrier at 100 GB/s. Neither was measured here; both are
/// of the order that is published for large GPUs.
const BYTES_A_LAUNCH: usize = 400_000;

impl Tile {
    /// The tile for a program in one launch, if its tensors fit into workgroup memory.
    ///
    /// As many rows as leave 64 workgroups, and as many invocations as help to keep the
    /// cache busy: 32 KiB of weights are under way with 512.
    pub fn choose(gpu: &Gpu, program: &Program) -> Option<Self> {
        Self::together(program, limits(gpu))
    }

    /// [`Tile::choose`] for so many invocations at most, and bytes of workgroup memory.
    pub(super) fn together(program: &Program, [most, memory]: [usize; 2]) -> Option<Self> {
        let mut tiles = leaving_readers(program.rows, 1).flat_map(|rows| {
            let invocations = [512, 256].into_iter().filter(move |&n| n <= most);
            invocations.map(move |invocations| Self {
                rows,
                invocations,
                staged: true,
            })
        });
        tiles.find(|tile| tile.bytes(&program.stages) <= memory)
    }

    /// The tile for a launch of one stage on so many rows: with its input in workgroup memory, if
    /// a row of it fits there. `None` where the adapter has no such workgroups at all.
    ///
    /// As many rows as leave 64 workgroups, which share the columns of a product; so 256
    /// invocations of each are enough.
    pub fn alone(gpu: &Gpu, rows: usize, stage: &Stage) -> Option<Self> {
        Self::of_stage(rows, stage, limits(gpu))
    }

    /// [`Tile::alone`] for so many invocations at most, and bytes of workgroup memory.
    pub(super) fn of_stage(rows: usize, stage: &Stage, [most, memory]: [usize; 2]) -> Option<Self> {
        const INVOCATIONS: usize = 256;
        let tiles = [true, false].into_iter().flat_map(|staged| {
            leaving_readers(rows, super::column_groups(stage)).map(move |rows| Self {
                rows,
                invocations: INVOCATIONS,
                staged,
            })
        });
        let fits = |tile: &Self| tile.bytes(std::slice::from_ref(stage)) <= memory;
        tiles.filter(|_| INVOCATIONS <= most).find(fits)
    }

    /// Whether one launch is faster than one for each task, by the weights that each workgroup
    /// reads on its own: against the time of the launches that are saved.
    pub fn pays(self, program: &Program) -> bool {
        let bytes: usize = program.stages.iter().map(weight_bytes).sum();
        let groups = program.rows.div_ceil(self.rows);
        let read = bytes * groups.max(READERS) / READERS;
        let tasks: usize = program.stages.iter().map(tasks).sum();
        read <= BYTES_A_LAUNCH * tasks.saturating_sub(1)
    }

    /// Workgroup memory for stages that share a launch.
    pub fn bytes(self, stages: &[Stage]) -> usize {
        VECTOR_BYTES * (Layout::of(stages, self).vectors() + self.partials())
    }

    /// Vectors of sums over a part of k.
    fn partials(self) -> usize {
        self.rows * (self.invocations + self.invocations / 8)
    }
}

/// The most invocations of a workgroup, and its bytes of memory.
fn limits(gpu: &Gpu) -> [usize; 2] {
    let limits = gpu.limits();
    let most = limits
        .max_compute_invocations_per_workgroup
        .min(limits.max_compute_workgroup_size_x);
    [most, limits.max_compute_workgroup_storage_size].map(|limit| limit as usize)
}

/// Rows of a workgroup, the most first, with which there are about [`READERS`] workgroups: `column_groups`
/// for each tile of `rows`.
fn leaving_readers(rows: usize, column_groups: usize) -> impl Iterator<Item = usize> {
    let wanted =
        move |tile: &usize| *tile == 1 || column_groups * rows.div_ceil(tile / 2) > READERS;
    [8, 4, 2, 1].into_iter().filter(wanted)
}

/// Bytes of the weights that a stage reads.
fn weight_bytes(stage: &Stage) -> usize {
    match stage {
        Stage::Product(product) => 4 * product.input.width * product.width,
        _ => 0,
    }
}

/// Tasks that a stage is: the general plan has a product for each head.
fn tasks(stage: &Stage) -> usize {
    match stage {
        Stage::Product(product) if product.weight.at.is_split() => 2,
        _ => 1,
    }
}
