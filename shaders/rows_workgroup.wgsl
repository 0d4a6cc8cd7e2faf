// Everything of a step that works row by row, in one launch or in one for each stage: gather,
// forward, loss, backward up to the gradients of each layer's outputs. For GPUs.
//
// The program, its stages and its arrays are those of `rows_subgroups`; who computes what differs.
// A workgroup owns TILE_ROWS rows from `first_stage` to before `end_stage`. What a stage writes for
// a later one stays in workgroup memory, where that finds it after a barrier of the workgroup alone:
// nothing waits for memory outside. The tape is written for the launches that follow, and read where
// no stage of this launch has written: the input of a product is taken from there first, or, where
// it does not fit (not STAGED), again for each use. So a workgroup reads each weight once for each
// product, and the weights' way from the cache is what takes time. It is kept busy by reading them
// in blocks of 4×4, the next block under way while one is used.
//
// In a launch of one product the workgroups of a column of the grid share its columns: each has as
// many vectors of them, in their order, and a sum of its own in the log.
//
//   memory   tensors: row r of one, four columns a vector, from vector place + r·⌈width / 4⌉; zero
//            past its width. Places are the host's choice: tensors that are never needed at the
//            same time share one.
//   partial  sums over a part of k, one for each invocation and row
//
// A workgroup's columns are cut into passes of `wide` vectors of columns. An invocation has one of
// them for all rows and every `slices`-th block along k; then the slices are added in their order. So
// narrow results keep all invocations busy too, and the order of a sum follows from the sizes
// alone. Neighbouring invocations lie along the index that is contiguous in W: eight of them share
// 128 bytes of a row of W where that is k, and columns otherwise.
//
// ALIGNED: all weights, their second pieces and their rows start at multiples of four words; else
// they are read one by one.

/// What its parts take at a time.
alias Values = vec4<f32>;

/// Where the operands of a stage start in `memory`, in vectors; ABSENT where they are not in it.
struct Places {
    input: u32,
    addend: u32,
    g_output: u32,
    output: u32,
    observed: u32,
    /// Whether the input is to be taken from the tape first.
    fetch: u32,
    padding0: u32,
    padding1: u32,
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
    places: array<Places, 32>,
}

@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> state: State;
@group(0) @binding(4) var<storage, read_write> tape: array<f32>;
@group(0) @binding(5) var<storage, read_write> losses: array<f32>;
@group(0) @binding(6) var<storage, read> labels: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

/// Powers of two, TILE_ROWS at most MOST_ROWS.
override WORKGROUP: u32 = 256;
override TILE_ROWS: u32 = 1;
override ALIGNED: bool = true;
/// Whether the inputs of products are in `memory`.
override STAGED: bool = true;
/// Vectors of `memory`.
override TENSORS: u32 = 512;
const MOST_ROWS: u32 = 8;
/// More would take longer to add than they save.
const MOST_SLICES: u32 = 64;

var<workgroup> memory: array<vec4<f32>, TENSORS>;
/// One vector in nine is left out: a stride of a power of two would meet one bank only.
var<workgroup> partial: array<vec4<f32>, TILE_ROWS * (WORKGROUP + WORKGROUP / 8u)>;

/// What an invocation works on between products: one row of the tile, every `lanes`-th vector.
struct Share {
    /// In the tile.
    row: u32,
    /// In the launch; past its end in the last tile's surplus, whose results are not kept.
    tape_row: u32,
    lane: u32,
    lanes: u32,
    /// Which of the workgroups that share the columns of a product this one is.
    column_group: u32,
}

/// Vectors of a row of `columns` elements.
fn vectors(columns: u32) -> u32 {
    return (columns + 3u) / 4u;
}

/// Which of four columns from `column` on there are.
fn inside(column: u32, columns: u32) -> vec4<bool> {
    return vec4<u32>(column, column + 1u, column + 2u, column + 3u) < vec4<u32>(columns);
}

fn parameter(at: u32) -> f32 {
    return parameters[at / 4u][at % 4u];
}

/// A tensor's element, or zero past its edges.
fn element(at: u32, columns: u32, row: u32, column: u32) -> f32 {
    let there = row < params.rows && column < columns;
    return select(0.0, tape[at + select(0u, row * stride(columns) + column, there)], there);
}

