// coth x − 1/x. About 0 it is (x cosh x − sinh x) / (x sinh x), both as Taylor polynomials, whose terms are
// positive; elsewhere coth |x| = 1 + 2e / (1 − e) with e = e⁻²|ˣ|.
fn expr_langevin(x: f32) -> f32 {
    let a = abs(x);
    if a >= 2.0 {
        let e = exp(-2.0 * a);
        let y = 1.0 + (2.0 * e / (1.0 - e) - 1.0 / a);
        return select(y, -y, x < 0.0);
    }
    let t = x * x;
    // 2k / (2k + 1)! from k = 7 down to 1.
    var above = 1.0706029e-11;
    above = above * t + 1.9270853e-9;
    above = above * t + 2.5052108e-7;
    above = above * t + 2.2045855e-5;
    above = above * t + 1.1904762e-3;
    above = above * t + 3.3333333e-2;
    above = above * t + 3.3333333e-1;
    // 1 / (2k + 1)! from k = 6 down to 0.
    var below = 1.6059044e-10;
    below = below * t + 2.5052108e-8;
    below = below * t + 2.7557319e-6;
    below = below * t + 1.9841270e-4;
    below = below * t + 8.3333333e-3;
    below = below * t + 1.6666667e-1;
    below = below * t + 1.0;
    return x * (above / below);
}
