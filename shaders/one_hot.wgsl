// The labels of the next batch as rows of zeros with a 1.
//
//   y[r, c] = 1 where labels[order[position + r]] = c, else 0
//
// labels  [count]           a byte each, four in a word
// order   [count]           the epoch's permutation
// state                     the position in the epoch
// y       [rows, classes]
//
// One invocation an element.

struct Params {
    rows: u32,
    classes: u32,
    padding0: u32,
    padding1: u32,
}

@group(0) @binding(0) var<storage, read> labels: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> state: State;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

override WORKGROUP: u32 = 64;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let i = id.x + id.y * groups.x * WORKGROUP;
    if i >= params.rows * params.classes {
        return;
    }
    let image = order[state.position + i / params.classes];
    let label = (labels[image / 4u] >> (8u * (image % 4u))) & 0xffu;
    y[i] = select(0.0, 1.0, label == i % params.classes);
}
