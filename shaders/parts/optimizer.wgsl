// What the kernels that apply Adam share: AdamW's constants and the learning rate of a step. Each has
// an `optimizer` in its `params`.
//
//   rate   constant throughout a segment without length; else p = (step − first) / length of the way
//          from start to end, and there from p = 1 on:
//   line   start·(1 − p) + end·p                       half a cosine   the same with sin²(π/2·p) for p
//
// The way is measured from the nearer of its two ends, from whole numbers: there a rate near zero
// keeps all its digits, and both ends are met exactly. sin is a series, since WGSL's need not be
// accurate beyond 2⁻¹¹.

struct Segment {
    first: u32,
    length: u32,
    start: f32,
    end: f32,
    is_cosine: u32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
}

struct Optimizer {
    one_minus_beta1: f32,
    one_minus_beta2: f32,
    ln_beta1: f32,
    ln_beta2: f32,
    eps: f32,
    weight_decay: f32,
    clip_norm: f32,
    segments: u32,
    schedule: array<Segment, 16>,
}

const HALF_PI: f32 = 1.57079632679;
const SMALLEST_NORMAL: f32 = 0x1p-126;

/// 1 − e^x for x ≤ 0: the series near zero, where the subtraction would cancel. It is taken of a
/// bounded number, as it would overflow where it is not used.
fn one_minus_exp(x: f32) -> f32 {
    let s = max(x, -0.5);
    let series = -s * (1.0 + s / 2.0 * (1.0 + s / 3.0 * (1.0 + s / 4.0 * (1.0 + s / 5.0 *
        (1.0 + s / 6.0 * (1.0 + s / 7.0))))));
    return select(1.0 - exp(x), series, x > -0.5);
}

/// sin x for 0 ≤ x ≤ π/4: what the series leaves out is x¹¹ / 11!, 2·10⁻⁹ of it at the most.
fn sine(x: f32) -> f32 {
    let s = x * x;
    return x * (1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0 * (1.0 - s / 72.0))));
}

/// The learning rate of a step; steps count from 0.
fn rate(step: u32) -> f32 {
    var own = 0u;
    for (var next = 1u; next < params.optimizer.segments; next++) {
        own = select(own, next, params.optimizer.schedule[next].first <= step);
    }
    let segment = params.optimizer.schedule[own];
    if segment.length == 0u {
        return segment.start;
    }
    let done = min(step - segment.first, segment.length);
    let left = segment.length - done;
    var p = f32(min(done, left)) / f32(segment.length);
    if segment.is_cosine != 0u {
        p = sine(HALF_PI * p) * sine(HALF_PI * p);
    }
    let near = select(segment.end, segment.start, done <= left);
    let far = select(segment.start, segment.end, done <= left);
    return near * (1.0 - p) + far * p;
}

/// Zero for what is below f32's normal numbers. The moments of a weight whose gradient stays zero
/// decay to there, and CPUs take a hundred times as long for each operation on such a number.
fn flush(x: Values) -> Values {
    return select(x, Values(), abs(x) < Values(SMALLEST_NORMAL));
}

