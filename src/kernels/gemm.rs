//! Matrix products with what follows them: bias, addend, non-linearity, derivative; and the sums of
//! the left operand's rows.
//!
//! Three shaders of one interface; [`Variant::choose`] says which serves an adapter and a shape. Where
//! a product is too small for a GPU, its sums are cut into parts that a second launch adds.

mod split;

use super::{activation_code, assert_lengths};
use crate::gpu::{Binding, Gpu, Kernel, Launch, Slice, read, read_write};
use crate::graph::Activation;

pub use split::SPLIT_SUM;

const BINDINGS: &[Binding] = &[
    read("a"),
    read("b"),
    read("bias"),
    read("addend"),
    read("saved"),
    read_write("c"),
    read_write("sums"),
];

/// `shaders/gemm_registers.wgsl`, for software adapters of any lane count.
pub const REGISTERS: Kernel = Kernel {
    name: "gemm_registers",
    source: include_str!("../../shaders/gemm_registers.wgsl"),
    bindings: BINDINGS,
    params: size_of::<Params>(),
};

/// `shaders/gemm_subgroups.wgsl`, for software adapters with subgroups of eight lanes.
pub const SUBGROUPS: Kernel = Kernel {
    name: "gemm_subgroups",
    source: include_str!("../../shaders/gemm_subgroups.wgsl"),
    bindings: BINDINGS,
    params: size_of::<Params>(),
};

/// `shaders/gemm_tiled.wgsl`, for GPUs.
pub const TILED: Kernel = Kernel {
    name: "gemm_tiled",
    source: include_str!("../../shaders/gemm_tiled.wgsl"),
    bindings: BINDINGS,
    params: size_of::<Params>(),
};

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    m: u32,
    n: u32,
    k: u32,
    a_row: u32,
    a_k: u32,
    b_k: u32,
    b_column: u32,
    has_bias: u32,
    has_addend: u32,
    activation: u32,
    gradient_of: u32,
    /// Of `gemm_registers`: invocations along the columns; of `gemm_tiled`: summands of a part.
    lanes_or_part: u32,
    has_sums: u32,
    c_row: u32,
    c_column: u32,
    transposed: u32,
}

const _: () = assert!(size_of::<Params>() == 64);

/// The shader that suits an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `gemm_registers`.
    Registers,
    /// `gemm_subgroups`.
    Subgroups,
    /// `gemm_tiled`.
    Tiled,
}

impl Family {
    /// The family for an adapter.
    pub fn of(gpu: &Gpu) -> Self {
        match (gpu.is_software(), gpu.subgroup_size()) {
            (false, _) => Self::Tiled,
            (true, Some(8)) => Self::Subgroups,
            (true, _) => Self::Registers,
        }
    }

