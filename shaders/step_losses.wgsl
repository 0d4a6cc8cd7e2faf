// The losses of whole steps from those of their rows, for all steps of a submission in one launch.
//
//   losses[e, 1 + t] = mean_r Σ_s rows[t, e, s, r]
//   losses[e, 0]     = Σ_t weight[t] · ramp[t](step of e) · losses[e, 1 + t]      in nats
//
// rows     [terms, entries, column_groups, stride]   the first `batch` of each stride count
// terms    [terms]                            weight and ramp of each
// losses   [entries, 1 + terms]
// state    entries that are written
//
// One workgroup an entry: those of n workgroups are the last n that are written. Each lane takes
// every LANES-th row, then lane 0 adds the lanes in order. The loop over rows takes AT_ONCE of them a
// turn, in the same order, since llvmpipe ends the loops of an invocation after 65,535 turns in all:
// `kernels::step_losses::iterations` counts them.

struct Params {
    batch: u32,
    stride: u32,
    column_groups: u32,
    entries: u32,
    terms: u32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
}

@group(0) @binding(0) var<storage, read> rows: array<f32>;
@group(0) @binding(1) var<storage, read> terms: array<Term>;
@group(0) @binding(2) var<storage, read> state: State;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

/// Rows of a lane that one turn of its loop adds; a driver unrolls the loop over them.
const AT_ONCE: u32 = 8;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let entry = state.entry - groups.x + workgroup.x;
    // The steps and the entries of the log go on together.
    let step = state.step - (state.entry - entry);
    let lane = local.x;
    let line = entry * (params.terms + 1u);
    var objective = 0.0;
    for (var term = 0u; term < params.terms; term++) {
        let first = (term * params.entries + entry) * params.column_groups * params.stride;
        var total = 0.0;
        for (var group = 0u; group < params.column_groups; group++) {
            for (var first_row = lane; first_row < params.batch; first_row += AT_ONCE * LANES) {
                for (var i = 0u; i < AT_ONCE; i++) {
                    let row = first_row + i * LANES;
                    if row < params.batch {
                        total += rows[first + group * params.stride + row];
                    }
                }
            }
        }
        workgroupBarrier();
        total = sum_of_lanes(lane, total);
        if lane == 0u {
            let mean = total / f32(params.batch);
            objective += terms[term].weight * ramp_at(terms[term].ramp, step) * mean;
            losses[line + 1u + term] = mean;
        }
    }
    if lane == 0u {
        losses[line] = objective;
    }
}
