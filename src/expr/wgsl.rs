//! Expressions as WGSL.

use std::collections::BTreeSet;

use super::function::Spelling;
use super::{Binary, Expr, Function, Sequence, Step};

/// Expressions as parts of a shader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wgsl {
    /// Definitions of the functions that are called and that WGSL has not, in the table's order.
    pub functions: String,
    /// `    let v0 = …;` and so on: what is used more than once.
    pub lets: String,
    /// The expression of each result, over operands and `lets`.
    pub results: Vec<String>,
}

/// The WGSL of these expressions, with `operands` for the operands: names or literals of f32.
///
/// # Panics
/// If there are fewer operands than are read.
pub fn wgsl(results: &[&Expr], operands: &[&str]) -> Wgsl {
    let sequence = Sequence::of(results);
    let steps = sequence.steps();
    let mut uses = vec![0; steps.len()];
    let arguments = steps.iter().flat_map(|step| step.arguments());
    for step in arguments.chain(sequence.results().iter().copied()) {
        uses[step] += 1;
    }
    let mut texts: Vec<(String, Level)> = Vec::with_capacity(steps.len());
    let mut lets = String::new();
    let mut named = 0;
    for (i, &step) in steps.iter().enumerate() {
        let (mut text, mut level) = write(step, operands, &texts);
        if uses[i] > 1 && !matches!(step, Step::Operand(_) | Step::Constant(_)) {
            let name = format!("v{named}");
            named += 1;
            lets += &format!("    let {name} = {text};\n");
            (text, level) = (name, Level::Atom);
        }
        texts.push((text, level));
    }
    let results = sequence.results().iter();
    Wgsl {
        functions: functions(steps),
        lets,
        results: results.map(|&step| texts[step].0.clone()).collect(),
    }
}

/// How tightly the root of a text binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Sum,
    Product,
    Sign,
    Atom,
}

fn write(step: Step, operands: &[&str], texts: &[(String, Level)]) -> (String, Level) {
    let at = |i: usize, least: Level| {
        let (text, level) = &texts[i];
        if *level < least {
            format!("({text})")
        } else {
            text.clone()
        }
    };
    let all = |i: usize| texts[i].0.as_str();
    match step {
        Step::Operand(index) => (operands[index].to_owned(), Level::Atom),
        Step::Constant(constant) => {
            let value = constant.value() as f32;
            let level = if value < 0.0 {
                Level::Sign
            } else {
                Level::Atom
            };
            (literal(value), level)
        }
        Step::Call(function, x) => match function.spelling() {
            Spelling::Sign => (format!("-{}", at(x, Level::Atom)), Level::Sign),
            Spelling::Builtin(name) => (format!("{name}({})", all(x)), Level::Atom),
            Spelling::Helper { .. } => {
                (format!("expr_{}({})", function.name(), all(x)), Level::Atom)
            }
        },
        Step::Binary(binary, a, b) => {
            let (operator, level, right) = match binary {
                Binary::Add => ("+", Level::Sum, Level::Product),
                Binary::Sub => ("-", Level::Sum, Level::Product),
                Binary::Mul => ("*", Level::Product, Level::Sign),
                Binary::Div => ("/", Level::Product, Level::Sign),
                Binary::Min => return (format!("min({}, {})", all(a), all(b)), Level::Atom),
                Binary::Max => return (format!("max({}, {})", all(a), all(b)), Level::Atom),
            };
            let [left, right] = [at(a, level), at(b, right)];
            match right.strip_prefix('-') {
                Some(positive) if binary == Binary::Add => {
                    (format!("{left} - {positive}"), Level::Sum)
                }
                Some(_) => (format!("{left} {operator} ({right})"), level),
                None => (format!("{left} {operator} {right}"), level),
            }
        }
        Step::Select {
            less: (a, b),
            yes,
            no,
        } => {
            let [a, b] = [a, b].map(|i| at(i, Level::Sum));
            let text = format!("select({}, {}, {a} < {b})", all(no), all(yes));
            (text, Level::Atom)
        }
    }
}

/// An f32 to its last bit.
fn literal(value: f32) -> String {
    format!("{value:?}f")
}

/// The definitions of the functions that these steps call, and of those that they call in turn.
fn functions(steps: &[Step]) -> String {
    let mut called = BTreeSet::new();
    let mut waiting: Vec<Function> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Call(function, _) => Some(*function),
            _ => None,
        })
        .collect();
    while let Some(function) = waiting.pop() {
        if let Spelling::Helper { calls, .. } = function.spelling()
            && called.insert(function)
        {
            waiting.extend(calls);
        }
    }
    let sources = called.iter().filter_map(|function| function.source());
    sources.collect::<Vec<_>>().join("\n")
}
