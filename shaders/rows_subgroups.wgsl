// Everything of a step that works row by row, in one launch: gather, forward, loss, backward up to
// the gradients of each layer's outputs. For software adapters that run eight lanes at a time.
//
// A program of stages, from `first_stage` to before `end_stage`, runs over a tile of 32 rows. In a
// launch of one product the workgroups of a row of the grid share its columns. Tensors are
// [rows, width] on one tape; a stage names its operands by where they start there, and its weights by
// where they start in `parameters`. Zeros fill a row up to a line of eight words. What GATHER and LATENT
// write, and `observed`, may be the first columns of a wider tensor: `row_columns` are the columns of its
// rows.
//
//   GATHER       output[r, c] = pixel c of image order[position + first_row + r], in [0, 1]
//   LABELS       output[r, inner + c] = 1 where c is the label of that image, else 0; the first `inner`
//                columns stay what an earlier stage has written
//   PRODUCT      y = f(Σ_k input[r, k]·W[k, c] + bias[c] + addend[r, c]) · g′(g_output[r, c])
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
//                d_z = addend; ε is drawn again, not stored; `upstream` is multiplied by the ramp's factor
//                of the step
//
// images      [count, words_per_row] bytes, order [count], state: the step, position, log entry
// labels      [count], a byte each, four in a word
// parameters  all weights and biases
// tape        the tensors
// losses      [terms, entries, column_groups, batch]: each row's losses, in nats, as many sums of them as a
//             row of the grid has workgroups
//
// A batch too large for the tape runs as several launches; `first_row` is where this one's rows
// start in it, for the data set, the noise and the log.
//
// One subgroup of eight lanes owns 8×4 rows from the first stage to the last, so nothing has to
// wait for another: no barrier. Where `advance` says so, the last workgroup that is done moves the
// counters on; none reads them after it has counted itself.
//
// A software adapter loads and stores lane by lane, at a cost that hardly depends on how much a lane
// takes: here four consecutive numbers at once, as two words of 64 bits. Of the input they are four
// summands k of one row; of W, by its layout, four k of one column or four columns of one k. A subgroup multiplies 32 rows by 32 columns of four k by
// broadcasts. Its 128 vectors of sums are 4 KiB, and what it multiplies fits into the 32 vector
// registers of a CPU; with twice the rows it does not.
//
// A Bernoulli's loss has ln(1 + t) with t = e^−|y| for each column. Σ ln(1 + t) is ln Π(1 + t), so that
// the factors of a tile's 32 columns are multiplied, each in (1, 2] and all at most 2³², and one logarithm
// is taken.
//
// llvmpipe runs both arms of an `if` with masks. So there is no `if kind == …`: every stage's function is
// called, and its loops have the bound 0 unless the stage is of its kind (`only`).

/// What its parts take at a time.
alias Values = vec4<f32>;

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

@group(0) @binding(0) var<storage, read> images: array<vec2<u64>>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> parameters: array<vec2<u64>>;
@group(0) @binding(3) var<storage, read_write> state: State;
@group(0) @binding(4) var<storage, read_write> tape: array<vec2<u64>>;
@group(0) @binding(5) var<storage, read_write> losses: array<f32>;
@group(0) @binding(6) var<storage, read> labels: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

/// Rows of a lane; the workgroup's lie LANES apart.
const ROWS: u32 = 4;
/// Columns of a lane, which lie together.
const LANE_COLUMNS: u32 = 4;
const COLUMNS: u32 = LANE_COLUMNS * LANES;
/// Words of a line: rows of tensors are whole ones.
const TAPE_ALIGN: u32 = 8;
const LINES: u32 = COLUMNS / TAPE_ALIGN;
/// Summands that a product takes at a time.
const DEPTH: u32 = 4;

/// Rows of weights start at multiples of so many words: 4, 2 or 1.
override ALIGNMENT: u32 = 4;
/// Whether latents are whole vectors of four.
override QUADS: bool = true;

const FOUR: vec4<u32> = vec4<u32>(0u, 1u, 2u, 3u);

fn unpack_pair(pair: u64) -> vec2<f32> {
    return vec2<f32>(bitcast<f32>(u32(pair)), bitcast<f32>(u32(pair >> 32u)));
}

fn pack_pair(x: vec2<f32>) -> u64 {
    return u64(bitcast<u32>(x.x)) | (u64(bitcast<u32>(x.y)) << 32u);
}

fn unpack(four: vec2<u64>) -> vec4<f32> {
    return vec4<f32>(unpack_pair(four.x), unpack_pair(four.y));
}

