// eˣ − 1. About 0 its Taylor polynomial, as the difference would cancel.
fn expr_expm1(x: f32) -> f32 {
    if abs(x) >= 0.5 {
        return exp(x) - 1.0;
    }
    // 1/9!, …, 1/2!; the next term is below 0.5⁹ / 10!, 5e-10 of the sum.
    var p = 2.7557319e-6;
    p = p * x + 2.4801587e-5;
    p = p * x + 1.9841270e-4;
    p = p * x + 1.3888889e-3;
    p = p * x + 8.3333333e-3;
    p = p * x + 4.1666667e-2;
    p = p * x + 1.6666667e-1;
    p = p * x + 0.5;
    return x + x * x * p;
}
