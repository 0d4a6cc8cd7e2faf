// Activations and their derivatives by selection, for software adapters, which evaluate both sides of a
// branch. After `activations.wgsl`.

/// Whether a function that is applied may be tanh or the sigmoid; where not, they are unknown.
override SMOOTH: bool = true;

fn activate(function: u32, x: Values) -> Values {
    var y = select(unknown(function), x, function == NONE);
    // Not `max`, which would make a number of NaN.
    y = select(y, select(x, Values(), x < Values()), function == RELU);
    if SMOOTH {
        y = select(y, stable_tanh(x), function == TANH);
        y = select(y, sigmoid(x), function == SIGMOID);
    }
    return y;
}

/// f′ from f's output.
fn derivative(function: u32, y: Values) -> Values {
    var slope = select(unknown(function), Values(1.0), function == NONE);
    slope = select(slope, select(Values(1.0), Values(), y <= Values()), function == RELU);
    slope = select(slope, 1.0 - y * y, function == TANH);
    return select(slope, y * (1.0 - y), function == SIGMOID);
}