fn pack(x: vec4<f32>) -> vec2<u64> {
    return vec2<u64>(pack_pair(x.xy), pack_pair(x.zw));
}

/// Eight words of a row.
struct Line {
    low: vec4<f32>,
    high: vec4<f32>,
}

fn fetch_line(at: u32) -> Line {
    return Line(unpack(tape[at / 4u]), unpack(tape[at / 4u + 1u]));
}

fn store_line(at: u32, low: vec4<f32>, high: vec4<f32>) {
    tape[at / 4u] = pack(low);
    tape[at / 4u + 1u] = pack(high);
}

/// One word of the tape.
fn fetch(at: u32) -> f32 {
    let pair = unpack_pair(tape[at / 4u][at % 4u / 2u]);
    return select(pair.x, pair.y, (at & 1u) != 0u);
}

/// Writes one word. The other of its pair is of the same row, which one lane owns.
fn store(at: u32, x: f32) {
    let pair = unpack_pair(tape[at / 4u][at % 4u / 2u]);
    let odd = (at & 1u) != 0u;
    tape[at / 4u][at % 4u / 2u] =
        pack_pair(vec2<f32>(select(x, pair.x, odd), select(pair.y, x, odd)));
}

/// The parameters at a word and the next three.
fn four_parameters(at: u32) -> vec4<f32> {
    if ALIGNMENT == 4u {
        return unpack(parameters[at / 4u]);
    }
    // What lies past the last parameter meets a zero, or is in a column that nobody keeps.
    let last = arrayLength(&parameters) - 1u;
    if ALIGNMENT == 2u {
        let second = at + 2u;
        return vec4<f32>(
            unpack_pair(parameters[at / 4u][at % 4u / 2u]),
            unpack_pair(parameters[min(second / 4u, last)][second % 4u / 2u]),
        );
    }
    let first = unpack(parameters[at / 4u]);
    return shifted(first, unpack(parameters[min(at / 4u + 1u, last)]), at & 3u);
}

fn parameter(at: u32) -> f32 {
    let pair = unpack_pair(parameters[at / 4u][at % 4u / 2u]);
    return select(pair.x, pair.y, (at & 1u) != 0u);
}

/// `count` for stages of one kind; for others none.
fn only(stage: Stage, kind: u32, count: u32) -> u32 {
    return select(0u, count, stage.kind == kind);
}

