// ψ(x) for x > 0; for others it is what log makes of them.
//
// Between 1 and 2 it is d P(d) with d the distance to its root, which is given in two parts, by a Chebyshev
// fit of ψ(x) / d to 9e-10. Below by ψ(x) = ψ(x + 1) − 1/x, from 2 to 4 by ψ(x) = ψ(x + 2) − 1/x − 1/(x + 1),
// and beyond by its asymptotic series.
fn expr_digamma(x: f32) -> f32 {
    if x <= 0.0 {
        return log(x);
    }
    if x < 2.0 {
        let below = x < 1.0;
        let d = (select(x, x + 1.0, below) - 1.4616321) - 1.2438150e-8;
        var p = -7.47684310e-3;
        p = p * d + 1.43787311e-2;
        p = p * d - 1.61584849e-2;
        p = p * d + 2.16120940e-2;
        p = p * d - 3.29337203e-2;
        p = p * d + 4.89183203e-2;
        p = p * d - 7.22243344e-2;
        p = p * d + 1.07818083e-1;
        p = p * d - 1.63941680e-1;
        p = p * d + 2.58499876e-1;
        p = p * d - 4.42763180e-1;
        p = p * d + 9.67672245e-1;
        if below {
            return d * p - 1.0 / x;
        }
        return d * p;
    }
    let shifted = x < 4.0;
    let y = select(x, x + 2.0, shifted);
    let r = 1.0 / y;
    let t = r * r;
    // 1/12, −1/120, 1/252, −1/240; the next term is below 8e-9.
    let series = t * (0.083333333 - t * (8.3333333e-3 - t * (3.9682540e-3 - t * 4.1666667e-3)));
    let far = expr_ln(y) - (0.5 * r + series);
    if shifted {
        return far - (1.0 / x + 1.0 / (x + 1.0));
    }
    return far;
}
