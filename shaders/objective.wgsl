// The end of a step: its losses go into the log, and the counters move on.
//
//   losses[entry, 0]     = Σ_t weight[t] · ramp[t](step) · mean(rows[t])
//   losses[entry, 1 + t] = mean(rows[t])
//   step += 1, position += batch, entry += 1
//
// rows    [terms, stride]         the first `terms[t].rows` values of each are this step's
// terms   [terms]                 weight, number of rows and ramp of each
// state                           the counters of the loop
// losses  [entries, 1 + terms]    in nats per image
//
// One workgroup: each lane sums every LANES-th row, then lane 0 adds the lanes in order. The loop over
// rows takes AT_ONCE of them a turn, in the same order, since llvmpipe ends the loops of an invocation
// after 65,535 turns in all: a batch of 2²⁵ rows, the most that a binding of 128 MiB holds, takes a
// lane of 256 a quarter of that for each term.

struct Params {
    batch: u32,
    stride: u32,
    terms: u32,
    padding: u32,
}

@group(0) @binding(0) var<storage, read> rows: array<f32>;
@group(0) @binding(1) var<storage, read> terms: array<Term>;
@group(0) @binding(2) var<storage, read_write> state: State;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

/// Rows of a lane that one turn of its loop adds; a driver unrolls the loop over them.
const AT_ONCE: u32 = 8;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3<u32>) {
    let lane = local.x;
    let first = state.entry * (params.terms + 1u);
    var objective = 0.0;
    for (var term = 0u; term < params.terms; term++) {
        var total = 0.0;
        for (var first_row = lane; first_row < terms[term].rows; first_row += AT_ONCE * LANES) {
            for (var i = 0u; i < AT_ONCE; i++) {
                let row = first_row + i * LANES;
                if row < terms[term].rows {
                    total += rows[term * params.stride + row];
                }
            }
        }
        workgroupBarrier();
        total = sum_of_lanes(lane, total);
        if lane == 0u {
            let mean = total / f32(terms[term].rows);
            objective += terms[term].weight * ramp_at(terms[term].ramp, state.step) * mean;
            losses[first + 1u + term] = mean;
        }
    }
    if lane == 0u {
        losses[first] = objective;
        state.step += 1u;
        state.position += params.batch;
        state.entry += 1u;
    }
}
