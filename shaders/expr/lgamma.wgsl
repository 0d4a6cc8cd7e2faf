// ln Γ(x) for x > 0; for others it is what log makes of them.
//
// About its roots 1 and 2, where it has no digits to lose, it is y P(y) with y the distance to the root, by
// Chebyshev fits of ln Γ(1 + y) / y and ln Γ(2 + y) / y over |y| ≤ ½ to 6e-10 and 2e-9. Between them and
// 4.5 by ln Γ(x) = ln(x − 1) + ln Γ(x − 1), below ½ by ln Γ(x) = ln Γ(1 + x) − ln x; beyond by Stirling's
// formula.
fn expr_lgamma(x: f32) -> f32 {
    if x < 1.5 {
        let small = x < 0.5;
        let y = select(x - 1.0, x, small);
        var p = -1.66168869e-1;
        p = p * y + 1.76718265e-1;
        p = p * y - 3.29418533e-2;
        p = p * y + 3.68487901e-2;
        p = p * y - 1.00044581e-1;
        p = p * y + 1.09705428e-1;
        p = p * y - 1.10362078e-1;
        p = p * y + 1.24482614e-1;
        p = p * y - 1.44102310e-1;
        p = p * y + 1.69612541e-1;
        p = p * y - 2.07384319e-1;
        p = p * y + 2.70579508e-1;
        p = p * y - 4.00685643e-1;
        p = p * y + 8.22467042e-1;
        p = p * y - 5.77215665e-1;
        if small {
            return y * p - log(x);
        }
        return y * p;
    }
    if x < 4.5 {
        let twice = x > 3.5;
        let y = x - select(select(2.0, 3.0, x > 2.5), 4.0, twice);
        var p = -2.50562021e-4;
        p = p * y + 5.70251250e-4;
        p = p * y - 1.18748481e-3;
        p = p * y + 2.87886868e-3;
        p = p * y - 7.38592088e-3;
        p = p * y + 2.05816254e-2;
        p = p * y - 6.73522941e-2;
        p = p * y + 3.22467018e-1;
        p = p * y + 4.22784335e-1;
        if x > 2.5 {
            return y * p + expr_ln((x - 1.0) * select(1.0, x - 2.0, twice));
        }
        return y * p;
    }
    // (x − ½)(ln x − 1) + ½ ln 2π − ½ + 1/(12x) − 1/(360x³) + 1/(1260x⁵) − 1/(1680x⁷), which overflows only
    // where ln Γ does; the next term is below 2e-9.
    let r = 1.0 / x;
    let t = r * r;
    let series = r * (0.083333333 - t * (2.7777778e-3 - t * (7.9365079e-4 - t * 5.9523810e-4)));
    return (x - 0.5) * (log(x) - 1.0) + (0.41893853 + series);
}
