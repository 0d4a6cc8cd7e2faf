// Activations and their derivatives by branches, for GPUs and for kernels of few elements. After
// `activations.wgsl`.

fn activate(function: u32, x: Values) -> Values {
    switch function {
        case NONE: { return x; }
        // Not `max`, which would make a number of NaN.
        case RELU: { return select(x, Values(), x < Values()); }
        case TANH: { return stable_tanh(x); }
        case SIGMOID: { return sigmoid(x); }
        default: { return unknown(function); }
    }
}

/// f′ from f's output.
fn derivative(function: u32, y: Values) -> Values {
    switch function {
        case NONE: { return Values(1.0); }
        case RELU: { return select(Values(), Values(1.0), y > Values()); }
        case TANH: { return 1.0 - y * y; }
        case SIGMOID: { return y * (1.0 - y); }
        default: { return unknown(function); }
    }
}

