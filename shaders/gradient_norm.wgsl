// The Euclidean norm of all gradients together, in two stages.
//
//   partials[first + w] = Σ_i x[i]²                 of every so many of x, for each workgroup w
//   norm = √(Σ_i x[i])                              where LAST says that x are all partials
//
// x        [len]
// sums     the partials of all buffers of gradients, or [1], the norm
//
// Each lane takes every (LANES · workgroups)-th vector of four, in order and in four sums; then lane 0
// adds the lanes in order. So the order of all sums follows from the length alone.

struct Params {
    len: u32,
    first: u32,
    padding0: u32,
    padding1: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

/// The root of the sum of what are squares already, by one workgroup.
override LAST: bool = false;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let lane = local.x;
    var total: vec4<f32>;
    let stride = 4u * LANES * groups.x;
    for (var i = 4u * (workgroup.x * LANES + lane); i < params.len; i += stride) {
        var four: vec4<f32>;
        for (var e = 0u; e < 4u; e++) {
            four[e] = select(0.0, x[min(i + e, params.len - 1u)], i + e < params.len);
        }
        total += select(four * four, four, LAST);
    }
    let sum = sum_of_lanes(lane, (total.x + total.y) + (total.z + total.w));
    if lane == 0u {
        sums[params.first + workgroup.x] = select(sum, sqrt(sum), LAST);
    }
}
