// Activations and their derivatives by selection, for software adapters, which evaluate both sides of a
// branch. After `activations.wgsl`; `Flags` are as many as `Values`.

/// Whether a function that is applied may be tanh or the sigmoid.
override SMOOTH: bool = true;

fn activate(function: u32, x: Values) -> Values {
    // Not `max`, which would make a number of NaN.
    var y = select(x, Values(), (x < Values()) & Flags(function == RELU));
    if SMOOTH {
        y = select(y, stable_tanh(x), function == TANH);
        y = select(y, sigmoid(x), function == SIGMOID);
    }
    return y;
}

/// f′ from f's output.
fn derivative(function: u32, y: Values) -> Values {
    var slope = select(Values(1.0), Values(), (y <= Values()) & Flags(function == RELU));
    slope = select(slope, 1.0 - y * y, function == TANH);
    return select(slope, y * (1.0 - y), function == SIGMOID);
}

