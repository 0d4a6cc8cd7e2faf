//! The readings of an expression against each other.

use super::*;

/// A generator of 64-bit words (SplitMix64), the same in every run.
struct Words(u64);

impl Words {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as usize % bound
    }

    /// Of U(low, high).
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.below(1 << 30) as f64 / f64::from(1 << 30)
    }

    /// A random tree over three operands, of bounded values: functions that need it are given what is
    /// positive.
    fn tree(&mut self, depth: usize) -> Expr {
        if depth == 0 {
            return match self.below(4) {
                0 => constant((self.below(17) as f64 - 8.0) / 4.0),
                n => operand(n - 1),
            };
        }
        let a = self.tree(depth - 1);
        let depth_of_b = self.below(depth);
        let b = self.tree(depth_of_b);
        match self.below(12) {
            0 => a + b,
            1 => a - b,
            2 => a.tanh() * b,
            3 => a / (b.square() + 1.0),
            4 => a.min(b),
            5 => a.max(b),
            6 => {
                let [yes, no] = [self.tree(depth - 1), self.tree(depth_of_b)];
                less(a, b, yes, no)
            }
            7 => -a,
            8 => a.clamp(-1.5, 2.5),
            _ => {
                let function = Function::ALL[self.below(Function::ALL.len())];
                bounded_argument(function, a).call(function)
            }
        }
    }
}

/// The argument, brought to where the function is defined and below e³.
fn bounded_argument(function: Function, x: Expr) -> Expr {
    match function {
        Function::Sqrt
        | Function::Ln
        | Function::Lgamma
        | Function::Digamma
        | Function::Trigamma => x.softplus() + 0.25,
        Function::Ln1p => x.softplus() - 0.5,
        _ => 3.0 * x.tanh(),
    }
}

fn has_slope(expr: &Expr) -> bool {
    let sequence = Sequence::of(&[expr]);
    let mut steps = sequence.steps().iter();
    steps.all(|step| !matches!(step, Step::Call(function, _) if !function.has_slope()))
}

/// By central differences, of an expression that is smooth about there.
fn differences(expr: &Expr, at: &[f64], by: usize) -> f64 {
    let moved = |step: f64| {
        let mut at = at.to_vec();
        at[by] += step;
        expr.evaluate(&at)
    };
    let step = 1e-4;
    // Of the fourth order.
    (8.0 * (moved(step) - moved(-step)) - (moved(2.0 * step) - moved(-2.0 * step))) / (12.0 * step)
}

#[test]
fn slopes_of_functions() {
    for &function in Function::ALL.iter().filter(|f| f.has_slope()) {
        let expr = operand(0).call(function);
        for x in [0.3, 0.7, 1.2, 1.9, 2.6, 5.0, 11.0] {
            let positive = bounded_argument(function, operand(0)).evaluate(&[x]) > 3.0;
            let points: &[f64] = if positive
                || matches!(
                    function,
                    Function::Ln | Function::Lgamma | Function::Digamma | Function::Sqrt
                ) {
                &[x]
            } else if function == Function::Ln1p {
                &[x, -0.5]
            } else {
                &[x, -x]
            };
            for &x in points {
                let [found, expected] = [
                    expr.derivative(0).evaluate(&[x]),
                    differences(&expr, &[x], 0),
                ];
                assert!(
                    (found - expected).abs()
                        <= 1e-9 * (1.0 + expected.abs() + expr.evaluate(&[x]).abs()),
                    "{function:?} at {x}: {found} and {expected}"
                );
            }
        }
    }
}

/// Where a tree has a corner nearby, differences over two steps disagree and the point is passed over.
#[test]
fn slopes_of_random_trees() {
    let mut words = Words(1);
    let mut compared = 0;
    for _ in 0..2000 {
        let expr = words.tree(4);
        if !has_slope(&expr) {
            continue;
        }
        let at: Vec<f64> = (0..3).map(|_| words.uniform(-2.0, 2.0)).collect();
        for by in 0..3 {
            let expected = differences(&expr, &at, by);
            let found = expr.derivative(by).evaluate(&at);
            let nearby = [1e-3, -1e-3].map(|step| {
                let mut at = at.clone();
                at[by] += step;
                expr.derivative(by).evaluate(&at)
            });
            let bend = nearby
                .iter()
                .map(|slope| (slope - found).abs())
                .fold(0.0, f64::max);
            if bend > 0.05 * (1.0 + found.abs()) {
                continue;
            }
            compared += 1;
            assert!(
                (found - expected).abs() <= 1e-6 * (1.0 + expected.abs()),
                "{}, by {by} at {at:?}: {found} and {expected}",
                expr.text(&["a", "b", "c"])
            );
        }
    }
    assert!(compared > 2000, "{compared} compared");
}

