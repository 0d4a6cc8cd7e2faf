//! The value of an expression.

use super::{Binary, Expr, Sequence, Step};

/// A number that expressions are evaluated in: f64, the reference, and f32.
pub trait Number: Copy {
    /// The same in f64.
    fn wide(self) -> f64;
    /// The nearest of the kind.
    fn round(value: f64) -> Self;
}

impl Number for f64 {
    fn wide(self) -> f64 {
        self
    }
    fn round(value: f64) -> Self {
        value
    }
}

impl Number for f32 {
    fn wide(self) -> f64 {
        self.into()
    }
    fn round(value: f64) -> Self {
        value as f32
    }
}

impl Binary {
    /// Its value.
    pub fn value(self, a: f64, b: f64) -> f64 {
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            Binary::Min => smaller(a, b),
            Binary::Max => -smaller(-a, -b),
        }
    }
}

/// The smaller; not a number where one is none, as Rust's own would hide.
fn smaller(a: f64, b: f64) -> f64 {
    if a < b || a.is_nan() { a } else { b }
}

impl Expr {
    /// Its value at these operands.
    ///
    /// f64 is the reference. In f32 each step is computed in f64 and rounded once. For many elements,
    /// make a [`Sequence`] once.
    ///
    /// # Panics
    /// If there are fewer operands than it reads.
    pub fn evaluate<T: Number>(&self, operands: &[T]) -> T {
        let sequence = Sequence::of(&[self]);
        let mut values = Vec::new();
        sequence.evaluate(operands, &mut values);
        values[sequence.results()[0]]
    }
}

impl Sequence {
    /// The values of all steps at these operands, in `values`, whose content is replaced.
    ///
    /// # Panics
    /// If there are fewer operands than are read.
    pub fn evaluate<T: Number>(&self, operands: &[T], values: &mut Vec<T>) {
        values.clear();
        for &step in self.steps() {
            let at = |i: usize| values[i].wide();
            let value = match step {
                Step::Operand(index) => operands[index],
                Step::Constant(constant) => T::round(constant.value()),
                Step::Call(function, x) => T::round(function.value(at(x))),
                Step::Binary(binary, a, b) => T::round(binary.value(at(a), at(b))),
                Step::Select {
                    less: (a, b),
                    yes,
                    no,
                } => values[if at(a) < at(b) { yes } else { no }],
            };
            values.push(value);
        }
    }
}
