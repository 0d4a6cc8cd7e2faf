// Everything of a step that works row by row, in one launch: gather, forward, loss, backward up to
// the gradients of each layer's outputs. For software adapters that run eight lanes at a time.
//
// A program of stages, from `first_stage` to before `end_stage`, runs over a tile of 64 rows. In a
// launch of one product the workgroups of a row of the grid share its columns. Tensors are
// [rows, width] on one tape; a stage names its operands by where they start there, and its weights by
// where they start in `parameters`. A row of an odd width is followed by a zero: where two words lie
// together they are read and written as one, which costs a software adapter half as much.
//
//   GATHER       output[r, c] = pixel c of image order[position + first_row + r], in [0, 1]
//   PRODUCT      y = f(Σ_k input[r, k]·W[k, c] + bias[c] + addend[r, c]) · g′(saved[r, c])
//                W element (k, c) is word k·weight_inner + c·weight_column from `weight` on, bias[c]
//                word c from `bias` on. From weight_split on, the words of W lie weight_gap further,
//                and the bias's likewise: two layers' are one. The pieces of W are whole rows, so
//                that one of the two products alone reaches weight_split
//                loss = 0: output = y
//                else: row losses of y and observed[r, c]; output, if any, is their gradient with
//                respect to what f was taken of, from the constant gradient `upstream` of the rows
//   LATENT       output = mu + exp(½ logvar)·ε with mu and, right of it, logvar in input [rows, inner];
//                the KL of each row
//   LATENT_GRAD  output [rows, inner] = d_z + upstream·mu and, right of it,
//                d_z·½ exp(½ logvar)·ε + upstream·½ (exp(logvar) − 1), with mu and logvar in input,
//                d_z = addend; ε is drawn again, not stored
//
// images      [count, words_per_row] bytes, order [count], state: the step, position, log entry
// parameters  all weights and biases
// tape        the tensors
// losses      [terms, entries, shares, batch]: each row's losses, in nats, as many sums of them as a
//             row of the grid has workgroups
//
// A batch too large for the tape runs as several launches; `first_row` is where this one's rows
// start in it, for the data set, the noise and the log.
//
// One subgroup of eight lanes owns 8×8 rows from the first stage to the last, so nothing has to
// wait for another: no barrier. The product is that of `gemm_subgroups`, but with two words a load: two
// k of the inputs, and of W two k or two columns, whichever lie together. Where `advance` says so, the
// last workgroup that is done moves the counters on; none reads them after it has counted itself.
//
// The logarithms in the losses of a tile's 32 columns are one: of the product of 1 + e^−|y|, each at
// most 2.
//
// Such a driver evaluates both sides of a branch, so a stage is skipped by loops that end at once.

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
    saved: u32,
    output: u32,
    observed: u32,
    activation: u32,
    gradient_of: u32,
    loss: u32,
    term: u32,
    stream: u32,
    upstream: f32,
    scale: f32,
    offset: f32,
}

struct Params {
    rows: u32,
    dim: u32,
    words_per_row: u32,
    first_stage: u32,
    end_stage: u32,
    advance: u32,
    seed_low: u32,
    seed_high: u32,
    batch: u32,
    entry_stride: u32,
    term_stride: u32,
    first_row: u32,
    program: array<Stage, 32>,
}

@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> parameters: array<u64>;
@group(0) @binding(3) var<storage, read_write> state: State;
@group(0) @binding(4) var<storage, read_write> tape: array<u64>;
@group(0) @binding(5) var<storage, read_write> losses: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

const LANES: u32 = 8;
/// Rows of a lane; the workgroup's lie LANES apart.
const ROWS: u32 = 8;
const VECTORS: u32 = 4;
const COLUMNS: u32 = VECTORS * LANES;

const GATHER: u32 = 0;
const PRODUCT: u32 = 1;
const LATENT: u32 = 2;
const LATENT_GRAD: u32 = 3;

/// An operand that is not there.
const NONE: u32 = 0xffffffff;

const RELU: u32 = 1;
const TANH: u32 = 2;
const SIGMOID: u32 = 3;

const BERNOULLI_NLL: u32 = 1;
const SQUARED_ERROR: u32 = 2;

/// Whether a stage has tanh or the sigmoid for f.
override SMOOTH: bool = true;

