//! Which shader computes a product, with which tile: a table from adapter and shape.

use crate::gpu::{Gpu, MatrixUnits};
use crate::kernels::KernelActivation;
use crate::kernels::SOFTWARE_ITERATIONS;

/// The shader that suits an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `gemm_registers`.
    Registers,
    /// `gemm_subgroups`.
    Subgroups,
    /// `gemm_tiled`.
    Tiled,
    /// `gemm_cooperative_*`, and `gemm_tiled` for what is too small for it.
    Cooperative(MatrixUnits),
}

impl Family {
    /// The family for an adapter.
    pub fn of(gpu: &Gpu) -> Self {
        match (gpu.is_software(), gpu.subgroup_size()) {
            (false, _) => gpu.matrix_units().map_or(Self::Tiled, Self::Cooperative),
            (true, Some(8)) => Self::Subgroups,
            (true, _) => Self::Registers,
        }
    }

    /// What a product can take along.
    pub fn epilogue(self) -> Epilogue {
        match self {
            Self::Registers => Epilogue::Relu,
            Self::Subgroups | Self::Tiled | Self::Cooperative(_) => Epilogue::All,
        }
    }
}

/// Which shader, and its tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// 16 rows × 16 columns an invocation, everything in registers.
    Registers {
        /// How many of a workgroup's eight invocations lie along the columns: 1, 2, 4 or 8.
        lanes_n: u32,
    },
    /// 64 × 32 a workgroup, or 32 × 64 where the transposed product is computed.
    Subgroups {
        /// Whether the right operand lies along the lanes, and not the left.
        transposed: bool,
    },
    /// results·side × results·side a workgroup, through workgroup memory.
    Tiled {
        /// Invocations along each side of a workgroup: 8 or 16.
        side: u32,
        /// Results of an invocation along each side: 4 or 8.
        results: u32,
        /// Parts into which each sum is cut; where there are several, a second launch adds them.
        parts: u32,
    },
    /// 8·lanes × 8 a workgroup, which is one subgroup of a GPU. [`Variant::choose`] never takes it:
    /// whether it beats `gemm_tiled` anywhere has not been measured. Benchmarks and tests force it.
    TiledSubgroups {
        /// Lanes of every subgroup: 8, 16, 32 or 64.
        lanes: u32,
    },
    /// 64 × 64 a workgroup, on matrix units.
    Cooperative(MatrixUnits),
}

/// Workgroups of 256 invocations that keep a large GPU busy: one for each of its cores, of which
/// the largest have about this many.
const ENOUGH: usize = 128;

/// Smaller workgroups that do, or are worth cutting sums for.
const ENOUGH_SMALL: usize = 256;

/// The fewest summands of a part: less than a few slices of a tile would not pay for the sum of the
/// parts.
const LEAST_PART: usize = 64;

impl Variant {
    /// The variant for a product of `m` rows and `n` columns with `k` summands.
    ///
    /// On software adapters the lanes lie as computes the fewest elements past the edges. A GPU
    /// takes the largest tiles, which read the least, of which there are enough to keep it busy;
    /// where there are too few of the smallest, sums are cut into parts. Matrix units, where they
    /// were asked for, take what has enough of their tiles: a rule that nobody has measured.
    pub fn choose(family: Family, [m, n, k]: [usize; 3]) -> Self {
        let computed = |variant: &Self| {
            let [rows, columns] = variant.tile();
            m.next_multiple_of(rows) * n.next_multiple_of(columns)
        };
        match family {
            Family::Registers => {
                let variants = [8, 4, 2, 1].map(|lanes_n| Self::Registers { lanes_n });
                let best = variants.into_iter().min_by_key(computed);
                best.unwrap_or(Self::Registers { lanes_n: 8 })
            }
            Family::Subgroups => {
                let [plain, other] = [false, true].map(|transposed| Self::Subgroups { transposed });
                if computed(&other) < computed(&plain) {
                    other
                } else {
                    plain
                }
            }
            Family::Tiled => Self::tiled([m, n, k]),
            // A tile of the matrix units' reads what one of `gemm_tiled` does, so that as many keep
            // the GPU busy.
            Family::Cooperative(units) if tiles(64, [m, n]) >= ENOUGH => Self::Cooperative(units),
            Family::Cooperative(_) => Self::tiled([m, n, k]),
        }
    }

    /// The variant for several products of a shape side by side: that of one without matrix units, and
    /// without parts of sums, as there are workgroups for each product.
    pub fn choose_of_groups(family: Family, shape: [usize; 3]) -> Self {
        let family = match family {
            Family::Cooperative(_) => Family::Tiled,
            other => other,
        };
        match Self::choose(family, shape) {
            Self::Tiled { side, results, .. } => Self::Tiled {
                side,
                results,
                parts: 1,
            },
            other => other,
        }
    }

    /// Whether it computes several products side by side.
    pub fn takes_groups(self) -> bool {
        match self {
            Self::Registers { .. } | Self::Subgroups { .. } | Self::Tiled { .. } => true,
            Self::TiledSubgroups { .. } | Self::Cooperative(_) => false,
        }
    }

