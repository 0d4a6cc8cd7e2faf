// eˣ − 1 − x. About 0 its Taylor polynomial, as the differences would cancel.
fn expr_expm1_minus(x: f32) -> f32 {
    if abs(x) >= 1.0 {
        return exp(x) - 1.0 - x;
    }
    // 1/12!, …, 1/2!; the next term is below 1 / 13!, 2e-10.
    var p = 2.0876757e-9;
    p = p * x + 2.5052108e-8;
    p = p * x + 2.7557319e-7;
    p = p * x + 2.7557319e-6;
    p = p * x + 2.4801587e-5;
    p = p * x + 1.9841270e-4;
    p = p * x + 1.3888889e-3;
    p = p * x + 8.3333333e-3;
    p = p * x + 4.1666667e-2;
    p = p * x + 1.6666667e-1;
    p = p * x + 0.5;
    return x * x * p;
}
