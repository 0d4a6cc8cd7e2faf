// What the kernels that end a step are told of its layers.

struct Layer {
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

struct Params {
    rows: u32,
    layers: u32,
    padding0: u32,
    padding1: u32,
    optimizer: Optimizer,
    table: array<Layer, 32>,
}

/// Add what earlier launches have left in `gradients`.
override ADD: bool = false;
/// Leave the sum in `gradients`.
override KEEP: bool = false;