    fn tiled([m, n, k]: [usize; 3]) -> Self {
        let tiles = |side| tiles(side, [m, n]);
        let [side, results, parts] = if tiles(128) >= ENOUGH {
            [16, 8, 1]
        } else if tiles(64) >= ENOUGH {
            [16, 4, 1]
        } else {
            let wanted = ENOUGH_SMALL / tiles(32).max(1);
            let parts = wanted.min(k / LEAST_PART).max(1);
            // Without those that rounding leaves empty.
            [8, 4, k.div_ceil(part(k, parts)).max(1) as u32]
        };
        Self::Tiled {
            side,
            results,
            parts,
        }
    }

    /// Parts into which each sum of `k` summands is cut; where there are several, a second launch adds
    /// them. On a GPU they are more workgroups for a thin product; on a software adapter no loop may be
    /// longer than [`SOFTWARE_ITERATIONS`].
    pub fn parts(self, k: usize) -> usize {
        match self {
            Self::Tiled { parts, .. } => parts as usize,
            Self::Registers { .. } | Self::Subgroups { .. } => {
                k.div_ceil(SOFTWARE_ITERATIONS).max(1)
            }
            Self::TiledSubgroups { .. } | Self::Cooperative(_) => 1,
        }
    }

    /// Words that the parts of a product's sums take: none where they are not cut.
    ///
    /// Where they are cut on a software adapter, they fit into any binding of L ≤ 2³⁰ words into which
    /// the operands fit: m·k ≤ L and k·n ≤ L make m·n ≤ L²/k², and with k > 60,000 and at most k/30,000
    /// parts, they take at most L²/(30,000·k) < L words.
    pub fn partial(self, [m, n, k]: [usize; 3]) -> usize {
        match self.parts(k) {
            0 | 1 => 0,
            parts => parts * (m * n + m),
        }
    }

    /// The adapters that it is for.
    pub fn family(self) -> Family {
        match self {
            Self::Registers { .. } => Family::Registers,
            Self::Subgroups { .. } => Family::Subgroups,
            Self::Tiled { .. } | Self::TiledSubgroups { .. } => Family::Tiled,
            Self::Cooperative(units) => Family::Cooperative(units),
        }
    }

    /// Rows and columns of the result that one workgroup computes.
    pub(super) fn tile(self) -> [usize; 2] {
        match self {
            Self::Registers { lanes_n } => [(16 * 8 / lanes_n) as usize, 16 * lanes_n as usize],
            Self::Subgroups { transposed: false } => [64, 32],
            Self::Subgroups { transposed: true } => [32, 64],
            Self::Tiled { side, results, .. } => [(results * side) as usize; 2],
            Self::TiledSubgroups { lanes } => [8 * lanes as usize, 8],
            Self::Cooperative(_) => [64; 2],
        }
    }
}

/// Square tiles that a result takes.
fn tiles(side: usize, [m, n]: [usize; 2]) -> usize {
    m.div_ceil(side) * n.div_ceil(side)
}

/// What a product takes along besides its bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epilogue {
    /// ReLU alone: see `shaders/gemm_registers.wgsl` for the reason.
    Relu,
    /// An addend, any non-linearity, and the derivative of one.
    All,
}

impl Epilogue {
    /// Whether a non-linearity can follow the product in one launch.
    pub fn takes_activation(self, function: KernelActivation) -> bool {
        self == Self::All || function == KernelActivation::Relu
    }

    /// Whether an addend or a derivative can follow.
    pub fn takes_operands(self) -> bool {
        self == Self::All
    }
}

/// Summands of one of `parts` parts: whole slices of the tile with the deepest ones, 32.
pub(super) fn part(k: usize, parts: usize) -> usize {
    k.div_ceil(parts).next_multiple_of(32).max(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiled(shape: [usize; 3]) -> [u32; 3] {
        match Variant::choose(Family::Tiled, shape) {
            Variant::Tiled {
                side,
                results,
                parts,
            } => [side, results, parts],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn gpus_take_the_largest_tiles_that_keep_them_busy() {
        assert_eq!(tiled([2048, 2048, 1024]), [16, 8, 1]);
        assert_eq!(tiled([512, 1024, 784]), [16, 4, 1]);
        assert_eq!(tiled([784, 400, 128]), [8, 4, 1]);
    }

    #[test]
    fn matrix_units_take_what_keeps_them_busy() {
        let units = MatrixUnits {
            size: 16,
            lanes: 32,
        };
        let choose = |shape| Variant::choose(Family::Cooperative(units), shape);
        assert_eq!(choose([512, 1024, 784]), Variant::Cooperative(units));
        assert_eq!(choose([2048, 2048, 1]), Variant::Cooperative(units));
        for shape in [[784, 400, 128], [128, 32, 784]] {
            assert_eq!(choose(shape), Variant::choose(Family::Tiled, shape));
        }
    }

    #[test]
    fn thin_products_are_cut_along_their_sums() {
        let mut cut = 0;
        for m in [1, 32, 100, 128] {
            for n in [1, 20, 32, 400, 784] {
                for k in [0, 1, 63, 64, 128, 400, 784, 10_000] {
                    let parts = tiled([m, n, k])[2] as usize;
                    let len = part(k, parts);
                    assert!(parts * len >= k, "{m}×{n}×{k}: summands are left out");
                    assert!(parts == 1 || (parts - 1) * len < k, "{m}×{n}×{k}: empty");
                    assert!(parts == 1 || len >= LEAST_PART, "{m}×{n}×{k}: {len}");
                    cut += usize::from(parts > 1);
                }
            }
        }
        assert!(cut > 0);
        assert_eq!(tiled([128, 32, 784])[2], 9);
    }
}
