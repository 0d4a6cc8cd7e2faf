// x².
fn expr_square(x: f32) -> f32 {
    return x * x;
}
