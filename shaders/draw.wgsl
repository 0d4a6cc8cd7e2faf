// A draw's numbers by Philox4x32-10 (Salmon et al. 2011): standard normals by Box–Muller, or uniforms in
// [0, 1).
//
//   words              = philox(counter = (b, step, stream, number), key = seed)
//   values[4b .. 4b+3] = normals(words)                                      or
//                        (words >> 8) · 2⁻²⁴
//
// state           the step number
// values  [len]
//
// One invocation makes one block of four. Nothing is carried between invocations or steps, so the
// same step gives the same numbers however the work is divided.

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
@group(0) @binding(1) var<storage, read_write> values: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

override WORKGROUP: u32 = 64;
/// Write uniforms, not normals.
override UNIFORMS: bool = false;
/// Write Philox's words as they are (bit-cast), for the known-answer test.
override WORDS: bool = false;

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
    var four = normals(words);
    if UNIFORMS {
        four = vec4<f32>(words >> vec4<u32>(8u)) * UNIT;
    }
    if WORDS {
        four = bitcast<vec4<f32>>(words);
    }
    // Constant components: a software adapter pays a hundred times as much for `four[i]`.
    values[first] = four.x;
    if first + 1u < params.len {
        values[first + 1u] = four.y;
    }
    if first + 2u < params.len {
        values[first + 2u] = four.z;
    }
    if first + 3u < params.len {
        values[first + 3u] = four.w;
    }
}
