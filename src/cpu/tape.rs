//! Expressions as instructions over some hundred elements at a time.
//!
//! Each instruction is a loop over one chunk of each argument, which compilers turn into vector
//! instructions. A chunk of every intermediate result lies in the first level of the cache, and what is
//! paid for each instruction, to find out what it is, is paid for the whole chunk.

use super::{beside, math};
use crate::expr::{Binary, Function, Sequence, Step};

/// The most elements that an instruction works on at once: 2 KiB.
pub(super) const CHUNK: usize = 512;

/// What an instruction reads.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Argument {
    /// An operand of the expressions.
    Operand(usize),
    /// An intermediate result.
    Slot(usize),
    Constant(f32),
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Call(Function, Argument),
    Binary(Binary, Argument, Argument),
    /// `yes` where the first is less than the second, elsewhere `no`.
    Select(Argument, Argument, Argument, Argument),
}

#[derive(Clone, Copy, Debug)]
struct Instruction {
    operation: Operation,
    /// The slot that its result goes to, which is none of those that it reads.
    to: usize,
}

/// Several expressions over the same operands.
#[derive(Clone, Debug)]
pub(super) struct Tape {
    instructions: Vec<Instruction>,
    results: Vec<Argument>,
    slots: usize,
}

impl Tape {
    /// The instructions of a sequence, with as few slots as its results' lifetimes allow.
    pub(super) fn new(sequence: &Sequence) -> Self {
        let steps = sequence.steps();
        let mut last_read = vec![0; steps.len()];
        for (number, step) in steps.iter().enumerate() {
            step.arguments()
                .into_iter()
                .for_each(|a| last_read[a] = number);
        }
        for &result in sequence.results() {
            last_read[result] = steps.len();
        }
        let mut tape = Self {
            instructions: Vec::new(),
            results: Vec::new(),
            slots: 0,
        };
        let mut free: Vec<usize> = Vec::new();
        let mut arguments: Vec<Argument> = Vec::with_capacity(steps.len());
        for (number, &step) in steps.iter().enumerate() {
            let of = |step: usize| arguments[step];
            let operation = match step {
                Step::Operand(index) => {
                    arguments.push(Argument::Operand(index));
                    continue;
                }
                Step::Constant(constant) => {
                    arguments.push(Argument::Constant(constant.value() as f32));
                    continue;
                }
                Step::Call(function, x) => Operation::Call(function, of(x)),
                Step::Binary(binary, a, b) => Operation::Binary(binary, of(a), of(b)),
                Step::Select {
                    less: (a, b),
                    yes,
                    no,
                } => Operation::Select(of(a), of(b), of(yes), of(no)),
            };
            let to = free.pop().unwrap_or_else(|| {
                tape.slots += 1;
                tape.slots - 1
            });
            tape.instructions.push(Instruction { operation, to });
            let mut read = step.arguments();
            read.sort_unstable();
            read.dedup();
            for argument in read {
                if let Argument::Slot(slot) = arguments[argument]
                    && last_read[argument] == number
                {
                    free.push(slot);
                }
            }
            arguments.push(Argument::Slot(to));
        }
        tape.results = sequence.results().iter().map(|&r| arguments[r]).collect();
        tape
    }

    /// Values of scratch memory that [`Tape::run`] asks for.
    pub(super) fn scratch(&self) -> usize {
        self.slots * CHUNK
    }

