// A term of the objective: `kernels::Term`. After `ramp.wgsl`.

struct Term {
    weight: f32,
    /// How many values its mean is of.
    rows: u32,
    ramp: Ramp,
}
