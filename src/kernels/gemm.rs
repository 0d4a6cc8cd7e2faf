//! Matrix products with what follows them: bias, addend, non-linearity, derivative; and the sums of
//! the left operand's rows.
//!
//! Three shaders of one interface; [`Variant::choose`] says which serves an adapter and a shape.

use super::{activation_code, assert_lengths};
use crate::gpu::{Binding, Gpu, Kernel, Launch, Slice, read, read_write};
use crate::graph::Activation;

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
    lanes_n: u32,
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
    /// 4·side × 4·side a workgroup, through workgroup memory.
    Tiled {
        /// Invocations along each side of a workgroup: 8 or 16.
        side: u32,
    },
}

impl Variant {
    /// The variant for a product of `m` rows and `n` columns.
    ///
    /// On software adapters the lanes lie as computes the fewest elements past the edges. A GPU
    /// wants at least some sixty workgroups; a product with fewer large tiles takes small ones.
    pub fn choose(family: Family, m: usize, n: usize) -> Self {
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
                let large_tiles = m.div_ceil(64) * n.div_ceil(64);
                Self::Tiled {
                    side: if large_tiles >= 64 { 16 } else { 8 },
                }
            }
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
            Self::Tiled { side } => [4 * side as usize; 2],
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

    /// Strides of the two indices of an operand that enters as `[_, columns]` or, transposed, lies
    /// in memory as `[_, rows]`.
    fn strides(self, rows: usize, columns: usize) -> [u32; 2] {
        match self {
            Self::Plain(_) => [columns as u32, 1],
            Self::Transposed(_) => [1, rows as u32],
        }
    }
}

/// c = f(a·b + bias + addend) · g′(saved), with `a` `[m, k]` and `b` `[k, n]` as they enter.
#[derive(Clone, Copy, Debug)]
pub struct Gemm<'a> {
    /// m, n and k.
    pub shape: [usize; 3],
    /// The left operand.
    pub a: Operand<'a>,
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
    /// `[m]`: Σ_k a, which for a weight's gradient is that of the bias.
    pub sums: Option<&'a Slice>,
    /// What stands in for an output that is not written.
    pub unused: &'a Slice,
}

/// One workgroup a tile of the result.
///
/// # Panics
/// Where the variant cannot take along what `gemm` asks for, or an array is too short.
pub fn launch(gemm: Gemm<'_>, variant: Variant) -> Launch {
    let epilogue = variant.family().epilogue();
    assert!(gemm.activation.is_none_or(|f| epilogue.takes_activation(f)));
    assert!(epilogue.takes_operands() || (gemm.addend.is_none() && gemm.gradient_of.is_none()));
    let (kernel, constants) = match variant {
        Variant::Registers { .. } => (&REGISTERS, vec![]),
        Variant::Subgroups { .. } => {
            let smooth = gemm.activation.is_some_and(|f| f != Activation::Relu);
            (&SUBGROUPS, vec![("SMOOTH", f64::from(u8::from(smooth)))])
        }
        Variant::Tiled { side } => (&TILED, vec![("SIDE", side.into())]),
    };
    check(&gemm, kernel);
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
            [groups_n, groups_m, 1]
        },
    }
}

/// The uniform: for a variant that computes the transposed product, that of cᵀ = bᵀ·aᵀ.
fn params(gemm: &Gemm<'_>, variant: Variant) -> Params {
    let [m, n, k] = gemm.shape;
    let [a_row, a_k] = gemm.a.strides(m, k);
    let [b_k, b_column] = gemm.b.strides(k, n);
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
        lanes_n: match variant {
            Variant::Registers { lanes_n } => lanes_n,
            Variant::Subgroups { .. } | Variant::Tiled { .. } => 0,
        },
        has_sums: gemm.sums.is_some().into(),
        c_row: n as u32,
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
fn check(gemm: &Gemm<'_>, kernel: &Kernel) {
    let [m, n, k] = gemm.shape;
    let of_result = [
        gemm.addend,
        gemm.gradient_of.map(|(_, saved)| saved),
        Some(gemm.c),
    ];
    let optional = of_result.into_iter().flatten().map(|slice| (slice, m * n));
    let vectors = [(gemm.bias, n), (gemm.sums, m)];
    let vectors = vectors
        .into_iter()
        .filter_map(|(slice, len)| Some((slice?, len)));
    let operands = [(gemm.a.slice(), m * k), (gemm.b.slice(), k * n)];
    let arrays: Vec<_> = operands
        .into_iter()
        .chain(optional)
        .chain(vectors)
        .collect();
    assert_lengths(kernel, &arrays);
}
