// The next batch, from bytes or floats to floats.
//
//   x[r, c] = images[order[position + r] − first, c] / 255   of bytes
//   x[r, c] = images[order[position + r] − first, c]         of floats
//
// images  [count, words_per_row]  four grey bytes a word, each row padded to whole words, or a float a
//                                 word: those from number `first`; the rows of others are left to
//                                 other launches
// order                           the epoch's permutation of all images
// state                           where in the epoch this step is
// x       [rows, dim]
//
// One invocation unpacks one word, so that a byte costs a quarter of a load. Words are numbered
// over all rows; the grid wraps into y past 65,535 workgroups.

struct Params {
    rows: u32,
    dim: u32,
    words_per_row: u32,
    first: u32,
    count: u32,
    padding_0: u32,
    padding_1: u32,
    padding_2: u32,
}

@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> state: State;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

override WORKGROUP: u32 = 64;
override FLOATS: bool = false;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = id.x + id.y * groups.x * WORKGROUP;
    let row = index / params.words_per_row;
    let word = index % params.words_per_row;
    let first = select(4u * word, word, FLOATS);
    if row >= params.rows || first >= params.dim {
        return;
    }
    // What lies before `first` wraps to numbers past every count.
    let image = order[state.position + row] - params.first;
    if image >= params.count {
        return;
    }
    let at = row * params.dim + first;
    let value = images[image * params.words_per_row + word];
    if FLOATS {
        x[at] = bitcast<f32>(value);
        return;
    }
    let pixels = unpack4x8unorm(value);
    // Constant components: a software adapter pays a hundred times as much for `pixels[i]`.
    x[at] = pixels.x;
    if first + 1u < params.dim {
        x[at + 1u] = pixels.y;
    }
    if first + 2u < params.dim {
        x[at + 2u] = pixels.z;
    }
    if first + 3u < params.dim {
        x[at + 3u] = pixels.w;
    }
}