/// A tensor's vector from the tape.
fn on_tape(at: u32, columns: u32, row: u32, vector: u32) -> vec4<f32> {
    return vec4<f32>(
        element(at, columns, row, 4u * vector),
        element(at, columns, row, 4u * vector + 1u),
        element(at, columns, row, 4u * vector + 2u),
        element(at, columns, row, 4u * vector + 3u),
    );
}

/// A vector of an operand, from where it is.
fn operand(share: Share, place: u32, at: u32, columns: u32, vector: u32) -> vec4<f32> {
    if place == ABSENT {
        return on_tape(at, columns, share.tape_row, vector);
    }
    return memory[place + share.row * vectors(columns) + vector];
}

/// Takes a tensor from the tape.
fn fetch(share: Share, place: u32, at: u32, columns: u32) {
    for (var v = share.lane; v < vectors(columns); v += share.lanes) {
        memory[place + share.row * vectors(columns) + v] =
            on_tape(at, columns, share.tape_row, v);
    }
    workgroupBarrier();
}

/// Keeps a vector of a tensor: for later stages, where one reads it, and on the tape.
fn store(share: Share, place: u32, at: u32, columns: u32, vector: u32, value: vec4<f32>) {
    store_part(share, place, at, columns, columns, vector, value);
}

/// Likewise where the tensor is the first columns of rows of `row_columns`.
fn store_part(
    share: Share, place: u32, at: u32, columns: u32, row_columns: u32, vector: u32, value: vec4<f32>,
) {
    let there = inside(4u * vector, columns);
    let kept = select(vec4<f32>(0.0), value, there);
    if place != ABSENT {
        memory[place + share.row * vectors(row_columns) + vector] = kept;
    }
    if share.tape_row < params.rows {
        let to = at + share.tape_row * stride(row_columns) + 4u * vector;
        tape[to] = kept.x;
        tape[to + 1u] = kept.y;
        tape[to + 2u] = kept.z;
        tape[to + 3u] = kept.w;
        if vector + 1u == vectors(columns) && vectors(columns) % 2u != 0u {
            for (var zero = to + 4u; zero < to + 8u; zero++) {
                tape[zero] = 0.0;
            }
        }
    }
}

/// The losses of rows from those of their invocations, halved until one is left of each row: the
/// workgroup's sum of as many as share the row.
fn log_losses(share: Share, invocation: u32, term: u32, loss: f32) {
    partial[invocation] = vec4<f32>(loss);
    workgroupBarrier();
    for (var half = share.lanes / 2u; half > 0u; half /= 2u) {
        if share.lane < half {
            partial[invocation] += partial[invocation + half];
        }
        workgroupBarrier();
    }
    if share.lane == 0u && share.tape_row < params.rows {
        let entry = term * params.term_stride + state.entry * params.entry_stride;
        let sum = entry + share.column_group * params.batch;
        losses[sum + params.first_row + share.tape_row] = partial[invocation].x;
    }
    workgroupBarrier();
}

fn gather(stage: Stage, place: Places, share: Share) {
    let row = min(share.tape_row, params.rows - 1u);
    let image = order[state.position + params.first_row + row] * params.words_per_row;
    for (var vector = share.lane; vector < vectors(params.dim); vector += share.lanes) {
        let pixels = unpack4x8unorm(images[image + vector]);
        let columns = stage.row_columns;
        store_part(share, place.output, stage.output, params.dim, columns, vector, pixels);
    }
}

/// The label of an image.
fn label_of(image: u32) -> u32 {
    return (labels[image / 4u] >> (8u * (image % 4u))) & 0xffu;
}

/// The vectors from that on in which the labels begin.
fn append_labels(stage: Stage, place: Places, share: Share) {
    // Whoever wrote the first columns has filled up their line on the tape, where labels go.
    storageBarrier();
    let row = min(share.tape_row, params.rows - 1u);
    let one = stage.inner + label_of(order[state.position + params.first_row + row]);
    for (var v = stage.inner / 4u + share.lane; v < vectors(stage.columns); v += share.lanes) {
        let c = vec4<u32>(4u * v) + vec4<u32>(0u, 1u, 2u, 3u);
        let before = operand(share, place.input, stage.output, stage.columns, v);
        let label = select(vec4<f32>(0.0), vec4<f32>(1.0), c == vec4<u32>(one));
        let value = select(label, before, c < vec4<u32>(stage.inner));
        store(share, place.output, stage.output, stage.columns, v, value);
    }
}

