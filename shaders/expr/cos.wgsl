// cos x of any x, as a sine a quarter further.
fn expr_cos(x: f32) -> f32 {
    return expr_wave(x, 1u);
}
