// ln(sinh x / x). About 0 by sinh x / x − 1 = x²/6 (1 + x²/20 (1 + x²/42 (…))), whose terms are positive;
// elsewhere by sinh |x| = e|ˣ| (1 − e⁻²|ˣ|) / 2.
fn expr_ln_sinhc(x: f32) -> f32 {
    let a = abs(x);
    if a >= 2.0 {
        return a - log(a) - 0.69314718 + expr_ln1p(-exp(-2.0 * a));
    }
    // 1/13!, …, 1/3!; the next term is below 2¹² / 15!, 4e-9 of the first.
    let t = x * x;
    var p = 1.6059044e-10;
    p = p * t + 2.5052108e-8;
    p = p * t + 2.7557319e-6;
    p = p * t + 1.9841270e-4;
    p = p * t + 8.3333333e-3;
    p = p * t + 1.6666667e-1;
    return expr_ln1p(t * p);
}