const LOGVAR_MAX: f32 = 80.0;
const TAU: f32 = 6.2831853;
const UNIT: f32 = 1.0 / 16777216.0;

/// Whether rows of weights start at even words.
override EVEN: bool = true;

/// Words from one row of a tensor to the next.
fn stride(width: u32) -> u32 {
    return width + (width & 1u);
}

fn unpack(pair: u64) -> vec2<f32> {
    return vec2<f32>(bitcast<f32>(u32(pair)), bitcast<f32>(u32(pair >> 32u)));
}

fn pack(x: vec2<f32>) -> u64 {
    return u64(bitcast<u32>(x.x)) | (u64(bitcast<u32>(x.y)) << 32u);
}

/// One word of the tape.
fn fetch(at: u32) -> f32 {
    let pair = unpack(tape[at / 2u]);
    return select(pair.x, pair.y, (at & 1u) != 0u);
}

/// Writes one word. The other of its pair is of the same row, which one lane owns.
fn store(at: u32, x: f32) {
    let pair = unpack(tape[at / 2u]);
    let odd = (at & 1u) != 0u;
    tape[at / 2u] = pack(vec2<f32>(select(x, pair.x, odd), select(pair.y, x, odd)));
}

/// The parameters at a word and the next one.
fn two_parameters(at: u32) -> vec2<f32> {
    let first = unpack(parameters[at / 2u]);
    if EVEN {
        return first;
    }
    let second = unpack(parameters[min((at + 1u) / 2u, arrayLength(&parameters) - 1u)]);
    return select(first, vec2<f32>(first.y, second.x), (at & 1u) != 0u);
}

fn parameter(at: u32) -> f32 {
    let pair = unpack(parameters[at / 2u]);
    return select(pair.x, pair.y, (at & 1u) != 0u);
}

/// `count` for stages of one kind; for others none.
fn only(stage: Stage, kind: u32, count: u32) -> u32 {
    return select(0u, count, stage.kind == kind);
}

fn gather(stage: Stage, first: u32, end: u32) {
    for (var row = first; row < only(stage, GATHER, end); row += LANES) {
        let image = order[state.position + params.first_row + row] * params.words_per_row;
        let at = (stage.output + row * stride(params.dim)) / 2u;
        for (var pair = 0u; pair < stride(params.dim) / 2u; pair += 2u) {
            // What pads a row of the data set to words is zero.
            let pixels = unpack4x8unorm(images[image + pair / 2u]);
            tape[at + pair] = pack(pixels.xy);
            if pair + 1u < stride(params.dim) / 2u {
                tape[at + pair + 1u] = pack(pixels.zw);
            }
        }
    }
}

/// No built-in `tanh` overflows within ±15, and tanh(15) is 1 in f32.
fn stable_tanh(x: vec2<f32>) -> vec2<f32> {
    return tanh(clamp(x, vec2<f32>(-15.0), vec2<f32>(15.0)));
}

/// 1 / (1 + e^−x) without overflow on either side.
fn sigmoid(x: vec2<f32>) -> vec2<f32> {
    let t = exp(-abs(x));
    return select(t, vec2<f32>(1.0), x >= vec2<f32>()) / (1.0 + t);
}

fn activate(function: u32, x: vec2<f32>) -> vec2<f32> {
    // Not `max`, which would make a number of NaN.
    var y = select(x, vec2<f32>(), (x < vec2<f32>()) & vec2<bool>(function == RELU));
    if SMOOTH {
        y = select(y, stable_tanh(x), function == TANH);
        y = select(y, sigmoid(x), function == SIGMOID);
    }
    return y;
}

/// f′ from f's output.
fn derivative(function: u32, y: vec2<f32>) -> vec2<f32> {
    let off = (y <= vec2<f32>()) & vec2<bool>(function == RELU);
    var slope = select(vec2<f32>(1.0), vec2<f32>(), off);
    slope = select(slope, 1.0 - y * y, function == TANH);
    return select(slope, y * (1.0 - y), function == SIGMOID);
}

/// Every lane's value, for all lanes.
fn broadcasts(x: f32) -> array<f32, LANES> {
    return array<f32, LANES>(
        subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u),
        subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u),
        subgroupBroadcast(x, 4u), subgroupBroadcast(x, 5u),
        subgroupBroadcast(x, 6u), subgroupBroadcast(x, 7u),
    );
}

