// The stages of a program, and the counters that it moves on: what `rows_subgroups` says of them goes
// for `rows_workgroup` as well. After `ramp.wgsl`.

/// `done` counts the workgroups that have finished.
struct State {
    step: u32,
    position: u32,
    entry: u32,
    done: atomic<u32>,
}

struct Stage {
    kind: u32,
    columns: u32,
    inner: u32,
    input: u32,
    weight: u32,
    weight_split: u32,
    weight_gap: u32,
    weight_inner: u32,
    weight_column: u32,
    bias: u32,
    bias_split: u32,
    bias_gap: u32,
    addend: u32,
    g_output: u32,
    output: u32,
    observed: u32,
    activation: u32,
    derivative: u32,
    loss: u32,
    term: u32,
    stream: u32,
    number: u32,
    upstream: f32,
    scale: f32,
    offset: f32,
    ramp_steps: u32,
    ramp_period: u32,
    row_columns: u32,
}

const GATHER: u32 = 0;
const PRODUCT: u32 = 1;
const LATENT: u32 = 2;
const LATENT_GRAD: u32 = 3;
const LABELS: u32 = 4;

/// The gradient of a divergence's rows at a step.
fn upstream_at(stage: Stage, step: u32) -> f32 {
    return stage.upstream * ramp_at(Ramp(stage.ramp_steps, stage.ramp_period), step);
}

/// An operand that is not there.
const ABSENT: u32 = 0xffffffff;

const BERNOULLI_NLL: u32 = 1;
const SQUARED_ERROR: u32 = 2;

