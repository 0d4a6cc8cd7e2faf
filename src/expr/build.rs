//! Operators and methods that build expressions, and the identities they simplify by.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::{Binary, Expr, Function, Node, constant};

/// `yes` where a < b, elsewhere `no`.
pub fn less(
    a: impl Into<Expr>,
    b: impl Into<Expr>,
    yes: impl Into<Expr>,
    no: impl Into<Expr>,
) -> Expr {
    let [a, b, yes, no] = [a.into(), b.into(), yes.into(), no.into()];
    if yes == no {
        return yes;
    }
    if let (Some(a), Some(b)) = (a.as_constant(), b.as_constant()) {
        return if a < b { yes } else { no };
    }
    Expr::of(Node::Select {
        less: (a, b),
        yes,
        no,
    })
}

pub(super) fn binary(binary: Binary, a: Expr, b: Expr) -> Expr {
    if let (Some(a), Some(b)) = (a.as_constant(), b.as_constant()) {
        let value = binary.value(a, b);
        // What a shader could not say stays as it was written.
        if (value as f32).is_finite() {
            return constant(value);
        }
    }
    match binary {
        Binary::Add => add(a, b),
        Binary::Sub => sub(a, b),
        Binary::Mul => mul(a, b),
        Binary::Div => div(a, b),
        Binary::Min | Binary::Max if a == b => a,
        Binary::Min | Binary::Max => plain(binary, a, b),
    }
}

/// The operation as it is written.
fn plain(binary: Binary, a: Expr, b: Expr) -> Expr {
    Expr::of(Node::Binary(binary, a, b))
}

/// A constant stands on the right of a sum, and the constants of a sum are one.
fn add(a: Expr, b: Expr) -> Expr {
    if let Some(negated) = b.negated() {
        return sub(a, negated);
    }
    if let Some(negated) = a.negated() {
        return sub(b, negated);
    }
    match (a.node(), a.as_constant(), b.as_constant()) {
        (_, Some(_), None) => add(b, a),
        (_, _, Some(0.0)) => a,
        (Node::Binary(Binary::Add, x, c), _, Some(d)) => match c.as_constant() {
            Some(c) => binary(Binary::Add, x.clone(), constant(c + d)),
            None => plain(Binary::Add, a, b),
        },
        (Node::Binary(Binary::Sub, c, x), _, Some(d)) => match c.as_constant() {
            Some(c) => binary(Binary::Sub, constant(c + d), x.clone()),
            None => plain(Binary::Add, a, b),
        },
        _ => plain(Binary::Add, a, b),
    }
}

/// x − c is x + (−c), so that sums know one form of constants.
fn sub(a: Expr, b: Expr) -> Expr {
    if a == b {
        return constant(0.0);
    }
    if let Some(c) = b.as_constant() {
        return add(a, constant(-c));
    }
    if let Some(negated) = b.negated() {
        return add(a, negated);
    }
    let Some(c) = a.as_constant() else {
        return plain(Binary::Sub, a, b);
    };
    if c == 0.0 {
        return -b;
    }
    match b.node() {
        Node::Binary(Binary::Sub, d, x) => match d.as_constant() {
            Some(d) => binary(Binary::Add, x.clone(), constant(c - d)),
            None => plain(Binary::Sub, a, b),
        },
        Node::Binary(Binary::Add, x, d) => match d.as_constant() {
            Some(d) => binary(Binary::Sub, constant(c - d), x.clone()),
            None => plain(Binary::Sub, a, b),
        },
        _ => plain(Binary::Sub, a, b),
    }
}

/// A constant stands on the left of a product; the constants of a product are one, its signs too.
fn mul(a: Expr, b: Expr) -> Expr {
    if let Some(negated) = a.negated() {
        return -mul(negated, b);
    }
    if let Some(negated) = b.negated() {
        return -mul(a, negated);
    }
    if a.as_constant().is_none() && b.as_constant().is_some() {
        return mul(b, a);
    }
    match (a.as_constant(), b.node()) {
        (Some(0.0), _) => a,
        (Some(1.0), _) => b,
        (Some(-1.0), _) => -b,
        (Some(c), Node::Binary(Binary::Mul, d, x)) => match d.as_constant() {
            Some(d) if normal(c * d) => mul(constant(c * d), x.clone()),
            _ => plain(Binary::Mul, a, b),
        },
        (None, Node::Binary(Binary::Mul, d, x)) if d.as_constant().is_some() => {
            mul(d.clone(), mul(a, x.clone()))
        }
        _ => match a.node() {
            Node::Binary(Binary::Mul, c, x) if c.as_constant().is_some() => {
                mul(c.clone(), mul(x.clone(), b))
            }
            _ if a == b => a.square(),
            _ => plain(Binary::Mul, a, b),
        },
    }
}

fn div(a: Expr, b: Expr) -> Expr {
    if let Some(negated) = a.negated() {
        return -div(negated, b);
    }
    if let Some(negated) = b.negated() {
        return -div(a, negated);
    }
    match (a.as_constant(), b.as_constant()) {
        (Some(0.0), _) => a,
        (_, Some(1.0)) => a,
        (_, Some(-1.0)) => -a,
        // Halves and the like, whose reciprocals are exact.
        (_, Some(c)) if c.to_bits() << 12 == 0 && normal(1.0 / c) => mul(constant(1.0 / c), a),
        _ => plain(Binary::Div, a, b),
    }
}