/// A word of an array whose words from `split` on lie `gap` further.
fn word(index: u32, split: u32, gap: u32) -> u32 {
    return index + select(0u, gap, index >= split);
}

fn product(stage: Stage, first: u32, lane: u32, share: u32, shares: u32) {
    var input_at: array<u32, ROWS>;
    var row_loss: array<f32, ROWS>;
    for (var i = 0u; i < ROWS; i++) {
        let row = min(first + i * LANES, params.rows - 1u);
        input_at[i] = (stage.input + row * stride(stage.inner)) / 2u;
    }
    // Two weights lie together along the columns, or else along k; rows of one weight are as if along
    // the other of the two.
    let lie_apart = stage.weight_inner != 1u || stage.columns == 1u;
    let along_columns = stage.weight_column == 1u && lie_apart;
    let columns = only(stage, PRODUCT, stage.columns);
    for (var n0 = share * COLUMNS; n0 < columns; n0 += shares * COLUMNS) {
        var weight_at: array<u32, VECTORS>;
        var sum: array<array<f32, ROWS>, COLUMNS>;
        for (var v = 0u; v < VECTORS; v++) {
            let own = min(column(n0, v, lane), stage.columns - 1u);
            // Vectors 0 and 1 for one k, 2 and 3 for the next.
            let pair = min(column(n0, v % 2u * 2u, lane), stage.columns - 1u);
            let index = select(own, pair, along_columns) * stage.weight_column;
            weight_at[v] = stage.weight + word(index, stage.weight_split, stage.weight_gap);
            let has_bias = stage.bias != NONE;
            let bias_at = stage.bias + word(own, stage.bias_split, stage.bias_gap);
            let bias = select(0.0, parameter(select(0u, bias_at, has_bias)), has_bias);
            var start = broadcasts(bias);
            for (var l = 0u; l < LANES; l++) {
                for (var i = 0u; i < ROWS; i++) {
                    sum[column(0u, v, l)][i] = start[l];
                }
            }
        }
        // Two k at a time, so that a sum stays in a register for as long.
        for (var k = 0u; k < stage.inner; k += 2u) {
            var left: array<vec2<f32>, ROWS>;
            for (var i = 0u; i < ROWS; i++) {
                left[i] = unpack(tape[input_at[i] + k / 2u]);
            }
            let inside = k + 1u < stage.inner;
            let next = select(k, k + 1u, inside && along_columns);
            var pairs: array<vec2<f32>, VECTORS>;
            for (var v = 0u; v < VECTORS; v++) {
                let at = select(k, next, v >= VECTORS / 2u) * stage.weight_inner;
                let row = word(at, stage.weight_split, stage.weight_gap);
                pairs[v] = two_parameters(weight_at[v] + row);
            }
            for (var v = 0u; v < VECTORS; v++) {
                let across = vec2<f32>(pairs[v / 2u][v % 2u], pairs[2u + v / 2u][v % 2u]);
                let weights = select(pairs[v], across, along_columns);
                let right = array<array<f32, LANES>, 2>(
                    broadcasts(weights.x),
                    broadcasts(select(0.0, weights.y, inside)),
                );
                for (var l = 0u; l < LANES; l++) {
                    let j = column(0u, v, l);
                    for (var i = 0u; i < ROWS; i++) {
                        for (var d = 0u; d < 2u; d++) {
                            sum[j][i] = fma(left[i][d], right[d][l], sum[j][i]);
                        }
                    }
                }
            }
        }

        // What follows the sums, with or without a loss: takes the first two columns and moves the
        // others up, since a driver compiles 256 results in a row for a second.
        let end = min(n0 + COLUMNS, stage.columns);
        let with_loss = stage.loss != 0u;
        for (var n = n0; n < select(0u, end, !with_loss); n += 2u) {
            for (var i = 0u; i < ROWS; i++) {
                let row = first + i * LANES;
                if row < params.rows {
                    let at = row * stride(stage.columns) + n;
                    var value = vec2<f32>(sum[0][i], sum[1][i]);
                    if stage.addend != NONE {
                        value += unpack(tape[(stage.addend + at) / 2u]);
                    }
                    value = activate(stage.activation, value);
                    if stage.gradient_of != 0u {
                        let saved = unpack(tape[(stage.saved + at) / 2u]);
                        value *= derivative(stage.gradient_of, saved);
                    }
                    value.y = select(0.0, value.y, n + 1u < end);
                    tape[(stage.output + at) / 2u] = pack(value);
                }
            }
            for (var j = 0u; j < COLUMNS - 2u; j++) {
                sum[j] = sum[j + 2u];
            }
        }
        var factors: array<f32, ROWS>;
        for (var i = 0u; i < ROWS; i++) {
            factors[i] = 1.0;
        }
        for (var n = n0; n < select(0u, end, with_loss); n += 2u) {
            for (var i = 0u; i < ROWS; i++) {
                let row = first + i * LANES;
                if row < params.rows {
                    let at = row * stride(stage.columns) + n;
                    let y = activate(stage.activation, vec2<f32>(sum[0][i], sum[1][i]));
                    let x = unpack(tape[(stage.observed + at) / 2u]);
                    let both = vec2<bool>(true, n + 1u < end);
                    let losses = loss(stage, y, x);
                    row_loss[i] += losses.value.x;
                    row_loss[i] += select(0.0, losses.value.y, both.y);
                    factors[i] *= losses.factor.x * select(1.0, losses.factor.y, both.y);
                    if stage.output != NONE {
                        let slope = derivative(stage.activation, y);
                        let gradient = stage.upstream * losses.gradient * slope;
                        let kept = select(vec2<f32>(), gradient, both);
                        tape[(stage.output + at) / 2u] = pack(kept);
                    }
                }
            }
            for (var j = 0u; j < COLUMNS - 2u; j++) {
                sum[j] = sum[j + 2u];
            }
        }
        for (var i = 0u; i < ROWS; i++) {
            row_loss[i] += log(factors[i]);
        }
    }
    for (var i = 0u; i < ROWS; i++) {
        let row = first + i * LANES;
        if stage.kind == PRODUCT && stage.loss != 0u && row < params.rows {
            losses[log_at(stage.term) + share * params.batch + row] = row_loss[i];
        }
    }
}

