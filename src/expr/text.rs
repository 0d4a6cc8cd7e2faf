//! An expression as text for people.

use super::{Binary, Expr, Function, Node};

/// How tightly the root of a text binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Choice,
    Sum,
    Product,
    Sign,
    Power,
    Atom,
}

impl Expr {
    /// The formula, with `names` for the operands. An operand without a name is `#` and its number.
    pub fn text(&self, names: &[&str]) -> String {
        write(self, names).0
    }
}

fn write(expr: &Expr, names: &[&str]) -> (String, Level) {
    let at = |e: &Expr, least: Level| {
        let (text, level) = write(e, names);
        if level < least {
            format!("({text})")
        } else {
            text
        }
    };
    let all = |e: &Expr| write(e, names).0;
    match expr.node() {
        Node::Operand(index) => match names.get(*index) {
            Some(name) => ((*name).to_owned(), Level::Atom),
            None => (format!("#{index}"), Level::Atom),
        },
        Node::Constant(constant) => {
            let value = constant.value();
            let level = if value < 0.0 {
                Level::Sign
            } else {
                Level::Atom
            };
            (number(value), level)
        }
        Node::Call(Function::Neg, x) => (format!("-{}", at(x, Level::Product)), Level::Sign),
        Node::Call(Function::Square, x) => (format!("{}^2", at(x, Level::Atom)), Level::Power),
        Node::Call(function, x) => (format!("{}({})", function.name(), all(x)), Level::Atom),
        Node::Binary(binary, a, b) => match (binary, b.as_constant()) {
            (Binary::Add, Some(c)) if c < 0.0 => {
                let text = format!("{} - {}", at(a, Level::Sum), number(-c));
                (text, Level::Sum)
            }
            (Binary::Add, _) => {
                let text = format!("{} + {}", at(a, Level::Sum), at(b, Level::Product));
                (text, Level::Sum)
            }
            (Binary::Sub, _) => {
                let text = format!("{} - {}", at(a, Level::Sum), at(b, Level::Product));
                (text, Level::Sum)
            }
            (Binary::Mul, _) => {
                let text = format!("{} * {}", at(a, Level::Product), at(b, Level::Power));
                (text, Level::Product)
            }
            (Binary::Div, _) => {
                let text = format!("{} / {}", at(a, Level::Product), at(b, Level::Power));
                (text, Level::Product)
            }
            (Binary::Min, _) => (format!("min({}, {})", all(a), all(b)), Level::Atom),
            (Binary::Max, _) => (format!("max({}, {})", all(a), all(b)), Level::Atom),
        },
        Node::Select {
            less: (a, b),
            yes,
            no,
        } => {
            let [a, b, yes] = [a, b, yes].map(|e| at(e, Level::Sum));
            let text = format!("if {a} < {b} then {yes} else {}", all(no));
            (text, Level::Choice)
        }
    }
}

/// The shortest text of a number, that of f32 where it is one.
fn number(value: f64) -> String {
    let narrow = value as f32;
    let plain = if f64::from(narrow) == value {
        [narrow.to_string(), format!("{narrow:e}")]
    } else {
        [value.to_string(), format!("{value:e}")]
    };
    let [plain, scientific] = plain;
    if plain.len() > scientific.len() + 4 {
        scientific
    } else {
        plain
    }
}
