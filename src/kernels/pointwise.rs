//! Kernels that are made from expressions: their values at each element, and their sums over rows.

use std::borrow::Cow;
use std::fmt::Write;

use super::{Matrix, WORKGROUP, assert_lengths, elementwise_grid, wrapped_grid};
use crate::expr::{self, Expr};
use crate::gpu::{Access, Binding, Kernel, Launch, Slice, read, read_write};
use crate::graph::{Broadcast, Rows};

/// `shaders/pointwise.wgsl`, with its example: y = x.
pub const POINTWISE: Kernel = Kernel {
    name: Cow::Borrowed("pointwise"),
    source: Cow::Borrowed(wgsl!("pointwise.wgsl")),
    bindings: Cow::Borrowed(&[read("operand0"), read_write("value0")]),
    params: size_of::<Matrix>(),
};

/// `shaders/pointwise_rows.wgsl`, with its example: y = x.
pub const POINTWISE_ROWS: Kernel = Kernel {
    name: Cow::Borrowed("pointwise_rows"),
    source: Cow::Borrowed(wgsl!("pointwise_rows.wgsl")),
    bindings: Cow::Borrowed(&[read("operand0"), read_write("value0")]),
    params: size_of::<Matrix>(),
};

/// `shaders/row_sums.wgsl`, with its example: the sums of the rows.
pub const ROW_SUMS: Kernel = Kernel {
    name: Cow::Borrowed("row_sums"),
    source: Cow::Borrowed(wgsl!("row_sums.wgsl")),
    bindings: Cow::Borrowed(&[read("operand0"), read_write("sum0")]),
    params: size_of::<Matrix>(),
};

/// Columns, or vectors of them, from which on a row is worth a workgroup.
const WIDE: usize = 32;

/// How the elements are shared among invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// So many elements an invocation: `shaders/pointwise.wgsl`.
    Elements(Width),
    /// One workgroup a row, each lane so many elements at a time: `shaders/pointwise_rows.wgsl`.
    Rows(Width),
    /// One workgroup a row, whose lanes add: `shaders/row_sums.wgsl`. The order in which they add is that
    /// of single elements.
    Sums,
}

/// Elements that lie together and are read and written as one. They are computed one by one, so that
/// both widths have the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// An element.
    One,
    /// A vector of four.
    Four,
}

impl Form {
    /// Rows where there are sums, or where operands lie otherwise than the elements and rows are wide;
    /// and the shape that the kernel is told, in units of its width.
    fn choose(
        shape @ [rows, columns]: [usize; 2],
        operands: &[Broadcast],
        sums: usize,
    ) -> (Self, [usize; 2]) {
        if sums > 0 {
            return (Self::Sums, shape);
        }
        let lies_alike = |of: &Broadcast| [Broadcast::EACH, Broadcast::SCALAR].contains(of);
        let alike = operands.iter().all(lies_alike);
        let (width, units) = if columns.is_multiple_of(4) {
            (Width::Four, [rows, columns / 4])
        } else if alike && (rows * columns).is_multiple_of(4) {
            (Width::Four, [1, rows * columns / 4])
        } else {
            (Width::One, shape)
        };
        match units[1] < WIDE || alike {
            true => (Self::Elements(width), units),
            false => (Self::Rows(width), units),
        }
    }

    fn width(self) -> Width {
        match self {
            Self::Elements(width) | Self::Rows(width) => width,
            Self::Sums => Width::One,
        }
    }
}

/// The most sums of a kernel: components of a vector.
pub const MOST_SUMS: usize = 4;

/// Expressions over operands that broadcast, with their arrays.
#[derive(Clone, Debug)]
pub struct Work {
    /// Rows and columns.
    pub shape: [usize; 2],
    /// The expressions' operands, and how each broadcasts.
    pub operands: Vec<(Slice, Broadcast)>,
    /// Expressions with where their values `[rows, columns]` go.
    pub values: Vec<(Expr, Slice)>,
    /// Expressions with where their sums `[rows]` go; at most [`MOST_SUMS`].
    pub sums: Vec<(Expr, Slice)>,
    /// Lanes that share a row, where a workgroup has one.
    pub lanes: u32,
}

