//! Matrix products with what follows them: bias, addend, non-linearity, derivative; and the sums of
//! the left operand's rows.
//!
//! Five shaders of one interface; [`Variant::choose`] says which serves an adapter and a shape. Where
//! a product is too small for a GPU, or its sums too long for a loop of a software adapter, the sums
//! are cut into parts that a second launch adds.

mod cooperative;
mod split;
mod variant;

use std::borrow::Cow;

use super::{MAX_GROUPS, activation_code, assert_lengths};
use crate::gpu::{Binding, Kernel, Launch, Slice, read, read_write};
use crate::kernels::KernelActivation;
use variant::part;

pub use cooperative::{COOPERATIVE_8, COOPERATIVE_16};
pub use split::SPLIT_SUM;
pub use variant::{Epilogue, Family, Variant};

const BINDINGS: &[Binding] = &[
    read("a"),
    read("b"),
    read("bias"),
    read("addend"),
    read("g_output"),
    read_write("c"),
    read_write("sums"),
];

/// `shaders/gemm_registers.wgsl`, for software adapters of any lane count.
pub const REGISTERS: Kernel = Kernel {
    name: Cow::Borrowed("gemm_registers"),
    source: Cow::Borrowed(wgsl!(
        "parts/product.wgsl",
        "parts/activations.wgsl",
        "gemm_registers.wgsl"
    )),
    bindings: Cow::Borrowed(BINDINGS),
    params: size_of::<Params>(),
};

/// `shaders/gemm_subgroups.wgsl`, for software adapters with subgroups of eight lanes.
pub const SUBGROUPS: Kernel = Kernel {
    name: Cow::Borrowed("gemm_subgroups"),
    source: Cow::Borrowed(wgsl!(
        "parts/product.wgsl",
        "parts/activations.wgsl",
        "parts/activation_selects.wgsl",
        "parts/broadcasts.wgsl",
        "gemm_subgroups.wgsl"
    )),
    bindings: Cow::Borrowed(BINDINGS),
    params: size_of::<Params>(),
};

/// `shaders/gemm_tiled.wgsl`, for GPUs.
pub const TILED: Kernel = Kernel {
    name: Cow::Borrowed("gemm_tiled"),
    source: Cow::Borrowed(wgsl!(
        "parts/product.wgsl",
        "parts/activations.wgsl",
        "parts/activation_branches.wgsl",
        "gemm_tiled.wgsl"
    )),
    bindings: Cow::Borrowed(BINDINGS),
    params: size_of::<Params>(),
};

/// `shaders/gemm_tiled_subgroups.wgsl`, for GPUs with subgroups of one size.
pub const TILED_SUBGROUPS: Kernel = Kernel {
    name: Cow::Borrowed("gemm_tiled_subgroups"),
    source: Cow::Borrowed(wgsl!(
        "parts/product.wgsl",
        "parts/activations.wgsl",
        "parts/activation_branches.wgsl",
        "gemm_tiled_subgroups.wgsl"
    )),
    bindings: Cow::Borrowed(BINDINGS),
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
    derivative: u32,
    /// Of `gemm_registers`: invocations along the columns; of `gemm_tiled`: summands of a part.
    lanes_or_part: u32,
    has_sums: u32,
    c_row: u32,
    c_column: u32,
    transposed: u32,
    /// Words from one product to the next, of several side by side.
    a_group: u32,
    b_group: u32,
    c_group: u32,
    padding: u32,
}

const _: () = assert!(size_of::<Params>() == 80);