    /// What a product can take along.
    pub fn epilogue(self) -> Epilogue {
        match self {
            Self::Registers => Epilogue::Relu,
            Self::Subgroups | Self::Tiled => Epilogue::All,
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
    /// where there are too few of the smallest, sums are cut into parts.
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
            Family::Tiled => {
                let tiles = |side: usize| m.div_ceil(side) * n.div_ceil(side);
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
        }
    }

    /// Words that the parts of a product's sums take: none where they are not cut.
    pub fn partial(self, [m, n, _]: [usize; 3]) -> usize {
        match self {
            Self::Tiled { parts, .. } if parts > 1 => parts as usize * (m * n + m),
            _ => 0,
        }
    }

    /// The shader's family.
    pub fn family(self) -> Family {
        match self {
            Self::Registers { .. } => Family::Registers,
            Self::Subgroups { .. } => Family::Subgroups,
            Self::Tiled { .. } => Family::Tiled,
        }
    }

    /// Rows and columns of the result that one workgroup computes.
    fn tile(self) -> [usize; 2] {
        match self {
            Self::Registers { lanes_n } => [(16 * 8 / lanes_n) as usize, 16 * lanes_n as usize],
            Self::Subgroups { transposed: false } => [64, 32],
            Self::Subgroups { transposed: true } => [32, 64],
            Self::Tiled { side, results, .. } => [(results * side) as usize; 2],
        }
    }
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
    pub fn takes_activation(self, function: Activation) -> bool {
        self == Self::All || function == Activation::Relu
    }

    /// Whether an addend or a derivative can follow.
    pub fn takes_operands(self) -> bool {
        self == Self::All
    }
}

/// How a row-major operand enters the product.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    /// As it lies in memory.
    Plain(&'a Slice),
    /// Transposed: its rows are the product's columns.
    Transposed(&'a Slice),
}

impl<'a> Operand<'a> {
    fn slice(self) -> &'a Slice {
        match self {
            Self::Plain(slice) | Self::Transposed(slice) => slice,
        }
    }

    /// Whether every row in memory, `stride` words from the one before where that is not its length,
    /// is whole vectors of four.
    fn has_vectors(self, rows: usize, columns: usize, stride: Option<usize>) -> bool {
        let len = match self {
            Self::Plain(_) => columns,
            Self::Transposed(_) => rows,
        };
        len.is_multiple_of(4) && stride.unwrap_or(len).is_multiple_of(4)
    }

    /// Strides of the two indices of an operand that enters as `[rows, columns]`, with `stride`
    /// words from one row in memory to the next, or as many as a row has.
    fn strides(self, rows: usize, columns: usize, stride: Option<usize>) -> [u32; 2] {
        match self {
            Self::Plain(_) => [stride.unwrap_or(columns) as u32, 1],
            Self::Transposed(_) => [1, stride.unwrap_or(rows) as u32],
        }
    }

    /// The words that it takes in memory, as [`Operand::strides`] counts them.
    fn extent(self, rows: usize, columns: usize, stride: Option<usize>) -> usize {
        match self {
            Self::Plain(_) => extent(rows, columns, stride),
            Self::Transposed(_) => extent(columns, rows, stride),
        }
    }
}

/// The words of `rows` rows, `stride` apart where they are parts of longer ones.
fn extent(rows: usize, columns: usize, stride: Option<usize>) -> usize {
    match rows {
        0 => 0,
        _ => (rows - 1) * stride.unwrap_or(columns) + columns,
    }
}

/// c = f(a·b + bias + addend) · g′(saved), with `a` `[m, k]` and `b` `[k, n]` as they enter.
#[derive(Clone, Copy, Debug)]
pub struct Gemm<'a> {
    /// m, n and k.
    pub shape: [usize; 3],
    /// The left operand.
    pub a: Operand<'a>,
    /// Words from one row of the left operand in memory to the next, where these are some columns of
    /// a wider matrix.
    pub a_stride: Option<usize>,
    /// The right operand.
    pub b: Operand<'a>,
    /// `[n]`.
    pub bias: Option<&'a Slice>,
    /// `[m, n]`.
    pub addend: Option<&'a Slice>,
    /// f.
    pub activation: Option<Activation>,
    /// g and its output `[m, n]`.
    pub gradient_of: Option<(Activation, &'a Slice)>,
    /// `[m, n]`.
    pub c: &'a Slice,
    /// Words from one row of the result to the next, and of what follows it by element, where these
    /// are some columns of wider matrices.
    pub c_stride: Option<usize>,
    /// `[m]`: Σ_k a, which for a weight's gradient is that of the bias.
    pub sums: Option<&'a Slice>,
    /// [`Variant::partial`] words, where that is not none.
    pub partial: Option<&'a Slice>,
    /// What stands in for an output that is not written.
    pub unused: &'a Slice,
}

/// One workgroup a tile of the result; and what adds the parts, where sums are cut.
///
/// # Panics
/// Where the variant cannot take along what `gemm` asks for, or an array is too short or missing.
pub fn launches(gemm: Gemm<'_>, variant: Variant) -> Vec<Launch> {
    match (variant, gemm.partial) {
        (Variant::Tiled { parts, .. }, Some(partial)) if parts > 1 => {
            // What follows the sums follows those of all parts.
            let parted = Gemm {
                bias: None,
                addend: None,
                activation: None,
                gradient_of: None,
                c: partial,
                c_stride: None,
                sums: gemm.sums.map(|_| gemm.unused),
                ..gemm
            };
            vec![
                launch(parted, variant),
                split::launch(gemm, partial, parts as usize),
            ]
        }
        _ => {
            let whole = variant.partial(gemm.shape) == 0;
            assert!(whole, "no room for the parts of sums");
            vec![launch(gemm, variant)]
        }
    }
}

fn launch(gemm: Gemm<'_>, variant: Variant) -> Launch {
    let epilogue = variant.family().epilogue();
    assert!(gemm.activation.is_none_or(|f| epilogue.takes_activation(f)));
    assert!(epilogue.takes_operands() || (gemm.addend.is_none() && gemm.gradient_of.is_none()));
    let (kernel, constants) = match variant {
        Variant::Registers { .. } => (&REGISTERS, vec![]),
        Variant::Subgroups { .. } => {
            let smooth = gemm.activation.is_some_and(|f| f != Activation::Relu);
            (&SUBGROUPS, vec![("SMOOTH", f64::from(u8::from(smooth)))])
        }
        Variant::Tiled {
            side,
            results,
            parts,
        } => {
            let [m, n, k] = gemm.shape;
            let flag = |set: bool| f64::from(u8::from(set));
            let constants = vec![
                ("SIDE", side.into()),
                ("RESULTS", results.into()),
                ("PARTS", flag(parts > 1)),
                ("VECTOR_A", flag(gemm.a.has_vectors(m, k, gemm.a_stride))),
                ("VECTOR_B", flag(gemm.b.has_vectors(k, n, None))),
            ];
            (&TILED, constants)
        }
    };
    check(&gemm, variant, kernel);
    let [m, n, _] = gemm.shape;
    let transposed = variant == (Variant::Subgroups { transposed: true });
    // A step that does not apply reads nothing; its binding is the left operand.
    let [a, b] = [gemm.a.slice(), gemm.b.slice()];
    let saved = gemm.gradient_of.map_or(a, |(_, saved)| saved);
    let [first, second] = if transposed { [b, a] } else { [a, b] };
    let inputs = [
        first,
        second,
        gemm.bias.unwrap_or(a),
        gemm.addend.unwrap_or(a),
        saved,
    ];
    let [tile_m, tile_n] = variant.tile();
    let [groups_m, groups_n] = [m.div_ceil(tile_m) as u32, n.div_ceil(tile_n) as u32];
    Launch {
        kernel,
        constants,
        buffers: inputs
            .into_iter()
            .chain([gemm.c, gemm.sums.unwrap_or(gemm.unused)])
            .cloned()
            .collect(),
        params: bytemuck::bytes_of(&params(&gemm, variant)).to_vec(),
        grid: if transposed {
            [groups_m, groups_n, 1]
        } else {
            [groups_n, groups_m, groups_k(variant)]
        },
    }
}

/// Summands of one of `parts` parts: whole slices of the tile with the deepest ones, 32.
fn part(k: usize, parts: usize) -> usize {
    k.div_ceil(parts).next_multiple_of(32).max(32)
}

/// Workgroups along k.
fn groups_k(variant: Variant) -> u32 {
    match variant {
        Variant::Tiled { parts, .. } => parts,
        Variant::Registers { .. } | Variant::Subgroups { .. } => 1,
    }
}

/// The uniform: for a variant that computes the transposed product, that of cᵀ = bᵀ·aᵀ.
fn params(gemm: &Gemm<'_>, variant: Variant) -> Params {
    let [m, n, k] = gemm.shape;
    let [a_row, a_k] = gemm.a.strides(m, k, gemm.a_stride);
    let [b_k, b_column] = gemm.b.strides(k, n, None);
    let plain = Params {
        m: m as u32,
        n: n as u32,
        k: k as u32,
        a_row,
        a_k,
        b_k,
        b_column,
        has_bias: gemm.bias.is_some().into(),
        has_addend: gemm.addend.is_some().into(),
        activation: activation_code(gemm.activation),
        gradient_of: activation_code(gemm.gradient_of.map(|(function, _)| function)),
        lanes_or_part: match variant {
            Variant::Registers { lanes_n } => lanes_n,
            Variant::Subgroups { .. } => 0,
            Variant::Tiled { parts, .. } => part(k, parts as usize) as u32,
        },
        has_sums: gemm.sums.is_some().into(),
        c_row: gemm.c_stride.unwrap_or(n) as u32,
        c_column: 1,
        transposed: 0,
    };
    if variant != (Variant::Subgroups { transposed: true }) {
        return plain;
    }
    Params {
        m: plain.n,
        n: plain.m,
        a_row: b_column,
        a_k: b_k,
        b_k: a_k,
        b_column: a_row,
        c_row: 1,
        c_column: plain.c_row,
        transposed: 1,
        ..plain
    }
}

/// Every array holds what the kernel will index.
fn check(gemm: &Gemm<'_>, variant: Variant, kernel: &Kernel) {
    let [m, n, k] = gemm.shape;
    let parts = variant.partial(gemm.shape);
    let result = extent(m, n, gemm.c_stride);
    let results = [
        (gemm.addend, result),
        (gemm.gradient_of.map(|(_, saved)| saved), result),
        (Some(gemm.c), parts.max(result)),
        (gemm.bias, n),
        (gemm.sums.filter(|_| parts == 0), m),
    ];
    let results = results
        .into_iter()
        .filter_map(|(slice, len)| Some((slice?, len)));
    let operands = [
        (gemm.a.slice(), gemm.a.extent(m, k, gemm.a_stride)),
        (gemm.b.slice(), gemm.b.extent(k, n, None)),
    ];
    let arrays: Vec<_> = operands.into_iter().chain(results).collect();
    assert_lengths(kernel, &arrays);
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