/// The launch of the kernel that the expressions make, in the [`Form`] that suits their operands.
///
/// # Panics
/// Where there are too many sums, or an array is too short.
pub fn launch(work: &Work) -> Launch {
    let Work {
        shape: shape @ [rows, columns],
        operands,
        values,
        sums,
        lanes,
    } = work;
    let broadcasts: Vec<_> = operands.iter().map(|&(_, broadcast)| broadcast).collect();
    let exprs = |of: &[(Expr, Slice)]| of.iter().map(|(expr, _)| expr.clone()).collect::<Vec<_>>();
    let (form, units) = Form::choose(*shape, &broadcasts, sums.len());
    let kernel = kernel(form, &broadcasts, &exprs(values), &exprs(sums));
    let read = operands
        .iter()
        .map(|(slice, broadcast)| (slice, broadcast.len(*shape)));
    let stored = values.iter().map(|(_, slice)| (slice, rows * columns));
    let summed = sums.iter().map(|(_, slice)| (slice, *rows));
    let arrays: Vec<_> = read.chain(stored).chain(summed).collect();
    assert_lengths(&kernel, &arrays);
    let (constant, grid) = match form {
        Form::Elements(_) => (
            ("WORKGROUP", WORKGROUP.into()),
            elementwise_grid(units.iter().product()),
        ),
        Form::Rows(_) | Form::Sums => (("LANES", (*lanes).into()), wrapped_grid(*rows)),
    };
    Launch {
        buffers: arrays.iter().map(|(slice, _)| (*slice).clone()).collect(),
        kernel: kernel.into(),
        constants: vec![constant],
        params: bytemuck::bytes_of(&Matrix::of(units)).to_vec(),
        grid,
    }
}

/// The kernel of these expressions: the shader of a form with the expressions in the place of its example.
///
/// # Panics
/// Where there are more than [`MOST_SUMS`] sums.
pub fn kernel(form: Form, operands: &[Broadcast], values: &[Expr], sums: &[Expr]) -> Kernel {
    assert!(sums.len() <= MOST_SUMS, "{} sums", sums.len());
    assert_eq!(sums.is_empty(), form != Form::Sums, "a form without sums");
    let example = match form {
        Form::Elements(_) => POINTWISE,
        Form::Rows(_) => POINTWISE_ROWS,
        Form::Sums => ROW_SUMS,
    };
    // The example begins with its first array.
    let end = example
        .source
        .find("@group")
        .unwrap_or(example.source.len());
    let bindings = bindings(operands.len(), values.len(), sums.len());
    let source = [
        example.source[..end].to_owned(),
        declarations(&bindings, operands, form.width()),
        match form.width() {
            Width::One => body(operands, values, sums),
            Width::Four => body_of_four(operands, values),
        },
    ];
    Kernel {
        source: Cow::Owned(source.concat()),
        bindings: Cow::Owned(bindings),
        ..example
    }
}

fn bindings(operands: usize, values: usize, sums: usize) -> Vec<Binding> {
    let named = |access, name: &str, count: usize| {
        let binding = |index| Binding {
            name: Cow::Owned(format!("{name}{index}")),
            access,
        };
        (0..count).map(binding).collect::<Vec<_>>()
    };
    [
        named(Access::Read, "operand", operands),
        named(Access::ReadWrite, "value", values),
        named(Access::ReadWrite, "sum", sums),
    ]
    .concat()
}

fn declarations(bindings: &[Binding], operands: &[Broadcast], width: Width) -> String {
    let mut text = String::new();
    for (index, Binding { name, access }) in bindings.iter().enumerate() {
        let access = match access {
            Access::Read => "read",
            Access::ReadWrite => "read_write",
        };
        // What has an element for each column, or is a result, has vectors for vectors of them.
        let by_column = operands.get(index).is_none_or(|operand| operand.columns);
        let element = match width {
            Width::Four if by_column => "vec4<f32>",
            _ => "f32",
        };
        let _ = writeln!(
            text,
            "@group(0) @binding({index}) var<storage, {access}> {name}: array<{element}>;"
        );
    }
    let last = bindings.len();
    let _ = writeln!(
        text,
        "@group(0) @binding({last}) var<uniform> params: Params;\n"
    );
    text
}

