// A gradient that follows the step: that of the rows of a term whose weight does.
//
//   values = scale · ramp(step)
//
// state            the step number
// values  [len]
//
// One invocation an element.

struct Params {
    len: u32,
    scale: f32,
    ramp_steps: u32,
    ramp_period: u32,
}

@group(0) @binding(0) var<storage, read> state: State;
@group(0) @binding(1) var<storage, read_write> values: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

override WORKGROUP: u32 = 64;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let i = id.x + id.y * groups.x * WORKGROUP;
    if i >= params.len {
        return;
    }
    values[i] = params.scale * ramp_at(Ramp(params.ramp_steps, params.ramp_period), state.step);
}