/// Words of an array whose words from `split` on lie `gap` further.
fn words(index: vec4<u32>, split: u32, gap: u32) -> vec4<u32> {
    return index + select(vec4<u32>(0u), vec4<u32>(gap), index >= vec4<u32>(split));
}

/// Where words of W lie.
fn weights(stage: Stage, index: vec4<u32>) -> vec4<u32> {
    return stage.weight + words(index, stage.weight_split, stage.weight_gap);
}

/// Elements (k, c) of W, read one by one; zero past its last k.
fn line(stage: Stage, k: u32, c: vec4<u32>) -> vec4<f32> {
    let row = min(k, stage.inner - 1u) * stage.weight_inner;
    let at = weights(stage, row + c * stage.weight_column);
    let values = vec4<f32>(parameter(at.x), parameter(at.y), parameter(at.z), parameter(at.w));
    return select(vec4<f32>(0.0), values, k < stage.inner);
}

/// W's elements (4·step + i, 4·vector + j), a vector for each i. What lies past the edges is
/// another of W's elements: it is in columns that nobody keeps, or meets the zeros after a
/// tensor's row.
fn block(stage: Stage, step: u32, vector: u32) -> mat4x4<f32> {
    let four = vec4<u32>(0u, 1u, 2u, 3u);
    let c = min(4u * vector + four, vec4<u32>(stage.columns - 1u));
    if !ALIGNED {
        let k = 4u * step;
        return mat4x4<f32>(
            line(stage, k, c),
            line(stage, k + 1u, c),
            line(stage, k + 2u, c),
            line(stage, k + 3u, c),
        );
    }
    var first = 4u * step + c * stage.weight_column;
    if stage.weight_inner != 1u {
        let k = min(4u * step + four, vec4<u32>(stage.inner - 1u));
        first = 4u * vector + k * stage.weight_inner;
    }
    let at = weights(stage, first) / 4u;
    let lines = mat4x4<f32>(
        parameters[at.x], parameters[at.y], parameters[at.z], parameters[at.w],
    );
    if stage.weight_inner == 1u {
        return transpose(lines);
    }
    return lines;
}

/// Where an invocation's sum for a row of the tile lies.
fn slot(row: u32, index: u32) -> u32 {
    return row * (WORKGROUP + WORKGROUP / 8u) + index + index / 8u;
}

/// Sums the blocks first, first + slices, … of one vector of columns, for all rows from `tile` on.
fn multiply_rows(
    stage: Stage, input: u32, tile: u32, vector: u32, first: u32, slices: u32, index: u32,
) {
    let steps = vectors(stage.inner);
    var sum: array<vec4<f32>, MOST_ROWS>;
    var next: mat4x4<f32>;
    if first < steps {
        next = block(stage, first, vector);
    }
    for (var step = first; step < steps; step += slices) {
        let w = next;
        next = block(stage, min(step + slices, steps - 1u), vector);
        for (var r = 0u; r < TILE_ROWS; r++) {
            var x: vec4<f32>;
            if STAGED {
                x = memory[input + r * steps + step];
            } else {
                x = on_tape(stage.input, stage.inner, tile + r, step);
            }
            sum[r] = fma(vec4<f32>(x.x), w[0], sum[r]);
            sum[r] = fma(vec4<f32>(x.y), w[1], sum[r]);
            sum[r] = fma(vec4<f32>(x.z), w[2], sum[r]);
            sum[r] = fma(vec4<f32>(x.w), w[3], sum[r]);
        }
    }
    for (var r = 0u; r < TILE_ROWS; r++) {
        partial[slot(r, index)] = sum[r];
    }
}