    /// Computes the results at `len` elements, at most [`CHUNK`], and gives each to `store` with its number.
    #[inline(always)]
    pub(super) fn run(
        &self,
        operands: &[&[f32]],
        len: usize,
        scratch: &mut [f32],
        mut store: impl FnMut(usize, Values<'_>),
    ) {
        let (slots, _) = scratch.as_chunks_mut::<CHUNK>();
        for &Instruction { operation, to } in &self.instructions {
            // The result's slot is taken out, so that the others can be read while it is written.
            let (before, rest) = slots.split_at_mut(to);
            let Some((result, after)) = rest.split_first_mut() else {
                unreachable!("the scratch memory has a chunk for each slot")
            };
            let slot = |number: usize| match number < to {
                true => &before[number],
                false => &after[number - to - 1],
            };
            let values = |argument: Argument| match argument {
                Argument::Operand(index) => Values::Each(&operands[index][..len]),
                Argument::Slot(number) => Values::Each(&slot(number)[..len]),
                Argument::Constant(value) => Values::All(value),
            };
            let result = &mut result[..len];
            match operation {
                Operation::Call(function, x) => apply(function, values(x), result),
                Operation::Binary(binary, a, b) => combine(binary, values(a), values(b), result),
                Operation::Select(a, b, yes, no) => {
                    select([values(a), values(b), values(yes), values(no)], result);
                }
            }
        }
        for (number, &result) in self.results.iter().enumerate() {
            store(
                number,
                match result {
                    Argument::Operand(index) => Values::Each(&operands[index][..len]),
                    Argument::Slot(slot) => Values::Each(&slots[slot][..len]),
                    Argument::Constant(value) => Values::All(value),
                },
            );
        }
    }
}

/// A chunk of values, or one for all elements.
#[derive(Clone, Copy)]
pub(super) enum Values<'a> {
    Each(&'a [f32]),
    All(f32),
}

impl Values<'_> {
    #[inline(always)]
    fn at(self, index: usize) -> f32 {
        match self {
            Self::Each(values) => values[index],
            Self::All(value) => value,
        }
    }

    /// Sixteen from `first` on, where there are as many.
    #[inline(always)]
    fn sixteen(self, first: usize) -> [f32; 16] {
        match self {
            Self::Each(values) => {
                let mut sixteen = [0.0; 16];
                sixteen.copy_from_slice(&values[first..first + 16]);
                sixteen
            }
            Self::All(value) => [value; 16],
        }
    }

    /// Writes them.
    #[inline(always)]
    pub(super) fn store(self, to: &mut [f32]) {
        match self {
            Self::Each(values) => to.copy_from_slice(values),
            Self::All(value) => to.fill(value),
        }
    }

    /// The sum of `len` of them from `first` on: in sixteen sums side by side, and these in pairs.
    #[inline(always)]
    pub(super) fn sum(self, first: usize, len: usize) -> f64 {
        match self {
            Self::Each(values) => sum(&values[first..first + len]),
            Self::All(value) => f64::from(value) * len as f64,
        }
    }
}

/// The sum of values: in sixteen sums side by side, and these in f64.
#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f64 {
    let (sixteens, rest) = values.as_chunks::<16>();
    let mut sums = [0.0f32; 16];
    for sixteen in sixteens {
        beside::with(&mut sums, sixteen, |sum, value| *sum += value);
    }
    // Where `Iterator::sum` begins, too: −0 changes no value that is added to it.
    let mut all = -0.0;
    for &value in &sums {
        all += f64::from(value);
    }
    for &value in rest {
        all += f64::from(value);
    }
    all
}

