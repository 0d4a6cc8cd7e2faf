// The sum of what the lanes of a workgroup have, in their order.

/// At most 256.
override LANES: u32 = 64;

var<workgroup> partial: array<f32, 256>;

/// Lane 0's result is the sum; that of the others is their own. Whoever takes a second sum has a barrier
/// before it.
fn sum_of_lanes(lane: u32, own: f32) -> f32 {
    partial[lane] = own;
    workgroupBarrier();
    var total = own;
    if lane == 0u {
        for (var other = 1u; other < LANES; other++) {
            total += partial[other];
        }
    }
    return total;
}

