// Functions of a Gaussian's logarithmic variance, for `Values`: one number, or four at a time. It is
// clamped where exp would overflow.
//
// By their series near zero, where an untrained encoder's logvar lies and the subtractions would leave
// few digits. A series is taken of a bounded number, as it would overflow where it is not used.

const LOGVAR_MAX: f32 = 80.0;

fn sigma(logvar: Values) -> Values {
    return exp(0.5 * min(logvar, Values(LOGVAR_MAX)));
}

/// exp(x) − 1.
fn exp_minus_one(x: Values) -> Values {
    let s = clamp(x, Values(-0.5), Values(0.5));
    let series = s * (1.0 + s / 2.0 * (1.0 + s / 3.0 * (1.0 + s / 4.0 * (1.0 + s / 5.0 *
        (1.0 + s / 6.0 * (1.0 + s / 7.0 * (1.0 + s / 8.0 * (1.0 + s / 9.0))))))));
    let direct = exp(min(x, Values(LOGVAR_MAX))) - 1.0;
    return select(direct, series, abs(x) < Values(0.5));
}

/// exp(x) − 1 − x.
fn exp_minus_tangent(x: Values) -> Values {
    let s = clamp(x, Values(-0.5), Values(0.5));
    let series = 0.5 * s * s * (1.0 + s / 3.0 * (1.0 + s / 4.0 * (1.0 + s / 5.0 * (1.0 + s / 6.0 *
        (1.0 + s / 7.0 * (1.0 + s / 8.0 * (1.0 + s / 9.0)))))));
    let direct = exp(min(x, Values(LOGVAR_MAX))) - 1.0;
    return select(direct - x, series, abs(x) < Values(0.5));
}