fn product(stage: Stage, place: Places, share: Share, invocation: u32, groups: u32) {
    let steps = vectors(stage.inner);
    let along_k = stage.weight_inner == 1u;
    let each = (vectors(stage.columns) + groups - 1u) / groups;
    let begin = share.column_group * each;
    let end = min(begin + each, vectors(stage.columns));
    let least = max(min(steps, select(1u, 8u, along_k)), 1u);
    let passes = ((end - begin) * least + WORKGROUP - 1u) / WORKGROUP;
    let wide = (end - begin + passes - 1u) / passes;
    let slices = clamp(WORKGROUP / wide, 1u, max(min(steps, MOST_SLICES), 1u));
    let vector = select(invocation % wide, invocation / slices, along_k);
    let slice = select(invocation / wide, invocation % slices, along_k);

    var row_loss = 0.0;
    for (var first = begin; first < begin + passes * wide; first += wide) {
        if invocation < wide * slices {
            // Past the last vector of columns: the last once more, which nobody reads.
            let mine = min(first + vector, end - 1u);
            let tile = share.tape_row - share.row;
            multiply_rows(stage, place.input, tile, mine, slice, slices, invocation);
        }
        workgroupBarrier();
        let count = min(wide, end - min(first, end));
        for (var v = share.lane; v < count; v += share.lanes) {
            var sum = vec4<f32>(0.0);
            for (var s = 0u; s < slices; s++) {
                let index = select(s * wide + v, v * slices + s, along_k);
                sum += partial[slot(share.row, index)];
            }
            row_loss += finish(stage, place, share, first + v, sum);
        }
        workgroupBarrier();
    }
    if stage.loss != 0u {
        log_losses(share, invocation, stage.term, row_loss);
    }
}

/// What follows a sum; its part of the row's loss.
fn finish(stage: Stage, place: Places, share: Share, vector: u32, sum: vec4<f32>) -> f32 {
    let there = inside(4u * vector, stage.columns);
    var y = sum;
    if stage.bias != ABSENT {
        let four = vec4<u32>(0u, 1u, 2u, 3u);
        let c = min(4u * vector + four, vec4<u32>(stage.columns - 1u));
        let at = stage.bias + words(c, stage.bias_split, stage.bias_gap);
        y += vec4<f32>(parameter(at.x), parameter(at.y), parameter(at.z), parameter(at.w));
    }
    if stage.addend != ABSENT {
        y += operand(share, place.addend, stage.addend, stage.columns, vector);
    }
    y = activate(stage.activation, y);
    if stage.derivative != NONE {
        let g_output = operand(share, place.g_output, stage.g_output, stage.columns, vector);
        y *= derivative(stage.derivative, g_output);
    }
    if stage.loss == 0u {
        store(share, place.output, stage.output, stage.columns, vector, y);
        return 0.0;
    }
    let x = operand(share, place.observed, stage.observed, stage.row_columns, vector);
    var nats: vec4<f32>;
    var slope: vec4<f32>;
    if stage.loss == BERNOULLI_NLL {
        let t = exp(-abs(y));
        nats = max(y, vec4<f32>(0.0)) - y * x + log(1.0 + t);
        slope = sigmoid(y) - x;
    } else if stage.loss == SQUARED_ERROR {
        nats = stage.scale * (y - x) * (y - x) + stage.offset;
        slope = 2.0 * stage.scale * (y - x);
    } else {
        nats = unknown(stage.loss);
        slope = unknown(stage.loss);
    }
    if stage.output != ABSENT {
        let d = stage.upstream * slope * derivative(stage.activation, y);
        store(share, place.output, stage.output, stage.columns, vector, d);
    }
    nats = select(vec4<f32>(0.0), nats, there);
    return (nats.x + nats.y) + (nats.z + nats.w);
}

/// Four columns of this step's ε [batch, columns]: what the kernel `normal` draws. They are of two
/// draws of four at the most. Columns before the first wrap around, for nobody.
fn noise(stage: Stage, share: Share, column: u32) -> vec4<f32> {
    let i = (params.first_row + share.tape_row) * stage.columns + column;
    let key = vec2<u32>(params.seed_low, params.seed_high);
    let a = normals(philox(vec4<u32>(i / 4u, state.step, stage.stream, stage.number), key));
    let b = normals(philox(vec4<u32>((i + 4u) / 4u, state.step, stage.stream, stage.number), key));
    switch i % 4u {
        case 1u: { return vec4<f32>(a.yzw, b.x); }
        case 2u: { return vec4<f32>(a.zw, b.xy); }
        case 3u: { return vec4<f32>(a.w, b.xyz); }
        default: { return a; }
    }
}

