// ln(1 + eˣ) = max(x, 0) + ln(1 + e⁻|ˣ|), which overflows at neither side.
fn expr_softplus(x: f32) -> f32 {
    return max(x, 0.0) + expr_ln1p(exp(-abs(x)));
}
