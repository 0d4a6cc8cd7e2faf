// tanh x = sgn(x) · −t / (2 + t) with t = expm1(−2|x|), which does not overflow.
fn expr_tanh(x: f32) -> f32 {
    let t = expr_expm1(-2.0 * abs(x));
    let y = -t / (2.0 + t);
    return select(y, -y, x < 0.0);
}
