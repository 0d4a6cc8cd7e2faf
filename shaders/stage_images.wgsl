// Images of the coming steps, from a data set in several buffers to one buffer that a program reads.
//
//   staged[(position + r) mod capacity] = images[order[position + r] − first]
//
// images  [count, vectors]     sixteen bytes a vector: those from number `first`; images of other
//                              buffers are left to the launches for these
// order   [total]              the epoch's permutation of all images
// state                        where in the epoch the first of the steps is
// staged  [capacity, vectors]  a row for each place in the epoch, used again after `capacity` places
//
// Eight lanes copy an image, a workgroup eight images: as many workgroups are launched as the steps
// have rows. Up to seven rows more are copied, within `capacity`, which is a multiple of eight.

struct Params {
    first: u32,
    count: u32,
    total: u32,
    vectors: u32,
    capacity: u32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
}

@group(0) @binding(0) var<storage, read> images: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> state: State;
@group(0) @binding(3) var<storage, read_write> staged: array<vec4<u32>>;
@group(0) @binding(4) var<uniform> params: Params;

const LANES: u32 = 8;
const ROWS: u32 = 8;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let place = state.position + workgroup.x * ROWS + local / LANES;
    if place >= params.total {
        return;
    }
    // What lies before `first` wraps to numbers past every count.
    let image = order[place] - params.first;
    if image >= params.count {
        return;
    }
    let source = image * params.vectors;
    let to = place % params.capacity * params.vectors;
    for (var v = local % LANES; v < params.vectors; v += LANES) {
        staged[to + v] = images[source + v];
    }
}