/// Four bytes as fractions of 255, from x/255 = (x + x/255)/256: exact where x/255 is, without a
/// division, which costs a CPU ten multiplications.
fn fractions(bytes: u32) -> vec4<f32> {
    let x = vec4<f32>((vec4<u32>(bytes) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(0xffu));
    return (x + x * (1.0 / 255.0)) * (1.0 / 256.0);
}

fn gather(stage: Stage, first: u32, end: u32) {
    for (var row = first; row < only(stage, GATHER, end); row += LANES) {
        let image = order[state.position + params.first_row + row] * params.words_per_row;
        let at = stage.output + row * stride(stage.row_columns);
        // What pads a row of the data set is zero.
        for (var column = 0u; column < params.dim; column += 2u * TAPE_ALIGN) {
            let pixels = images[(image + column / 4u) / 4u];
            let to = at + column;
            store_line(to, fractions(u32(pixels.x)), fractions(u32(pixels.x >> 32u)));
            if column + TAPE_ALIGN < params.dim {
                store_line(to + TAPE_ALIGN, fractions(u32(pixels.y)), fractions(u32(pixels.y >> 32u)));
            }
        }
    }
}

/// The label of an image.
fn label_of(image: u32) -> u32 {
    return (labels[image / 4u] >> (8u * (image % 4u))) & 0xffu;
}

/// The columns from the line on in which the labels begin.
fn append_labels(stage: Stage, first: u32, end: u32) {
    for (var row = first; row < only(stage, LABELS, end); row += LANES) {
        let one = stage.inner + label_of(order[state.position + params.first_row + row]);
        let at = stage.output + row * stride(stage.columns);
        for (var c = stage.inner / TAPE_ALIGN * TAPE_ALIGN; c < stage.columns; c += TAPE_ALIGN) {
            let before = fetch_line(at + c);
            let low = with_label(stage, c, one, before.low);
            store_line(at + c, low, with_label(stage, c + 4u, one, before.high));
        }
    }
}

/// Four columns from `column` on of a row whose 1 is in column `one`.
fn with_label(stage: Stage, column: u32, one: u32, before: vec4<f32>) -> vec4<f32> {
    let is_one = (vec4<u32>(column) + FOUR == vec4<u32>(one)) & inside(column, stage.columns);
    let label = select(vec4<f32>(), vec4<f32>(1.0), is_one);
    return select(label, before, inside(column, stage.inner));
}

fn product(stage: Stage, first: u32, lane: u32, group: u32, groups: u32) {
    var input_at: array<u32, ROWS>;
    var row_loss: array<f32, ROWS>;
    for (var i = 0u; i < ROWS; i++) {
        let row = min(first + i * LANES, params.rows - 1u);
        input_at[i] = (stage.input + row * stride(stage.inner)) / DEPTH;
    }
    // A matrix of weights is contiguous along the columns or along k. One of a single column is both, and is
    // read along k.
    let lie_apart = stage.weight_inner != 1u || stage.columns == 1u;
    let along_columns = stage.weight_column == 1u && lie_apart;
    let columns = only(stage, PRODUCT, stage.columns);
    for (var n0 = group * COLUMNS; n0 < columns; n0 += groups * COLUMNS) {
        // What lies past the last column is another of W's elements, in sums that nobody keeps.
        let own = min(vec4<u32>(n0 + LANE_COLUMNS * lane) + FOUR, vec4<u32>(stage.columns - 1u));
        var sum: array<array<f32, ROWS>, COLUMNS>;
        for (var v = 0u; v < LANE_COLUMNS; v++) {
            let has_bias = stage.bias != ABSENT;
            let bias_at = stage.bias + word(own[v], stage.bias_split, stage.bias_gap);
            let bias = select(0.0, parameter(select(0u, bias_at, has_bias)), has_bias);
            var start = broadcasts(bias);
            for (var l = 0u; l < LANES; l++) {
                for (var i = 0u; i < ROWS; i++) {
                    sum[LANE_COLUMNS * l + v][i] = start[l];
                }
            }
        }
        // Four k at a time, so that a sum stays in a register for as long.
        for (var k = 0u; k < stage.inner; k += DEPTH) {
            var left: array<vec4<f32>, ROWS>;
            for (var i = 0u; i < ROWS; i++) {
                left[i] = unpack(tape[input_at[i] + k / DEPTH]);
            }
            var four: array<vec4<f32>, LANE_COLUMNS>;
            for (var v = 0u; v < LANE_COLUMNS; v++) {
                // Vector v is column v's, or the k'th's.
                let row = select(k, min(k + v, stage.inner - 1u), along_columns);
                let column = select(own[v], own[0], along_columns);
                let index = row * stage.weight_inner + column * stage.weight_column;
                let at = stage.weight + word(index, stage.weight_split, stage.weight_gap);
                four[v] = four_parameters(at);
            }
            for (var v = 0u; v < LANE_COLUMNS; v++) {
                let across = vec4<f32>(four[0][v], four[1][v], four[2][v], four[3][v]);
                let own_k = select(four[v], across, along_columns);
                let weights = select(vec4<f32>(), own_k, inside(k, stage.inner));
                let right = array<array<f32, LANES>, DEPTH>(
                    broadcasts(weights.x),
                    broadcasts(weights.y),
                    broadcasts(weights.z),
                    broadcasts(weights.w),
                );
                for (var l = 0u; l < LANES; l++) {
                    let j = LANE_COLUMNS * l + v;
                    for (var i = 0u; i < ROWS; i++) {
                        for (var d = 0u; d < DEPTH; d++) {
                            sum[j][i] = fma(left[i][d], right[d][l], sum[j][i]);
                        }
                    }
                }
            }
        }

        // What follows the sums, with or without a loss: of the first row of each lane, then the
        // others move up, since a driver compiles hundreds of results in a row for seconds.
        let with_loss = stage.loss != 0u;
        for (var i = 0u; i < select(ROWS, 0u, with_loss); i++) {
            let row = first + i * LANES;
            var lines = of_first_rows(sum);
            for (var q = 0u; q < LINES; q++) {
                let n = n0 + q * TAPE_ALIGN;
                if row < params.rows && n < stage.columns {
                    finish(stage, row * stride(stage.columns) + n, n, lines[q]);
                }
            }
            sum = moved_up(sum);
        }
        for (var i = 0u; i < select(0u, ROWS, with_loss); i++) {
            let row = first + i * LANES;
            var of_row = row_loss[0];
            var factor = 1.0;
            var lines = of_first_rows(sum);
            for (var q = 0u; q < LINES; q++) {
                let n = n0 + q * TAPE_ALIGN;
                if row < params.rows && n < stage.columns {
                    let scored = score(stage, row, n, lines[q]);
                    of_row += scored.x;
                    factor *= scored.y;
                }
            }
            of_row += log(factor);
            for (var r = 0u; r < ROWS - 1u; r++) {
                row_loss[r] = row_loss[r + 1u];
            }
            row_loss[ROWS - 1u] = of_row;
            sum = moved_up(sum);
        }
    }
    for (var i = 0u; i < ROWS; i++) {
        let row = first + i * LANES;
        if stage.kind == PRODUCT && stage.loss != 0u && row < params.rows {
            losses[log_at(stage.term) + group * params.batch + row] = row_loss[i];
        }
    }
}

/// The sums of each lane's first row.
fn of_first_rows(sum: array<array<f32, ROWS>, COLUMNS>) -> array<Line, LINES> {
    var s = sum;
    var lines: array<Line, LINES>;
    // A driver unrolls loops over whole arrays, and indexes slowly where it does not.
    for (var q = 0u; q < LINES; q++) {
        let j = TAPE_ALIGN * q;
        lines[q] = Line(
            vec4<f32>(s[j][0], s[j + 1u][0], s[j + 2u][0], s[j + 3u][0]),
            vec4<f32>(s[j + 4u][0], s[j + 5u][0], s[j + 6u][0], s[j + 7u][0]),
        );
    }
    return lines;
}

fn moved_up(sum: array<array<f32, ROWS>, COLUMNS>) -> array<array<f32, ROWS>, COLUMNS> {
    var s = sum;
    for (var j = 0u; j < COLUMNS; j++) {
        for (var r = 0u; r < ROWS - 1u; r++) {
            s[j][r] = s[j][r + 1u];
        }
    }
    return s;
}

/// Stores a line of a product from column n on, `at` in the tensors of its shape.
fn finish(stage: Stage, at: u32, n: u32, sums: Line) {
    var low = sums.low;
    var high = sums.high;
    if stage.addend != ABSENT {
        let addend = fetch_line(stage.addend + at);
        low += addend.low;
        high += addend.high;
    }
    low = activate(stage.activation, low);
    high = activate(stage.activation, high);
    if stage.derivative != NONE {
        let g_output = fetch_line(stage.g_output + at);
        low *= derivative(stage.derivative, g_output.low);
        high *= derivative(stage.derivative, g_output.high);
    }
    store_line(
        stage.output + at,
        select(vec4<f32>(), low, inside(n, stage.columns)),
        select(vec4<f32>(), high, inside(n + 4u, stage.columns)),
    );
}

/// Likewise a line of a row of a prediction: its losses, but for the logarithm of the second result.
fn score(stage: Stage, row: u32, n: u32, sums: Line) -> vec2<f32> {
    let x = fetch_line(stage.observed + row * stride(stage.row_columns) + n);
    let low = loss(stage, sums.low, x.low, inside(n, stage.columns));
    let high = loss(stage, sums.high, x.high, inside(n + 4u, stage.columns));
    if stage.output != ABSENT {
        let at = stage.output + row * stride(stage.columns) + n;
        store_line(at, low.gradient, high.gradient);
    }
    return vec2<f32>(low.value + high.value, low.factor * high.factor);
}

/// Which of four columns from `column` on there are.
fn inside(column: u32, columns: u32) -> vec4<bool> {
    return vec4<u32>(column) + FOUR < vec4<u32>(columns);
}

/// Losses of four elements in nats: `value` and the logarithm of `factor`, one for many elements.
struct Losses {
    value: f32,
    factor: f32,
    /// With respect to the pre-activation, from the gradient of the row's loss.
    gradient: vec4<f32>,
}

fn loss(stage: Stage, sums: vec4<f32>, x: vec4<f32>, there: vec4<bool>) -> Losses {
    let y = activate(stage.activation, sums);
    let bernoulli = stage.loss == BERNOULLI_NLL;
    let t = exp(-abs(y));
    let nll = max(y, vec4<f32>()) - y * x;
    let sigmoid = select(t, vec4<f32>(1.0), y >= vec4<f32>()) / (1.0 + t);
    let difference = y - x;
    let error = stage.scale * difference * difference + stage.offset;
    let squared = select(unknown(stage.loss), error, stage.loss == SQUARED_ERROR);
    let value = select(vec4<f32>(), select(squared, nll, bernoulli), there);
    let factor = select(vec4<f32>(1.0), 1.0 + t, there & vec4<bool>(bernoulli));
    let by_y = select(2.0 * stage.scale * difference, sigmoid - x, bernoulli);
    let gradient = stage.upstream * by_y * derivative(stage.activation, y);
    return Losses(
        value.x + value.y + value.z + value.w,
        factor.x * factor.y * factor.z * factor.w,
        select(vec4<f32>(), gradient, there),
    );
}

/// Where the losses of this launch's rows go.
fn log_at(term: u32) -> u32 {
    return term * params.term_stride + state.entry * params.entry_stride + params.first_row;
}

/// Four elements of this step's ε [batch, columns], from element i on, a multiple of four: what the
/// kernel `normal` draws.
fn draw(stage: Stage, i: u32) -> vec4<f32> {
    let key = vec2<u32>(params.seed_low, params.seed_high);
    return normals(philox(vec4<u32>(i / 4u, state.step, stage.stream, stage.number), key));
}

/// Those of a row from a column on, a multiple of four.
fn noise(stage: Stage, row: u32, column: u32) -> vec4<f32> {
    let i = (params.first_row + row) * stage.columns + column;
    let first = draw(stage, i);
    if QUADS {
        return first;
    }
    return shifted(first, draw(stage, i + 4u), i & 3u);
}

/// Four of eight words, from one of the first four on.
fn shifted(first: vec4<f32>, second: vec4<f32>, start: u32) -> vec4<f32> {
    let one = select(first, vec4<f32>(first.yzw, second.x), (start & 1u) != 0u);
    let last = select(second.xy, second.yz, (start & 1u) != 0u);
    return select(one, vec4<f32>(one.zw, last), (start & 2u) != 0u);
}

/// Four words of the tape; at least the first is of the tensor.
fn fetch_four(at: u32) -> vec4<f32> {
    if QUADS {
        return unpack(tape[at / 4u]);
    }
    return vec4<f32>(fetch(at), fetch(at + 1u), fetch(at + 2u), fetch(at + 3u));
}

/// Writes the first `count` of four words.
fn store_four(at: u32, x: vec4<f32>, count: u32) {
    if QUADS {
        tape[at / 4u] = pack(x);
        return;
    }
    store(at, x.x);
    if count > 1u {
        store(at + 1u, x.y);
    }
    if count > 2u {
        store(at + 2u, x.z);
    }
    if count > 3u {
        store(at + 3u, x.w);
    }
}

fn latent(stage: Stage, first: u32, end: u32) {
    for (var row = first; row < only(stage, LATENT, end); row += LANES) {
        let heads = stage.input + row * stride(stage.inner);
        let z_at = stage.output + row * stride(stage.row_columns);
        var kl = 0.0;
        for (var column = 0u; column < stage.columns; column += 4u) {
            let mu = fetch_four(heads + column);
            let logvar = fetch_four(heads + stage.columns + column);
            let z = mu + sigma(logvar) * noise(stage, row, column);
            store_four(z_at + column, z, stage.columns - column);
            let each = 0.5 * (mu * mu + exp_minus_tangent(logvar));
            let kept = select(vec4<f32>(), each, inside(column, stage.columns));
            kl += kept.x + kept.y + kept.z + kept.w;
        }
        pad(z_at, stage.columns);
        losses[log_at(stage.term) + row] = kl;
    }
}

fn latent_grad(stage: Stage, first: u32, end: u32) {
    let upstream = upstream_at(stage, state.step);
    for (var row = first; row < only(stage, LATENT_GRAD, end); row += LANES) {
        let heads = stage.input + row * stride(stage.inner);
        let d_heads = stage.output + row * stride(stage.inner);
        let d_z_at = stage.addend + row * stride(stage.columns);
        for (var column = 0u; column < stage.columns; column += 4u) {
            let mu = fetch_four(heads + column);
            let logvar = fetch_four(heads + stage.columns + column);
            let d_z = fetch_four(d_z_at + column);
            let d_mu = d_z + upstream * mu;
            let d_logvar = d_z * 0.5 * sigma(logvar) * noise(stage, row, column)
                + upstream * 0.5 * exp_minus_one(logvar);
            let count = stage.columns - column;
            store_four(d_heads + column, d_mu, count);
            store_four(d_heads + stage.columns + column, d_logvar, count);
        }
        pad(d_heads, stage.inner);
    }
}

/// Zeros after the first `width` columns of a row, up to a whole line.
fn pad(row_at: u32, width: u32) {
    for (var column = width; column % TAPE_ALIGN != 0u; column++) {
        store(row_at + column, 0.0);
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
        append_labels(stage, tile + lane, end);
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
