// The counters of a loop over batches, `kernels::State`, for kernels that move them on alone or read
// them.

struct State {
    step: u32,
    position: u32,
    entry: u32,
    padding: u32,
}

