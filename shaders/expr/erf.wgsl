// The error function. Below 1 it is x P(x²), to 4 it is 1 − exp(Q(x)), and from 4 on 1 to the last bit.
// P and Q are Chebyshev fits of erf(x) / x and of ln erfc(x); their errors in erf are below 4e-11 and 3e-9.
fn expr_erf(x: f32) -> f32 {
    let a = abs(x);
    if a < 1.0 {
        let t = x * x;
        var p = -9.66704457e-6;
        p = p * t + 1.12659590e-4;
        p = p * t - 8.48408041e-4;
        p = p * t + 5.22103181e-3;
        p = p * t - 2.68654307e-2;
        p = p * t + 1.12837825e-1;
        p = p * t - 3.76126385e-1;
        p = p * t + 1.12837917;
        return x * p;
    }
    let b = min(a, 4.0);
    var q = 1.63715141e-6;
    q = q * b - 4.60580427e-5;
    q = q * b + 5.96805626e-4;
    q = q * b - 4.75959629e-3;
    q = q * b + 2.64211360e-2;
    q = q * b - 1.10080083e-1;
    q = q * b - 6.31826052e-1;
    q = q * b - 1.13023343;
    q = q * b + 3.20138050e-4;
    let y = select(1.0 - exp(q), 1.0, a >= 4.0);
    return select(y, -y, x < 0.0);
}
