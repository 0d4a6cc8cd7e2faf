//! How the stages of a program share launches; of `rows_workgroup` in [`super::workgroup`].

use std::ops::Range;

use super::{Stage, TAPE_ALIGN, VECTOR_WORDS, workgroup};
use crate::kernels::SOFTWARE_ITERATIONS;

/// Rows of a workgroup of `rows_subgroups`.
pub(super) const TILE: usize = 32;

/// Columns of a product that one of its workgroups computes at a time.
const COLUMNS: usize = 32;

/// Stages that share a launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Which.
    pub stages: Range<usize>,
    /// Workgroups that share the columns of a tile of rows: more than one for a single product.
    pub column_groups: usize,
    /// The tile of `rows_workgroup`; without one `rows_subgroups` runs the stages.
    pub tile: Option<workgroup::Tile>,
}

/// Whether `rows_subgroups` can run these stages: a software adapter ends the loops of a shader after
/// [`SOFTWARE_ITERATIONS`], all of them together, without a word, and a stage that has a launch for
/// itself, where each workgroup computes one tile of columns, may still be longer.
pub fn within_iterations(stages: &[Stage]) -> bool {
    let mut alone = stages.iter().map(|stage| stage.iterations(1));
    alone.all(|needs| needs <= SOFTWARE_ITERATIONS)
}

/// As few launches as a software adapter can have, of stages that are [`within_iterations`].
pub fn together(stages: &[Stage]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut room = 0;
    for (index, stage) in stages.iter().enumerate() {
        let needs = stage.iterations(stage.tiles());
        match sections.last_mut() {
            Some(section) if needs <= room => {
                section.stages.end = index + 1;
                room -= needs;
            }
            _ if needs <= SOFTWARE_ITERATIONS => {
                sections.push(Section {
                    stages: index..index + 1,
                    column_groups: 1,
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

/// A launch for each stage, of `rows_subgroups`.
pub fn each_alone(stages: &[Stage]) -> Vec<Section> {
    let sections = stages.iter().enumerate();
    sections.map(|(index, stage)| alone(index, stage)).collect()
}

fn alone(index: usize, stage: &Stage) -> Section {
    Section {
        stages: index..index + 1,
        column_groups: stage.tiles(),
        tile: None,
    }
}

impl Stage {
    /// Tiles of columns: as many workgroups can share a launch of this stage alone.
    fn tiles(&self) -> usize {
        match self {
            Self::Product(product) => product.width.div_ceil(COLUMNS).max(1),
            _ => 1,
        }
    }

    /// Iterations of all loops of a workgroup of `rows_subgroups` that computes so many tiles of
    /// columns of this stage, from above: what is skipped takes some too.
    fn iterations(&self, tiles: usize) -> usize {
        const SKIPPED: usize = 16;
        const ROWS: usize = TILE / 8;
        /// Philox's rounds, where the compiler leaves that loop.
        const NOISE: usize = 10;
        SKIPPED
            + match self {
                Self::Gather { x } => ROWS * (1 + x.width.div_ceil(2 * TAPE_ALIGN)),
                Self::Labels { y, first } => {
                    ROWS * (1 + y.width.div_ceil(TAPE_ALIGN) - first / TAPE_ALIGN)
                }
                Self::Product(p) => tiles * (SKIPPED + p.input.width.div_ceil(VECTOR_WORDS) + ROWS),
                Self::Latent { z, .. } | Self::LatentGrad { d_z: z, .. } => {
                    ROWS * (1 + TAPE_ALIGN + z.width.div_ceil(VECTOR_WORDS) * (1 + 2 * NOISE))
                }
            }
    }
}