#[test]
fn identities() {
    let [a, b] = [operand(0), operand(1)];
    assert_eq!((&a + 1.0) - 1.0, a);
    assert_eq!(1.0 - (1.0 - &a), a);
    assert_eq!((&a - 3.0) + 3.0, a);
    assert_eq!(&a * 0.0, constant(0.0));
    assert_eq!(1.0 * &a, a);
    assert_eq!(&a / 1.0, a);
    assert_eq!(2.0 * (0.5 * &a), a);
    assert_eq!(-(-&a), a);
    assert_eq!(&a - &a, constant(0.0));
    assert_eq!(&a - (-&b), &a + &b);
    assert_eq!((-&a) * (-&b), &a * &b);
    assert_eq!(constant(2.0) + 3.0, constant(5.0));
    assert_eq!(constant(0.0).exp(), constant(1.0));
    assert_eq!(constant(-0.0), constant(0.0));
    assert_eq!(less(1.0, 2.0, &a, &b), a);
    assert_eq!(less(&a, &b, &a, &a), a);
}

#[test]
fn derivatives_are_simple() {
    let [a, b] = [operand(0), operand(1)];
    let names = ["a", "b"];
    let text = |e: Expr| e.derivative(0).text(&names);
    assert_eq!(text(a.sigmoid()), "sigmoid(a) * (1 - sigmoid(a))");
    assert_eq!(text(a.tanh()), "1 - tanh(a)^2");
    assert_eq!(text(a.relu()), "if 0 < relu(a) then 1 else 0");
    assert_eq!(text(a.square()), "2 * a");
    assert_eq!(text(a.softplus() - &a * &b), "sigmoid(a) - b");
    assert_eq!(text(0.5 * (&a - &b).square()), "a - b");
    assert_eq!(text(a.lgamma()), "digamma(a)");
    assert_eq!(b.exp().derivative(0), constant(0.0));
    // A value beyond the cap can come back.
    assert_eq!(a.capped().derivative(0), constant(1.0));
    assert_eq!(a.capped().evaluate(&[100.0]), 80.0);
    let clamp = a.clamp(-1.0, 1.0).derivative(0);
    let slopes = [-1.5, -1.0, 0.0, 1.0, 1.5].map(|x| clamp.evaluate(&[x]));
    assert_eq!(slopes, [0.0, 1.0, 1.0, 1.0, 0.0]);
    let abs = a.abs().derivative(0);
    assert_eq!(
        [-2.0, 0.0, 2.0].map(|x| abs.evaluate(&[x])),
        [-1.0, 0.0, 1.0]
    );
}

#[test]
fn operands_are_counted_and_replaced() {
    let [a, c] = [operand(0), operand(2)];
    let expr = a.exp() * &c;
    assert_eq!(expr.arity(), 3);
    assert_eq!([0, 1, 2].map(|i| expr.reads(i)), [true, false, true]);
    let replaced = expr.substitute(&[c.clone(), constant(0.0), a.clone()]);
    assert_eq!(replaced, c.exp() * &a);
    assert_eq!(constant(1.0).arity(), 0);
    let y = a.sigmoid();
    assert_eq!(y.derivative(0).replace(&y, &c), &c * (1.0 - &c));
    assert_eq!(y.replace(&c, &a), y);
}

#[test]
fn text() {
    let [x, y] = [operand(0), operand(1)];
    let of = |e: Expr| e.text(&["x", "y"]);
    assert_eq!(of(0.5 * (&y - &x).square()), "0.5 * (y - x)^2");
    assert_eq!(of(&x - (&y - 1.0)), "x - (y - 1)");
    assert_eq!(of(&x / (&y * &x)), "x / (y * x)");
    assert_eq!(of(-(&x + &y)), "-(x + y)");
    assert_eq!(
        of(less(&x, 0.1_f32 as f64, &y, 1.0)),
        "if x < 0.1 then y else 1"
    );
    assert_eq!(of(x.max(&y).ln()), "ln(max(x, y))");
    assert_eq!(operand(7).text(&[]), "#7");
}