/// The names of operands: x0, x1, and so on.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("x{index}")).collect()
}

/// The expressions as WGSL over operands of [`names`].
fn wgsl(results: &[&Expr], operands: usize) -> expr::Wgsl {
    let names = names(operands);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    expr::wgsl(results, &names)
}

/// The start of `element`: its operands' values.
fn loads(operands: &[Broadcast]) -> String {
    let mut text = String::new();
    for (index, &broadcast) in operands.iter().enumerate() {
        let at = place(broadcast);
        let _ = writeln!(text, "    let x{index} = operand{index}[{at}];");
    }
    text
}

/// The functions that `main` calls: `element`, and `store` where there are sums.
fn body(operands: &[Broadcast], values: &[Expr], sums: &[Expr]) -> String {
    let results: Vec<_> = values.iter().chain(sums).collect();
    let wgsl = wgsl(&results, operands.len());
    let (stored, summed) = wgsl.results.split_at(values.len());
    let sums_type = match sums.len() {
        0 => None,
        1 => Some("f32".to_owned()),
        count => Some(format!("vec{count}<f32>")),
    };
    let mut text = wgsl.functions;
    if let Some(of) = &sums_type {
        let _ = writeln!(text, "alias Sums = {of};\n");
    }
    let returned = if sums.is_empty() { "" } else { " -> Sums" };
    let _ = writeln!(
        text,
        "fn element(i: u32, row: u32, column: u32){returned} {{"
    );
    text += &loads(operands);
    text += &wgsl.lets;
    for (index, value) in stored.iter().enumerate() {
        let _ = writeln!(text, "    value{index}[i] = {value};");
    }
    if !sums.is_empty() {
        let _ = writeln!(text, "    return Sums({});", summed.join(", "));
    }
    text += "}\n";
    if sums.is_empty() {
        return text;
    }
    text += "\nfn store(row: u32, sums: Sums) {\n";
    for index in 0..sums.len() {
        let component = match sums.len() {
            1 => String::new(),
            _ => format!(".{}", ["x", "y", "z", "w"][index]),
        };
        let _ = writeln!(text, "    sum{index}[row] = sums{component};");
    }
    text + "}\n"
}

/// Likewise `element` of a vector, which computes each component by the function `values`.
fn body_of_four(operands: &[Broadcast], values: &[Expr]) -> String {
    let wgsl = wgsl(&values.iter().collect::<Vec<_>>(), operands.len());
    let names = names(operands.len());
    let arguments: Vec<_> = names.iter().map(|name| format!("{name}: f32")).collect();
    let results = format!("array<f32, {}>", values.len());
    let mut text = wgsl.functions;
    let _ = writeln!(
        text,
        "fn values({}) -> {results} {{\n{}    return {results}({});\n}}\n",
        arguments.join(", "),
        wgsl.lets,
        wgsl.results.join(", ")
    );
    text += "fn element(i: u32, row: u32, column: u32) {\n";
    text += &loads(operands);
    for component in ["x", "y", "z", "w"] {
        let argument = |(name, operand): (&String, &Broadcast)| match operand.columns {
            true => format!("{name}.{component}"),
            false => name.clone(),
        };
        let arguments: Vec<_> = names.iter().zip(operands).map(argument).collect();
        let _ = writeln!(
            text,
            "    let {component} = values({});",
            arguments.join(", ")
        );
    }
    for index in 0..values.len() {
        let _ = writeln!(
            text,
            "    value{index}[i] = vec4<f32>(x[{index}], y[{index}], z[{index}], w[{index}]);"
        );
    }
    text + "}\n"
}

/// Where the element of an operand lies, or the vector: [`Broadcast::index`] in WGSL.
fn place(Broadcast { rows, columns }: Broadcast) -> String {
    let row = match rows {
        Rows::Shared(1) if columns => return "i".to_owned(),
        Rows::Shared(1) => "row".to_owned(),
        Rows::Shared(shared) => format!("row / {shared}u"),
        Rows::InTurn(1) if columns => return "column".to_owned(),
        Rows::InTurn(1) => "0u".to_owned(),
        Rows::InTurn(count) => format!("row % {count}u"),
    };
    match columns {
        true => format!("{row} * params.columns + column"),
        false => row,
    }
}
