//! `rows_workgroup`: stages of a program with their tensors in workgroup memory.

mod layout;
#[cfg(test)]
mod tests;
mod tile;

pub use tile::Tile;

use std::borrow::Cow;

use super::{BINDINGS, Buffers, MAX_STAGES, Product, Program, Section, Stage};
use crate::gpu::{Gpu, Kernel, Launch};
use layout::{Layout, Places};

/// `shaders/rows_workgroup.wgsl`, for GPUs.
pub const KERNEL: Kernel = Kernel {
    name: Cow::Borrowed("rows_workgroup"),
    source: Cow::Borrowed(wgsl!(
        "parts/ramp.wgsl",
        "parts/stages.wgsl",
        "parts/tape.wgsl",
        "parts/normals.wgsl",
        "parts/gaussian.wgsl",
        "parts/activations.wgsl",
        "parts/activation_branches.wgsl",
        "rows_workgroup.wgsl"
    )),
    bindings: Cow::Borrowed(BINDINGS),
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    common: super::encode::Params,
    places: [Places; MAX_STAGES],
}

const _: () = assert!(size_of::<Params>() == 48 + (112 + 32) * MAX_STAGES);

/// All stages in one launch.
pub fn together(stages: &[Stage], tile: Tile) -> Section {
    Section {
        stages: 0..stages.len(),
        column_groups: 1,
        tile: Some(tile),
    }
}

/// A launch for each stage, if the adapter has workgroups for them.
pub fn each_alone(gpu: &Gpu, program: &Program) -> Option<Vec<Section>> {
    let stages = program.stages.iter().enumerate();
    let section = |(index, stage): (usize, &Stage)| {
        let tile = Tile::alone(gpu, program.rows, stage)?;
        Some(alone(index, stage, tile))
    };
    stages.map(section).collect()
}

/// A launch of one stage.
pub fn alone(index: usize, stage: &Stage, tile: Tile) -> Section {
    Section {
        stages: index..index + 1,
        column_groups: column_groups(stage),
        tile: Some(tile),
    }
}

/// Workgroups that share the columns of a product in a launch of its own: four, and more where each
/// would have more than 128 bytes of a row. The number does not
/// depend on the batch, since the whole batches and the last, smaller one must leave as many partial sums
/// of a row in the log, whose stride is fixed. The log holds an epoch's rows, so that more than 32 sums of
/// each would make it too large.
fn column_groups(stage: &Stage) -> usize {
    const FEW: usize = 4;
    const MOST: usize = 32;
    const VECTORS_OF_A_LINE: usize = 8;
    let vectors = vectors(stage);
    let each = vectors.div_ceil(FEW).min(VECTORS_OF_A_LINE);
    vectors.div_ceil(each.max(vectors.div_ceil(MOST)))
}

/// Vectors of columns that can be shared.
fn vectors(stage: &Stage) -> usize {
    match stage {
        Stage::Product(product) => product.width.div_ceil(4).max(1),
        _ => 1,
    }
}

/// Whether each of so many workgroups has columns of its own.
fn can_be_grouped(stage: &Stage, column_groups: usize) -> bool {
    let vectors = vectors(stage);
    (column_groups - 1) * vectors.div_ceil(column_groups) < vectors
}

/// One workgroup a tile of rows, or as many as share its columns.
///
/// # Panics
/// Where several stages are in a launch whose workgroups see a part of their results only, or a
/// workgroup would have no columns.
pub(super) fn launch(
    buffers: Buffers<'_>,
    program: &Program,
    common: super::encode::Params,
    section: &Section,
    tile: Tile,
) -> Launch {
    let range = section.stages.clone();
    let stages = &program.stages[range.clone()];
    assert!(
        stages.len() == 1 || (tile.staged && section.column_groups == 1),
        "several stages that do not see each other's results"
    );
    assert!(
        stages
            .iter()
            .all(|stage| can_be_grouped(stage, section.column_groups)),
        "{} workgroups for fewer columns",
        section.column_groups
    );
    let layout = Layout::of(stages, tile);
    let mut params = Params {
        common,
        places: [Places::default(); MAX_STAGES],
    };
    let slots = params.places[range].iter_mut().zip(stages);
    for (index, (slot, stage)) in slots.enumerate() {
        *slot = layout.places(index, stage);
    }
    let switch = |on: bool| f64::from(u8::from(on));
    Launch {
        kernel: KERNEL.into(),
        constants: vec![
            ("WORKGROUP", tile.invocations as f64),
            ("TILE_ROWS", tile.rows as f64),
            ("ALIGNED", switch(stages.iter().all(has_vectors))),
            ("STAGED", switch(tile.staged)),
            ("TENSORS", layout.vectors() as f64),
        ],
        buffers: buffers.bound(),
        params: bytemuck::bytes_of(&params).to_vec(),
        grid: [
            program.rows.div_ceil(tile.rows) as u32,
            section.column_groups as u32,
            1,
        ],
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
    let at = weight.at;
    let whole = |n: &usize| n.is_multiple_of(4);
    let pieces = !at.is_split() || [at.split, at.gap].iter().all(whole);
    contiguous == 1 && [at.first, other, len].iter().all(whole) && pieces
}