/// The column of a lane in a vector of a tile that starts at `n0`: vectors 0 and 1 take turns, and
/// so do 2 and 3.
fn column(n0: u32, v: u32, lane: u32) -> u32 {
    return n0 + v / 2u * 2u * LANES + 2u * lane + v % 2u;
}

/// Losses of two elements, in nats: `value` and the logarithm of `factor`, one for many elements.
struct Losses {
    value: vec2<f32>,
    factor: vec2<f32>,
    /// Of the loss by y.
    gradient: vec2<f32>,
}

fn loss(stage: Stage, y: vec2<f32>, x: vec2<f32>) -> Losses {
    let bernoulli = stage.loss == BERNOULLI_NLL;
    let t = exp(-abs(y));
    let nll = max(y, vec2<f32>()) - y * x;
    let sigmoid = select(t, vec2<f32>(1.0), y >= vec2<f32>()) / (1.0 + t);
    let difference = y - x;
    let squared = stage.scale * difference * difference + stage.offset;
    return Losses(
        select(squared, nll, bernoulli),
        select(vec2<f32>(1.0), 1.0 + t, bernoulli),
        select(2.0 * stage.scale * difference, sigmoid - x, bernoulli),
    );
}

/// Where the losses of this launch's rows go.
fn log_at(term: u32) -> u32 {
    return term * params.term_stride + state.entry * params.entry_stride + params.first_row;
}

/// The 64-bit product of two words as (low, high), from 16-bit halves: WGSL has no wider integer.
fn multiply(a: u32, b: u32) -> vec2<u32> {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let mid0 = (a >> 16u) * (b & 0xffffu);
    let mid1 = (a & 0xffffu) * (b >> 16u);
    let carry = (low >> 16u) + (mid0 & 0xffffu) + (mid1 & 0xffffu);
    let high = (a >> 16u) * (b >> 16u) + (mid0 >> 16u) + (mid1 >> 16u) + (carry >> 16u);
    return vec2<u32>(a * b, high);
}

