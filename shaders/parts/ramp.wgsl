// A factor that follows the step: `graph::Ramp`.

struct Ramp {
    /// Of the rise from 0 to 1; 0: the factor is 1 throughout.
    steps: u32,
    /// From one beginning to the next; 0: there is one.
    period: u32,
}

fn ramp_at(ramp: Ramp, step: u32) -> f32 {
    if ramp.steps == 0u {
        return 1.0;
    }
    var since = step;
    if ramp.period != 0u {
        since = step % ramp.period;
    }
    return f32(min(since, ramp.steps)) / f32(ramp.steps);
}
