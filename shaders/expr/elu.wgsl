// x where it is positive, elsewhere eˣ − 1.
fn expr_elu(x: f32) -> f32 {
    return select(expr_expm1(x), x, x > 0.0);
}
