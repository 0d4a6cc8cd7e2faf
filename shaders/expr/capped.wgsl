// min(x, 80), below which eˣ is finite. Not `min`, which would make a number of NaN.
fn expr_capped(x: f32) -> f32 {
    return select(x, 80.0, x > 80.0);
}
