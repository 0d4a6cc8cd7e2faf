// The codes of activations, `kernels::activation_code`, and what their functions share, for `Values`:
// one number, or four at a time.

const NONE: u32 = 0;
const RELU: u32 = 1;
const TANH: u32 = 2;
const SIGMOID: u32 = 3;

/// The value of a function, or a loss, that has no case: NaN, so that a training stops. WGSL refuses a
/// constant NaN, so the code of the function is in its bits.
fn unknown(function: u32) -> Values {
    return Values(bitcast<f32>(0x7fc00000u | function));
}

/// No built-in `tanh` overflows within ±15, and tanh(15) is 1 in f32.
fn stable_tanh(x: Values) -> Values {
    return tanh(clamp(x, Values(-15.0), Values(15.0)));
}

/// 1 / (1 + e^−x) without overflow on either side.
fn sigmoid(x: Values) -> Values {
    let t = exp(-abs(x));
    return select(t, Values(1.0), x >= Values()) / (1.0 + t);
}

