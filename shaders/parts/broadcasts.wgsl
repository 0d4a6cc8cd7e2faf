// A subgroup of eight lanes, which is a workgroup of its own.

const LANES: u32 = 8;

/// Every lane's value, for all lanes.
fn broadcasts(x: f32) -> array<f32, LANES> {
    return array<f32, LANES>(
        subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u),
        subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u),
        subgroupBroadcast(x, 4u), subgroupBroadcast(x, 5u),
        subgroupBroadcast(x, 6u), subgroupBroadcast(x, 7u),
    );
}