/// How a row-major operand enters the product.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    /// As it lies in memory.
    Plain(&'a Slice),
    /// Transposed: its rows are the product's columns.
    Transposed(&'a Slice),
}

impl<'a> Operand<'a> {
    /// One or the other.
    pub fn of(slice: &'a Slice, transposed: bool) -> Self {
        match transposed {
            false => Self::Plain(slice),
            true => Self::Transposed(slice),
        }
    }

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

/// c = f(a·b + bias + addend) · g′(g's output), with `a` `[m, k]` and `b` `[k, n]` as they enter.
#[derive(Clone, Copy, Debug)]
pub struct Gemm<'a> {
    /// m, n and k.
    pub shape: [usize; 3],
    /// Products side by side: operands and result have the rows of one in memory behind those of
    /// another. Of several nothing follows a product, and no sum is cut into parts.
    pub groups: usize,
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
    pub activation: Option<KernelActivation>,
    /// g and its output `[m, n]`.
    pub derivative: Option<(KernelActivation, &'a Slice)>,
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

impl<'a> Gemm<'a> {
    /// c = a·b with nothing after it, of a shape whose sums are not cut into parts.
    pub fn product(
        shape: [usize; 3],
        [a, b]: [Operand<'a>; 2],
        c: &'a Slice,
        unused: &'a Slice,
    ) -> Self {
        Self {
            shape,
            groups: 1,
            a,
            a_stride: None,
            b,
            bias: None,
            addend: None,
            activation: None,
            derivative: None,
            c,
            c_stride: None,
            sums: None,
            partial: None,
            unused,
        }
    }
}

impl Gemm<'_> {
    /// Whether it is a·b alone, of whole matrices.
    fn is_bare(&self) -> bool {
        let operands = [self.bias, self.addend, self.sums];
        let strides = [self.a_stride, self.c_stride];
        operands.iter().all(Option::is_none)
            && strides.iter().all(Option::is_none)
            && self.activation.is_none()
            && self.derivative.is_none()
    }
}

/// One workgroup a tile of the result; and what adds the parts, where sums are cut.
///
/// # Panics
/// Where the variant cannot take along what `gemm` asks for, or an array is too short or missing. Of several
/// products, where something follows them, there are more than WebGPU has workgroups in a dimension, or
/// the variant computes one at a time or cuts their sums.
pub fn launches(gemm: Gemm<'_>, variant: Variant) -> Vec<Launch> {
    match (variant.parts(gemm.shape[2]), gemm.partial) {
        (parts, Some(partial)) if parts > 1 => {
            // What follows the sums follows those of all parts.
            let parted = Gemm {
                bias: None,
                addend: None,
                activation: None,
                derivative: None,
                c: partial,
                c_stride: None,
                sums: gemm.sums.map(|_| gemm.unused),
                ..gemm
            };
            vec![launch(parted, variant), split::launch(gemm, partial, parts)]
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
    assert!(epilogue.takes_operands() || (gemm.addend.is_none() && gemm.derivative.is_none()));
    let [m, n, k] = gemm.shape;
    let parts = variant.parts(k);
    if gemm.groups > 1 {
        let bare = gemm.is_bare() && gemm.groups <= MAX_GROUPS as usize;
        assert!(bare && parts == 1 && variant.takes_groups(), "gemm: groups");
    }
    let flag = |set: bool| f64::from(u8::from(set));
    let cut = ("PARTS", flag(parts > 1));
    let vectors = || {
        [
            ("VECTOR_A", flag(gemm.a.has_vectors(m, k, gemm.a_stride))),
            ("VECTOR_B", flag(gemm.b.has_vectors(k, n, None))),
        ]
    };
    let (kernel, constants) = match variant {
        Variant::Registers { .. } => (REGISTERS, vec![cut]),
        Variant::Subgroups { .. } => {
            let smooth = gemm.activation.is_some_and(|f| f != KernelActivation::Relu);
            (SUBGROUPS, vec![("SMOOTH", flag(smooth)), cut])
        }
        Variant::Tiled { side, results, .. } => {
            let tile = [("SIDE", side.into()), ("RESULTS", results.into()), cut];
            (TILED, tile.into_iter().chain(vectors()).collect())
        }
        Variant::TiledSubgroups { lanes } => (TILED_SUBGROUPS, vec![("LANES", lanes.into())]),
        Variant::Cooperative(units) => {
            let (kernel, workgroup) = cooperative::kernel(units);
            let size = [("WORKGROUP", workgroup.into())];
            (kernel, size.into_iter().chain(vectors()).collect())
        }
    };
    check(&gemm, variant, &kernel);
    let transposed = variant == (Variant::Subgroups { transposed: true });
    // A step that does not apply reads nothing; its binding is the left operand.
    let [a, b] = [gemm.a.slice(), gemm.b.slice()];
    let output = gemm.derivative.map_or(a, |(_, output)| output);
    let [first, second] = if transposed { [b, a] } else { [a, b] };
    let inputs = [
        first,
        second,
        gemm.bias.unwrap_or(a),
        gemm.addend.unwrap_or(a),
        output,
    ];
    let [tile_m, tile_n] = variant.tile();
    let [groups_m, groups_n] = [m.div_ceil(tile_m) as u32, n.div_ceil(tile_n) as u32];
    Launch {
        kernel: kernel.into(),
        constants,
        buffers: inputs
            .into_iter()
            .chain([gemm.c, gemm.sums.unwrap_or(gemm.unused)])
            .cloned()
            .collect(),
        params: bytemuck::bytes_of(&params(&gemm, variant)).to_vec(),
        grid: if transposed {
            [groups_m, groups_n, (parts * gemm.groups) as u32]
        } else {
            [groups_n, groups_m, (parts * gemm.groups) as u32]
        },
    }
}

/// The uniform: for a variant that computes the transposed product, that of cᵀ = bᵀ·aᵀ.
fn params(gemm: &Gemm<'_>, variant: Variant) -> Params {
    let [m, n, k] = gemm.shape;
    let [a_row, a_k] = gemm.a.strides(m, k, gemm.a_stride);
    let [b_k, b_column] = gemm.b.strides(k, n, None);
    let group = |words: usize| if gemm.groups > 1 { words as u32 } else { 0 };
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
        derivative: activation_code(gemm.derivative.map(|(function, _)| function)),
        lanes_or_part: match variant {
            Variant::Registers { lanes_n } => lanes_n,
            Variant::Subgroups { .. }
            | Variant::TiledSubgroups { .. }
            | Variant::Cooperative(_) => 0,
            Variant::Tiled { parts, .. } => part(k, parts as usize) as u32,
        },
        has_sums: gemm.sums.is_some().into(),
        c_row: gemm.c_stride.unwrap_or(n) as u32,
        c_column: 1,
        transposed: 0,
        a_group: group(m * k),
        b_group: group(k * n),
        c_group: group(m * n),
        padding: 0,
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
        a_group: plain.b_group,
        b_group: plain.a_group,
        ..plain
    }
}

/// Every array holds what the kernel will index.
fn check(gemm: &Gemm<'_>, variant: Variant, kernel: &Kernel) {
    let [m, n, k] = gemm.shape;
    let parts = variant.partial(gemm.shape);
    let result = gemm.groups * extent(m, n, gemm.c_stride);
    let results = [
        (gemm.addend, result),
        (gemm.derivative.map(|(_, output)| output), result),
        (Some(gemm.c), parts.max(result)),
        (gemm.bias, n),
        (gemm.sums.filter(|_| parts == 0), m),
    ];
    let results = results
        .into_iter()
        .filter_map(|(slice, len)| Some((slice?, len)));
    let operands = [
        (
            gemm.a.slice(),
            gemm.groups * gemm.a.extent(m, k, gemm.a_stride),
        ),
        (gemm.b.slice(), gemm.groups * gemm.b.extent(k, n, None)),
    ];
    let arrays: Vec<_> = operands.into_iter().chain(results).collect();
    assert_lengths(kernel, &arrays);
}