#[inline(always)]
fn apply(function: Function, x: Values<'_>, result: &mut [f32]) {
    macro_rules! each {
        ($($name:ident)*) => {
            match function {
                $(Function::$name => map(x, result, #[inline(always)] |x| math::call(Function::$name, x)),)*
            }
        };
    }
    each!(Neg Abs Square Sqrt Relu Capped Exp Expm1 Expm1Minus Ln Ln1p Softplus Sigmoid Elu Tanh LnSinhc
        Langevin LangevinSlope Sin Cos Erf Lgamma Digamma Trigamma)
}

#[inline(always)]
fn map(x: Values<'_>, result: &mut [f32], f: impl Fn(f32) -> f32) {
    match x {
        Values::All(x) => result.fill(f(x)),
        Values::Each(x) => {
            beside::with(
                result,
                x,
                #[inline(always)]
                |result, &x| *result = f(x),
            );
        }
    }
}

/// `yes` where the first is less than the second, elsewhere `no`.
#[inline(always)]
fn select(arguments: [Values<'_>; 4], result: &mut [f32]) {
    let of = |a: f32, b: f32, yes: f32, no: f32| if a < b { yes } else { no };
    let (sixteens, rest) = result.as_chunks_mut::<16>();
    let done = 16 * sixteens.len();
    for (block, result) in sixteens.iter_mut().enumerate() {
        let [a, b, yes, no] = arguments;
        let at = 16 * block;
        let [a, b, yes, no] = [
            a.sixteen(at),
            b.sixteen(at),
            yes.sixteen(at),
            no.sixteen(at),
        ];
        for (lane, result) in result.iter_mut().enumerate() {
            *result = of(a[lane], b[lane], yes[lane], no[lane]);
        }
    }
    for (index, result) in rest.iter_mut().enumerate() {
        let [a, b, yes, no] = arguments;
        let at = done + index;
        *result = of(a.at(at), b.at(at), yes.at(at), no.at(at));
    }
}

#[inline(always)]
fn combine(binary: Binary, a: Values<'_>, b: Values<'_>, result: &mut [f32]) {
    match binary {
        Binary::Add => both(
            a,
            b,
            result,
            #[inline(always)]
            |a, b| a + b,
        ),
        Binary::Sub => both(
            a,
            b,
            result,
            #[inline(always)]
            |a, b| a - b,
        ),
        Binary::Mul => both(
            a,
            b,
            result,
            #[inline(always)]
            |a, b| a * b,
        ),
        Binary::Div => both(
            a,
            b,
            result,
            #[inline(always)]
            |a, b| a / b,
        ),
        Binary::Min => both(a, b, result, math::min),
        Binary::Max => both(a, b, result, math::max),
    }
}

#[inline(always)]
fn both(a: Values<'_>, b: Values<'_>, result: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    match (a, b) {
        (Values::Each(a), Values::Each(b)) => {
            beside::with_two(
                result,
                a,
                b,
                #[inline(always)]
                |result, &a, &b| *result = f(a, b),
            );
        }
        (Values::Each(a), Values::All(b)) => map(
            Values::Each(a),
            result,
            #[inline(always)]
            |a| f(a, b),
        ),
        (Values::All(a), b) => map(
            b,
            result,
            #[inline(always)]
            |b| f(a, b),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{Expr, constant, less, operand};

    fn run(exprs: &[&Expr], operands: &[&[f32]], len: usize) -> Vec<Vec<f32>> {
        let tape = Tape::new(&Sequence::of(exprs));
        let mut scratch = vec![f32::NAN; tape.scratch()];
        let mut results = vec![vec![]; exprs.len()];
        tape.run(operands, len, &mut scratch, |number, values| {
            results[number] = vec![0.0; len];
            values.store(&mut results[number]);
        });
        results
    }

    /// Each step in f32 is what f64 rounded once would give, but for functions: those here are exact.
    #[test]
    fn a_tape_computes_what_its_expressions_say() {
        let [x, y, z] = [0, 1, 2].map(operand);
        let exprs = [
            &x * &y - &z / (&x + 3.0),
            less(&x, &y, z.clone(), -&x).max(constant(-0.5)) * (&x - &z),
            constant(2.5),
            y.clone(),
            (&x - &y).square() + (&x - &y).abs(),
        ];
        let values = |seed: u32| -> Vec<f32> {
            let value = |i: u32| ((i * 37 + seed * 101) % 23) as f32 * 0.25 - 2.0;
            (0..CHUNK as u32).map(value).collect()
        };
        let of = [values(1), values(2), values(3)];
        for len in [1, 7, 16, 500, CHUNK] {
            let operands: Vec<&[f32]> = of.iter().map(|o| &o[..len]).collect();
            let refs: Vec<&Expr> = exprs.iter().collect();
            for (expr, found) in exprs.iter().zip(run(&refs, &operands, len)) {
                for (i, found) in found.iter().enumerate() {
                    let expected =
                        expr.evaluate(&operands.iter().map(|o| o[i]).collect::<Vec<_>>());
                    assert_eq!(*found, expected, "{} at {i}", expr.text(&["x", "y", "z"]));
                }
            }
        }
    }

    #[test]
    fn slots_are_used_again() {
        let mut chain = operand(0);
        for n in 0..40 {
            chain = (chain + f64::from(n)).sqrt();
        }
        let tape = Tape::new(&Sequence::of(&[&chain]));
        assert_eq!(tape.slots, 2, "one that is read and one that is written");
    }

    #[test]
    fn a_sum_is_that_of_all_values() {
        for len in [0, 1, 15, 16, 17, 100] {
            let values: Vec<f32> = (0..len).map(|i| i as f32).collect();
            assert_eq!(sum(&values), (0..len).sum::<usize>() as f64);
        }
    }
}
