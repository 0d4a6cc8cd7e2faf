// ln(1 + x). Between −½ and 1 it is 2 artanh s = 2s (1 + s²/3 + s⁴/5 + …) with s = x / (2 + x):
// WGSL's log has an absolute accuracy alone there, and 1 + x has lost the digits of a small x.
fn expr_ln1p(x: f32) -> f32 {
    if x < -0.5 || x > 1.0 {
        return log(1.0 + x);
    }
    let s = x / (2.0 + x);
    let t = s * s;
    // 1/17, …, 1/3, with t ≤ 1/9: the next term is below 9⁻⁹ / 19, 2e-10.
    var p = 0.058823529;
    p = p * t + 0.066666667;
    p = p * t + 0.076923077;
    p = p * t + 0.090909091;
    p = p * t + 0.11111111;
    p = p * t + 0.14285714;
    p = p * t + 0.2;
    p = p * t + 0.33333333;
    return 2.0 * (s + s * t * p);
}
