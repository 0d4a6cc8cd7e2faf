// ψ′(x) for x > 0, by ψ′(x) = 1/x² + ψ′(x + 1) up to 4, and from there by its asymptotic series. All terms
// but the series' last ones are positive.
fn expr_trigamma(x: f32) -> f32 {
    var y = x;
    var sum = 0.0;
    if x < 4.0 {
        let r0 = 1.0 / x;
        let r1 = 1.0 / (x + 1.0);
        let r2 = 1.0 / (x + 2.0);
        let r3 = 1.0 / (x + 3.0);
        sum = r0 * r0 + (r1 * r1 + (r2 * r2 + r3 * r3));
        y = x + 4.0;
    }
    let r = 1.0 / y;
    let t = r * r;
    // 1/6, −1/30, 1/42, −1/30, 5/66; the next term is below 4e-9.
    let series = 1.6666667e-1 - t * (3.3333333e-2 - t * (2.3809524e-2 - t * (3.3333333e-2 - t * 7.5757576e-2)));
    return sum + r * (1.0 + r * (0.5 + r * series));
}
