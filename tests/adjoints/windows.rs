//! Columns side by side, parts of them, and other shapes.

use vae_wgpu::expr;
use vae_wgpu::graph::{Graph, Operand, Transposed};
use vae_wgpu::reference::{Context, Values, evaluate};

use crate::{BATCH, WIDTH, check, finish, operand};

#[test]
fn concatenations() {
    check(|g| {
        let (a, b) = (operand(g, "a"), operand(g, "b"));
        let label = g.input("label", [BATCH, 2]);
        let both = g.concat("both", a, b);
        let all = g.concat("all", both, label);
        let weight = g.parameter("weight", [WIDTH, 2 * WIDTH + 2]);
        let bias = g.parameter("bias", [WIDTH]);
        let y = g.linear("y", all, weight, bias);
        finish(g, y);
    });
}

/// Columns of several places, some of which are read twice and some never.
#[test]
fn slices() {
    check(|g| {
        let x = operand(g, "x");
        let right = g.slice("right", x, 1, WIDTH - 1);
        let all = g.slice("all", right, 0, WIDTH - 1);
        let middle = g.slice("middle", x, 1, 1);
        let y = g.concat("y", all, middle);
        finish(g, y);
        // Of a parameter, whose gradient is a tensor of its own.
        let weight = g.parameter("weight", [2, WIDTH]);
        let whole = g.slice("whole", weight, 0, WIDTH);
        let rows = g.row_sum(
            "whole.rows",
            [2, WIDTH],
            expr::operand(0).sin(),
            &[whole.into()],
        );
        g.add_term("whole", rows, 0.3);
    });
}

#[test]
fn pads() {
    check(|g| {
        let x = operand(g, "x");
        let narrow = g.slice("narrow", x, 0, WIDTH - 2);
        let [both, left, right] =
            [(1, 1), (2, 0), (0, 2)].map(|(before, after)| g.pad("padded", narrow, before, after));
        let product = expr::operand(0).exp() * expr::operand(1) + expr::operand(2);
        let operands = [both, left, right].map(Operand::from);
        let y = g.pointwise("y", [BATCH, WIDTH], product, &operands);
        finish(g, y);
    });
    let mut g = Graph::new();
    let x = g.input("x", [2, 2]);
    let padded = g.pad("padded", x, 1, 2);
    let mut values = Values::<f64>::new(&g);
    values.set(x, vec![1.0, 2.0, 3.0, 4.0]);
    evaluate(&g, &mut values, Context::default(), |_, _| true);
    let expected = [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0];
    assert_eq!(values.get(padded), expected);
}

/// Of what is computed, of a parameter, of a view, and read in both shapes.
#[test]
fn reshapes() {
    check(|g| {
        let x = operand(g, "x");
        let flat = g.reshape("flat", x, [BATCH * WIDTH]);
        let again = g.reshape("again", flat, [WIDTH, BATCH]);
        let weight = g.parameter("weight", [2, BATCH]);
        let squared = g.reshape("weight as rows", weight, [BATCH, 2]);
        let y = g.product("y", again, squared, Transposed::Neither);
        let rows = g.row_sum("y.rows", [WIDTH, 2], expr::operand(0).sin(), &[y.into()]);
        g.add_term("y", rows, 0.4);
        let rows = g.row_sum(
            "weight.rows",
            [2, BATCH],
            expr::operand(0).exp(),
            &[weight.into()],
        );
        g.add_term("weight", rows, 0.2);
        finish(g, x);
    });
}

#[test]
#[should_panic(expected = "y: [3, 2] as [5]")]
fn a_reshape_keeps_all_values() {
    let mut g = Graph::new();
    let x = g.input("x", [3, 2]);
    g.reshape("y", x, [5]);
}
