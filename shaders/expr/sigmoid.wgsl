// 1 / (1 + e⁻ˣ), by e⁻|ˣ|, which does not overflow.
fn expr_sigmoid(x: f32) -> f32 {
    let e = exp(-abs(x));
    return select(1.0, e, x < 0.0) / (1.0 + e);
}
