// 1/x² − 1/sinh² x. About 0 it is (sinh² x − x²) / (x² sinh² x), by Taylor polynomials, whose terms are
// positive; elsewhere 1/sinh² x = 4e / (1 − e)² with e = e⁻²|ˣ|.
fn expr_langevin_slope(x: f32) -> f32 {
    let a = abs(x);
    if a >= 2.0 {
        let e = exp(-2.0 * a);
        let inverse = 1.0 / a;
        return inverse * inverse - 4.0 * e / ((1.0 - e) * (1.0 - e));
    }
    let t = x * x;
    // 2²ᵏ⁺³ / (2k + 4)! from k = 8 down to 0.
    var above = 2.1549902e-13;
    above = above * t + 2.0472407e-11;
    above = above * t + 1.5661391e-9;
    above = above * t + 9.3968348e-8;
    above = above * t + 4.2755598e-6;
    above = above * t + 1.4109347e-4;
    above = above * t + 3.1746032e-3;
    above = above * t + 4.4444444e-2;
    above = above * t + 3.3333333e-1;
    // 1 / (2k + 1)! from k = 6 down to 0.
    var below = 1.6059044e-10;
    below = below * t + 2.5052108e-8;
    below = below * t + 2.7557319e-6;
    below = below * t + 1.9841270e-4;
    below = below * t + 8.3333333e-3;
    below = below * t + 1.6666667e-1;
    below = below * t + 1.0;
    return above / (below * below);
}