fn philox(start: vec4<u32>, seed: vec2<u32>) -> vec4<u32> {
    var counter = start;
    var key = seed;
    for (var round = 0u; round < 10u; round++) {
        let p0 = multiply(counter.x, 0xD2511F53u);
        let p1 = multiply(counter.z, 0xCD9E8D57u);
        counter = vec4<u32>(p1.y ^ counter.y ^ key.x, p1.x, p0.y ^ counter.w ^ key.y, p0.x);
        key += vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

/// An element of this step's ε [batch, columns]: what the kernel `normal` draws.
fn noise(stage: Stage, row: u32, column: u32) -> f32 {
    let i = (params.first_row + row) * stage.columns + column;
    let key = vec2<u32>(params.seed_low, params.seed_high);
    let words = philox(vec4<u32>(i / 4u, state.step, stage.stream, 0u), key);
    let pair = select(words.xy, words.zw, (i & 2u) != 0u);
    let radius = sqrt(max(-2.0 * log(f32((pair.x >> 8u) + 1u) * UNIT), 0.0));
    let turn = f32(pair.y >> 8u) * UNIT;
    let angle = TAU * (turn - select(0.0, 1.0, turn >= 0.5));
    return radius * select(cos(angle), sin(angle), (i & 1u) != 0u);
}

/// exp(x) − 1 − x: by its series near zero, where the subtractions would leave few digits.
fn exp_minus_tangent(x: f32) -> f32 {
    let s = clamp(x, -0.5, 0.5);
    let series = 0.5 * s * s * (1.0 + s / 3.0 * (1.0 + s / 4.0 * (1.0 + s / 5.0 * (1.0 + s / 6.0 *
        (1.0 + s / 7.0 * (1.0 + s / 8.0 * (1.0 + s / 9.0)))))));
    let direct = exp(min(x, LOGVAR_MAX)) - 1.0;
    return select(direct - x, series, abs(x) < 0.5);
}

/// exp(x) − 1, likewise.
fn exp_minus_one(x: f32) -> f32 {
    let s = clamp(x, -0.5, 0.5);
    let series = s * (1.0 + s / 2.0 * (1.0 + s / 3.0 * (1.0 + s / 4.0 * (1.0 + s / 5.0 *
        (1.0 + s / 6.0 * (1.0 + s / 7.0 * (1.0 + s / 8.0 * (1.0 + s / 9.0))))))));
    return select(exp(min(x, LOGVAR_MAX)) - 1.0, series, abs(x) < 0.5);
}

fn latent(stage: Stage, first: u32, end: u32) {
    for (var row = first; row < only(stage, LATENT, end); row += LANES) {
        let z_at = stage.output + row * stride(stage.columns);
        var kl = 0.0;
        for (var column = 0u; column < stage.columns; column++) {
            let at = stage.input + row * stage.inner + column;
            let mu = fetch(at);
            let logvar = fetch(at + stage.columns);
            let sigma = exp(0.5 * min(logvar, LOGVAR_MAX));
            store(z_at + column, mu + sigma * noise(stage, row, column));
            kl += 0.5 * (mu * mu + exp_minus_tangent(logvar));
        }
        if stage.columns % 2u != 0u {
            store(z_at + stage.columns, 0.0);
        }
        losses[log_at(stage.term) + row] = kl;
    }
}

fn latent_grad(stage: Stage, first: u32, end: u32) {
    for (var row = first; row < only(stage, LATENT_GRAD, end); row += LANES) {
        for (var column = 0u; column < stage.columns; column++) {
            let i = row * stage.inner + column;
            let mu = fetch(stage.input + i);
            let logvar = fetch(stage.input + i + stage.columns);
            let d_z = fetch(stage.addend + row * stride(stage.columns) + column);
            let half_sigma = 0.5 * exp(0.5 * min(logvar, LOGVAR_MAX));
            store(stage.output + i, d_z + stage.upstream * mu);
            store(stage.output + i + stage.columns, d_z * half_sigma * noise(stage, row, column)
                + stage.upstream * 0.5 * exp_minus_one(logvar));
        }
    }
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let tile = workgroup.x * ROWS * LANES;
    let end = min(tile + ROWS * LANES, params.rows);
    for (var s = params.first_stage; s < params.end_stage; s++) {
        let stage = params.program[s];
        gather(stage, tile + lane, end);
        product(stage, tile + lane, lane, workgroup.y, groups.y);
        latent(stage, tile + lane, end);
        latent_grad(stage, tile + lane, end);
    }
    let last = groups.x * groups.y - 1u;
    if params.advance != 0u && lane == 0u && atomicAdd(&state.done, 1u) == last {
        atomicStore(&state.done, 0u);
        state.step += 1u;
        state.position += params.first_row + params.rows;
        state.entry += 1u;
    }
}
