// Standard normals: Philox4x32-10 (Salmon et al. 2011) and Box–Muller.
//
//   eps[4b .. 4b + 3] = normals(philox(counter = (b, step, stream, number), key = seed))
//
// state        the step number
// eps  [len]
//
// One invocation makes one block of four. Nothing is carried between invocations or steps, so the
// same step gives the same noise however the work is divided.

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
    var values = normals(words);
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
