//! Expressions as nodes, one for each step, with functions that ONNX has not composed of those that it has.

use super::error::Obstacle;
use super::writer::{Value, Writer};
use crate::expr::{Binary, Expr, Function, Sequence, Step};

/// Writes an expression over operands that broadcast to one shape.
pub(super) fn write(w: &mut Writer, expr: &Expr, operands: &[Value]) -> Result<Value, Obstacle> {
    let sequence = Sequence::of(&[expr]);
    let mut values: Vec<Value> = Vec::with_capacity(sequence.steps().len());
    for &step in sequence.steps() {
        let value = match step {
            Step::Operand(index) => operands[index].clone(),
            Step::Constant(constant) => w.scalar(constant.value()),
            Step::Call(function, x) => call(w, function, &values[x])?,
            Step::Binary(binary, a, b) => w.node(operator(binary), &[&values[a], &values[b]], []),
            Step::Select {
                less: (a, b),
                yes,
                no,
            } => {
                let less = w.node("Less", &[&values[a], &values[b]], []);
                w.node("Where", &[&less, &values[yes], &values[no]], [])
            }
        };
        values.push(value);
    }
    Ok(values[sequence.results()[0]].clone())
}

fn operator(binary: Binary) -> &'static str {
    match binary {
        Binary::Add => "Add",
        Binary::Sub => "Sub",
        Binary::Mul => "Mul",
        Binary::Div => "Div",
        Binary::Min => "Min",
        Binary::Max => "Max",
    }
}

/// Where exponentials end and series begin: eˣ − 1 keeps its digits by tanh, coth x − 1/x and eˣ − 1 − x by their first
/// terms.
const NEAR: f64 = 1.0;

fn call(w: &mut Writer, function: Function, x: &Value) -> Result<Value, Obstacle> {
    let operator = match function {
        Function::Neg => "Neg",
        Function::Abs => "Abs",
        Function::Sqrt => "Sqrt",
        Function::Relu => "Relu",
        Function::Exp => "Exp",
        Function::Ln => "Log",
        Function::Softplus => "Softplus",
        Function::Sigmoid => "Sigmoid",
        Function::Elu => "Elu",
        Function::Tanh => "Tanh",
        Function::Sin => "Sin",
        Function::Cos => "Cos",
        Function::Erf => "Erf",
        Function::Square => return Ok(w.node("Mul", &[x, x], [])),
        Function::Capped => {
            // It caps where exp would not be finite.
            let cap = w.scalar(function.value(f64::MAX));
            return Ok(w.node("Min", &[x, &cap], []));
        }
        Function::Expm1 => return Ok(expm1(w, x)),
        Function::Expm1Minus => return Ok(expm1_minus(w, x)),
        Function::Ln1p => return Ok(ln1p(w, x)),
        Function::Langevin => return Ok(langevin(w, x)),
        Function::LnSinhc
        | Function::LangevinSlope
        | Function::Lgamma
        | Function::Digamma
        | Function::Trigamma => return Err(Obstacle::Function(function.name())),
    };
    Ok(w.node(operator, &[x], []))
}

/// `near` where |x| is below [`NEAR`], else `far`.
fn by_size(w: &mut Writer, x: &Value, near: &Value, far: &Value) -> Value {
    let size = w.node("Abs", &[x], []);
    let limit = w.scalar(NEAR);
    let is_near = w.node("Less", &[&size, &limit], []);
    w.node("Where", &[&is_near, near, far], [])
}

/// c₀ + t·(c₁ + t·(…)).
fn polynomial(w: &mut Writer, t: &Value, coefficients: &[f64]) -> Value {
    let mut sum: Option<Value> = None;
    for &coefficient in coefficients.iter().rev() {
        let next = w.scalar(coefficient);
        sum = Some(match sum {
            None => next,
            Some(sum) => {
                let product = w.node("Mul", &[&sum, t], []);
                w.node("Add", &[&product, &next], [])
            }
        });
    }
    sum.unwrap_or_else(|| w.scalar(0.0))
}

/// eˣ − 1: near 0 it is 2t / (1 − t) of t = tanh(x / 2).
fn expm1(w: &mut Writer, x: &Value) -> Value {
    let [half, one, two] = [0.5, 1.0, 2.0].map(|value| w.scalar(value));
    let exp = w.node("Exp", &[x], []);
    let far = w.node("Sub", &[&exp, &one], []);
    let halved = w.node("Mul", &[x, &half], []);
    let t = w.node("Tanh", &[&halved], []);
    let above = w.node("Mul", &[&t, &two], []);
    let below = w.node("Sub", &[&one, &t], []);
    let near = w.node("Div", &[&above, &below], []);
    by_size(w, x, &near, &far)
}

/// eˣ − 1 − x: near 0 it is x²·(1/2! + x/3! + x²/4! + …).
fn expm1_minus(w: &mut Writer, x: &Value) -> Value {
    let exp = w.node("Exp", &[x], []);
    let one = w.scalar(1.0);
    let less_one = w.node("Sub", &[&exp, &one], []);
    let far = w.node("Sub", &[&less_one, x], []);
    let mut factorial = 1.0;
    let inverse = |n: u32| {
        factorial *= f64::from(n);
        1.0 / factorial
    };
    // The next term is below 10⁻⁹ of the sum.
    let coefficients: Vec<f64> = (2..=12).map(inverse).collect();
    let series = polynomial(w, x, &coefficients);
    let square = w.node("Mul", &[x, x], []);
    let near = w.node("Mul", &[&square, &series], []);
    by_size(w, x, &near, &far)
}

/// ln(1 + x) with u = 1 + x: ln u + (x − (u − 1)) / u, which adds what rounding took from u.
fn ln1p(w: &mut Writer, x: &Value) -> Value {
    let one = w.scalar(1.0);
    let u = w.node("Add", &[x, &one], []);
    let ln = w.node("Log", &[&u], []);
    let kept = w.node("Sub", &[&u, &one], []);
    let lost = w.node("Sub", &[x, &kept], []);
    let rest = w.node("Div", &[&lost, &u], []);
    w.node("Add", &[&ln, &rest], [])
}

/// coth x − 1/x: near 0 it is x·(1/3 − x²/45 + …), whose coefficients are 2²ᵏ·B₂ₖ / (2k)!.
fn langevin(w: &mut Writer, x: &Value) -> Value {
    let one = w.scalar(1.0);
    let tanh = w.node("Tanh", &[x], []);
    let coth = w.node("Div", &[&one, &tanh], []);
    let inverse = w.node("Div", &[&one, x], []);
    let far = w.node("Sub", &[&coth, &inverse], []);
    let square = w.node("Mul", &[x, x], []);
    // At |x| = 1 each term is a tenth of the one before; the next is below 10⁻⁸ of the sum.
    let coefficients = [
        1.0 / 3.0,
        -1.0 / 45.0,
        2.0 / 945.0,
        -1.0 / 4725.0,
        2.0 / 93_555.0,
        -1_382.0 / 638_512_875.0,
        4.0 / 18_243_225.0,
        -3_617.0 / 162_820_783_125.0,
    ];
    let series = polynomial(w, &square, &coefficients);
    let near = w.node("Mul", &[x, &series], []);
    by_size(w, x, &near, &far)
}