#[test]
fn common_parts_are_computed_once() {
    let [x, y] = [operand(0), operand(1)];
    let part = (&x - &y).square();
    let again = (&x - &y).square();
    let found = wgsl(&[&(&part * 2.0), &(again + 1.0)], &["x", "y"]);
    assert_eq!(found.lets, "    let v0 = expr_square(x - y);\n");
    assert_eq!(found.results, ["2.0f * v0", "v0 + 1.0f"]);
    assert_eq!(found.functions.matches("fn ").count(), 1);
    let softplus = wgsl(&[&x.softplus()], &["x"]);
    assert_eq!(softplus.functions.matches("fn expr_ln1p").count(), 1);
}

#[test]
fn wgsl_keeps_the_order_of_operations() {
    let [x, y] = [operand(0), operand(1)];
    let of = |e: Expr| wgsl(&[&e], &["x", "y"]).results.remove(0);
    assert_eq!(of(&x - (&y - &x)), "x - (y - x)");
    assert_eq!(of(&x - 1.0), "x - 1.0f");
    assert_eq!(of(-&x), "-x");
    assert_eq!(of(-(&x + &y)), "-(x + y)");
    assert_eq!(of(&x / (-2.0 * &y)), "x / (-2.0f * y)");
    assert_eq!(of(less(&x, &y, 1.0, &x)), "select(x, 1.0f, x < y)");
    assert_eq!(of(x.max(-3.0)), "max(x, -3.0f)");
}

/// The shader as naga reads it.
fn assert_valid(expr: &Expr) {
    let parts = wgsl(&[expr], &["a", "b", "c"]);
    let source = format!(
        "{}\nfn value(a: f32, b: f32, c: f32) -> f32 {{\n{}    return {};\n}}\n",
        parts.functions, parts.lets, parts.results[0]
    );
    let module = naga::front::wgsl::parse_str(&source)
        .unwrap_or_else(|e| panic!("{}\n{source}", e.emit_to_string(&source)));
    let flags = naga::valid::ValidationFlags::all();
    naga::valid::Validator::new(flags, naga::valid::Capabilities::empty())
        .validate(&module)
        .unwrap_or_else(|e| panic!("{}\n{source}", e.emit_to_string(&source)));
}

#[test]
fn wgsl_is_valid() {
    let mut words = Words(2);
    for &function in Function::ALL {
        assert_valid(&operand(0).call(function));
        if let Some(source) = function.source() {
            assert!(
                source.starts_with("// "),
                "{function:?} opens with a comment"
            );
            let definition = format!("fn expr_{}(x: f32) -> f32 {{", function.name());
            assert!(source.contains(&definition), "{function:?}");
        }
    }
    for _ in 0..300 {
        let expr = words.tree(4);
        assert_valid(&expr);
        if has_slope(&expr) {
            assert_valid(&expr.derivative(0));
        }
    }
}

/// The f32 reading rounds once a step, which is no more than a GPU may.
#[test]
fn bounds_hold_in_f32() {
    let mut words = Words(3);
    for _ in 0..2000 {
        let expr = words.tree(4);
        let at: Vec<f32> = (0..3).map(|_| words.uniform(-2.0, 2.0) as f32).collect();
        let bound = expr.bounded(&at);
        let difference = (f64::from(expr.evaluate(&at)) - bound.value).abs();
        assert!(
            difference <= bound.error,
            "{expr:?} at {at:?}: {difference}, {bound:?}"
        );
        let wide: Vec<f64> = at.iter().map(|&x| x.into()).collect();
        assert_eq!(bound.value, expr.evaluate(&wide));
    }
}

#[test]
fn bounds_are_not_idle() {
    let x = operand(0);
    let bound = (&x + 1.0).bounded(&[1.0]);
    assert_eq!(bound.value, 2.0);
    assert!(bound.error > 1e-8 && bound.error < 2e-7, "{bound:?}");
    assert!(x.exp().bounded(&[1.0]).error < 2e-6);
    // Past an overflow, nothing is promised; of what is read of it, what can be.
    assert_eq!(x.exp().bounded(&[200.0]).error, f64::INFINITY);
    assert!(x.exp().sigmoid().bounded(&[200.0]).error < 1e-6);
    assert_eq!((1.0 / &x).bounded(&[1e-40]).error, f64::INFINITY);
}

#[test]
fn deep_sharing_is_no_work() {
    let mut x = operand(0);
    for _ in 0..60 {
        x = (&x + &x).tanh();
    }
    let slope = x.derivative(0);
    assert!(slope.evaluate(&[0.1_f64]).is_finite());
    assert_eq!(x.substitute(&[operand(1)]).arity(), 2);
}
