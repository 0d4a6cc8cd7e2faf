// max(x, 0). Not `max`, which would make a number of NaN.
fn expr_relu(x: f32) -> f32 {
    return select(x, 0.0, x < 0.0);
}
