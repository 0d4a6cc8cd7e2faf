// The codes of activations, `kernels::activation_code`, and what their functions share, for `Values`:
// one number, or four at a time.

const NONE: u32 = 0;
const RELU: u32 = 1;
const TANH: u32 = 2;
const SIGMOID: u32 = 3;

/// No built-in `tanh` overflows within ±15, and tanh(15) is 1 in f32.
fn stable_tanh(x: Values) -> Values {
    return tanh(clamp(x, Values(-15.0), Values(15.0)));
}

/// 1 / (1 + e^−x) without overflow on either side.
fn sigmoid(x: Values) -> Values {
    let t = exp(-abs(x));
    return select(t, Values(1.0), x >= Values()) / (1.0 + t);
}