/// Whether a shader can say a number with all its digits.
fn normal(value: f64) -> bool {
    let value = value as f32;
    value == 0.0 || value.is_normal()
}

impl Function {
    /// The function of an expression.
    pub fn of(self, x: impl Into<Expr>) -> Expr {
        x.into().call(self)
    }
}

impl Expr {
    /// The function of it.
    pub(crate) fn call(self, function: Function) -> Expr {
        if let Some(x) = self.as_constant() {
            let value = function.value(x);
            if (value as f32).is_finite() {
                return constant(value);
            }
        }
        match (function, self.node()) {
            (Function::Neg, Node::Call(Function::Neg, x)) => x.clone(),
            (Function::Neg, Node::Binary(Binary::Mul, c, x)) => match c.as_constant() {
                Some(c) => mul(constant(-c), x.clone()),
                None => Expr::of(Node::Call(function, self)),
            },
            (Function::Neg, Node::Binary(Binary::Sub, a, b)) => sub(b.clone(), a.clone()),
            // Of an even function, the sign is nothing.
            (Function::Abs | Function::Square | Function::Cos, Node::Call(Function::Neg, x)) => {
                x.clone().call(function)
            }
            _ => Expr::of(Node::Call(function, self)),
        }
    }

    /// What it is the negative of, if it is written so.
    fn negated(&self) -> Option<Expr> {
        match self.node() {
            Node::Call(Function::Neg, x) => Some(x.clone()),
            _ => None,
        }
    }

    /// The smaller of the two.
    pub fn min(&self, other: impl Into<Expr>) -> Expr {
        binary(Binary::Min, self.clone(), other.into())
    }

    /// The larger of the two.
    pub fn max(&self, other: impl Into<Expr>) -> Expr {
        binary(Binary::Max, self.clone(), other.into())
    }

    /// The nearest value between the bounds. Its derivative is 1 between them and at them, 0 outside.
    pub fn clamp(&self, low: impl Into<Expr>, high: impl Into<Expr>) -> Expr {
        self.max(low).min(high)
    }
}

macro_rules! methods {
    ($($(#[$doc:meta])* $method:ident: $function:ident),* $(,)?) => {
        impl Expr {
            $($(#[$doc])* pub fn $method(&self) -> Expr {
                self.clone().call(Function::$function)
            })*
        }
    };
}

methods! {
    /// |x|.
    abs: Abs,
    /// x².
    square: Square,
    /// √x, for x ≥ 0.
    sqrt: Sqrt,
    /// max(x, 0).
    relu: Relu,
    /// min(x, 80), below which eˣ is finite. Its derivative is 1 throughout, so that a value beyond
    /// can come back.
    capped: Capped,
    /// eˣ.
    exp: Exp,
    /// eˣ − 1, with all digits about 0.
    expm1: Expm1,
    /// eˣ − 1 − x, with all digits about 0.
    expm1_minus: Expm1Minus,
    /// ln x, for x > 0.
    ln: Ln,
    /// ln(1 + x), for x > −1, with all digits about 0.
    ln1p: Ln1p,
    /// ln(1 + eˣ).
    softplus: Softplus,
    /// 1 / (1 + e⁻ˣ).
    sigmoid: Sigmoid,
    /// tanh x.
    tanh: Tanh,
    /// x where it is positive, elsewhere eˣ − 1.
    elu: Elu,
    /// sin x.
    sin: Sin,
    /// cos x.
    cos: Cos,
    /// The error function, 2/√π ∫₀ˣ exp(−t²) dt.
    erf: Erf,
    /// ln Γ(x), for x > 0.
    lgamma: Lgamma,
    /// ψ(x) = d/dx ln Γ(x), for x > 0.
    digamma: Digamma,
    /// ψ′(x), for x > 0.
    trigamma: Trigamma,
    /// ln(sinh x / x), 0 at 0.
    ln_sinhc: LnSinhc,
    /// coth x − 1/x, 0 at 0: the derivative of ln(sinh x / x).
    langevin: Langevin,
    /// 1/x² − 1/sinh² x, ⅓ at 0: the derivative of coth x − 1/x.
    langevin_slope: LangevinSlope,
}

impl Neg for Expr {
    type Output = Expr;
    fn neg(self) -> Expr {
        self.call(Function::Neg)
    }
}

impl Neg for &Expr {
    type Output = Expr;
    fn neg(self) -> Expr {
        -self.clone()
    }
}

macro_rules! operators {
    ($($operator:ident::$method:ident),*) => {$(
        impl<T: Into<Expr>> $operator<T> for Expr {
            type Output = Expr;
            fn $method(self, other: T) -> Expr {
                binary(Binary::$operator, self, other.into())
            }
        }

        impl<T: Into<Expr>> $operator<T> for &Expr {
            type Output = Expr;
            fn $method(self, other: T) -> Expr {
                binary(Binary::$operator, self.clone(), other.into())
            }
        }

        impl $operator<Expr> for f64 {
            type Output = Expr;
            fn $method(self, other: Expr) -> Expr {
                binary(Binary::$operator, constant(self), other)
            }
        }

        impl $operator<&Expr> for f64 {
            type Output = Expr;
            fn $method(self, other: &Expr) -> Expr {
                binary(Binary::$operator, constant(self), other.clone())
            }
        }
    )*};
}

operators!(Add::add, Sub::sub, Mul::mul, Div::div);