/// Four columns of an operand's row, from where it is; of those that there are not, the last.
fn columns_of(share: Share, place: u32, at: u32, columns: u32, column: vec4<u32>) -> vec4<f32> {
    let c = min(column, vec4<u32>(columns - 1u));
    if place == ABSENT {
        let row = share.tape_row;
        return vec4<f32>(
            element(at, columns, row, c.x), element(at, columns, row, c.y),
            element(at, columns, row, c.z), element(at, columns, row, c.w),
        );
    }
    let v = place + share.row * vectors(columns) + c / 4u;
    let i = c % 4u;
    return vec4<f32>(memory[v.x][i.x], memory[v.y][i.y], memory[v.z][i.z], memory[v.w][i.w]);
}

fn latent(stage: Stage, place: Places, share: Share, invocation: u32) {
    let four = vec4<u32>(0u, 1u, 2u, 3u);
    var kl = 0.0;
    for (var v = share.lane; v < vectors(stage.columns); v += share.lanes) {
        let mu = operand(share, place.input, stage.input, stage.inner, v);
        let c = stage.columns + 4u * v + four;
        let logvar = columns_of(share, place.input, stage.input, stage.inner, c);
        let eps = noise(stage, share, 4u * v);
        let z = mu + sigma(logvar) * eps;
        let columns = stage.row_columns;
        store_part(share, place.output, stage.output, stage.columns, columns, v, z);
        let there = inside(4u * v, stage.columns);
        let nats = 0.5 * (mu * mu + exp_minus_tangent(logvar));
        let terms = select(vec4<f32>(0.0), nats, there);
        kl += (terms.x + terms.y) + (terms.z + terms.w);
    }
    log_losses(share, invocation, stage.term, kl);
}

/// A vector may have columns of both gradients: of each element, what its column has is kept.
fn latent_grad(stage: Stage, place: Places, share: Share) {
    let upstream = upstream_at(stage, state.step);
    let four = vec4<u32>(0u, 1u, 2u, 3u);
    for (var v = share.lane; v < vectors(stage.inner); v += share.lanes) {
        let head = operand(share, place.input, stage.input, stage.inner, v);
        let c = 4u * v + four;
        let of_mu = c < vec4<u32>(stage.columns);
        let latent = select(c - stage.columns, c, of_mu);
        let d_z = columns_of(share, place.addend, stage.addend, stage.columns, latent);
        // Not `sigma`, as in `latent_grad`.
        let half_sigma = 0.5 * exp(0.5 * min(head, vec4<f32>(LOGVAR_MAX)));
        let eps = noise(stage, share, 4u * v - stage.columns);
        let d_mu = d_z + upstream * head;
        let d_logvar = d_z * half_sigma * eps + upstream * 0.5 * exp_minus_one(head);
        let d_head = select(d_logvar, d_mu, of_mu);
        store(share, place.output, stage.output, stage.inner, v, d_head);
    }
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let lanes = WORKGROUP / TILE_ROWS;
    let row = invocation / lanes;
    let tape_row = workgroup.x * TILE_ROWS + row;
    let share = Share(row, tape_row, invocation % lanes, lanes, workgroup.y);
    for (var s = params.first_stage; s < params.end_stage; s++) {
        let stage = params.program[s];
        let place = params.places[s];
        if place.fetch != 0u {
            fetch(share, place.input, stage.input, stage.inner);
        }
        switch stage.kind {
            case GATHER: { gather(stage, place, share); }
            case PRODUCT: { product(stage, place, share, invocation, groups.y); }
            case LABELS: { append_labels(stage, place, share); }
            case LATENT: { latent(stage, place, share, invocation); }
            default: { latent_grad(stage, place, share); }
        }
        workgroupBarrier();
    }
    // All have read the counters.
    let counts = params.advance != 0u && invocation == 0u;
    if counts && atomicAdd(&state.done, 1u) == groups.x * groups.y - 1u {
        atomicStore(&state.done, 0u);
        state.step += 1u;
        state.position += params.first_row + params.rows;
        state.entry += 1u;
    }
}
