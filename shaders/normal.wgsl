// Standard normals: Philox4x32-10 (Salmon et al. 2011) and Box–Muller.
//
//   eps[4b .. 4b + 3] = box_muller(philox(counter = (b, step, stream, number), key = seed))
//
// state        the step number
// eps  [len]
//
// One invocation makes one block of four. Nothing is carried between invocations or steps, so the
// same step gives the same noise however the work is divided.

struct State {
    step: u32,
    position: u32,
    entry: u32,
    padding: u32,
}

struct Params {
    len: u32,
    stream: u32,
    /// Of the draw in its graph.
    number: u32,
    seed_low: u32,
    seed_high: u32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
}

@group(0) @binding(0) var<storage, read> state: State;
@group(0) @binding(1) var<storage, read_write> eps: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

override WORKGROUP: u32 = 64;
/// Write Philox's words as they are (bit-cast), for the known-answer test.
override WORDS: bool = false;

const TAU: f32 = 6.2831853;
const UNIT: f32 = 1.0 / 16777216.0;

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

/// Two normals from two words; the radius's uniform is in (0, 1].
///
/// WGSL promises the accuracy of `sin` and `cos` within ±π only, so the angle is taken from there.
/// The logarithm of a number next to 1 may come out above 0: the root must not see that.
fn box_muller(words: vec2<u32>) -> vec2<f32> {
    let radius = sqrt(max(-2.0 * log(f32((words.x >> 8u) + 1u) * UNIT), 0.0));
    let turn = f32(words.y >> 8u) * UNIT;
    let angle = TAU * (turn - select(0.0, 1.0, turn >= 0.5));
    return radius * vec2<f32>(cos(angle), sin(angle));
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let block = id.x + id.y * groups.x * WORKGROUP;
    let first = 4u * block;
    if first >= params.len {
        return;
    }
    let key = vec2<u32>(params.seed_low, params.seed_high);
    let words = philox(vec4<u32>(block, state.step, params.stream, params.number), key);
    var values = vec4<f32>(box_muller(words.xy), box_muller(words.zw));
    if WORDS {
        values = bitcast<vec4<f32>>(words);
    }
    // Constant components: a software adapter pays a hundred times as much for `values[i]`.
    eps[first] = values.x;
    if first + 1u < params.len {
        eps[first + 1u] = values.y;
    }
    if first + 2u < params.len {
        eps[first + 2u] = values.z;
    }
    if first + 3u < params.len {
        eps[first + 3u] = values.w;
    }
}
