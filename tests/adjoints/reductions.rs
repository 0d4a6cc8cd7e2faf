//! Reductions of consecutive rows, and rows of a table by an index.

use vae_wgpu::expr;
use vae_wgpu::graph::{Activation, Graph, Operand, Reduction};
use vae_wgpu::reference::{Context, Values, evaluate};

use crate::{BATCH, WIDTH, check, finish, operand};

#[test]
fn reductions() {
    for function in [Reduction::Sum, Reduction::LogSumExp, Reduction::Max] {
        check(|g| {
            let each = operand(g, "each");
            let factor = g.input("factor", [3 * BATCH, WIDTH]);
            let product = expr::operand(0) * expr::operand(1);
            let operands = [Operand::from(each).repeated(3), factor.into()];
            let x = g.pointwise("x", [3 * BATCH, WIDTH], product.clone(), &operands);
            let y = g.reduce("y", function, x, 3);
            finish(g, y);
            // Of rows, too.
            let rows = g.row_sum("x.rows", [3 * BATCH, WIDTH], product.sin(), &operands);
            let rows = g.reduce("rows", function, rows, 3);
            g.add_term("reduced", rows, 0.2);
        });
    }
}

/// By hand: of several largest values the first has the gradient, and an index sends none back.
#[test]
fn the_first_of_the_largest_has_the_gradient() {
    let mut g = Graph::new();
    let x = g.parameter("x", [6, 2]);
    let largest = g.reduce("largest", Reduction::Max, x, 3);
    let which = g.reduce("which", Reduction::ArgMax, x, 3);
    let product = expr::operand(0) * (1.0 + expr::operand(1));
    let rows = g.row_sum("rows", [2, 2], product, &[largest.into(), which.into()]);
    g.add_term("rows", rows, 2.0);
    g.differentiate();
    let mut values = Values::<f64>::new(&g);
    values.set(
        x,
        vec![
            1.0, 5.0, 4.0, 5.0, 4.0, 2.0, -3.0, -2.0, -4.0, -1.0, -3.0, 0.0,
        ],
    );
    evaluate(&g, &mut values, Context::default(), |_, _| true);
    assert_eq!(values.get(largest), [4.0, 5.0, -3.0, 0.0]);
    assert_eq!(values.get(which), [1.0, 0.0, 0.0, 2.0]);
    let &[(_, gradient)] = g.gradients() else {
        panic!("one parameter")
    };
    let expected = [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 3.0];
    assert_eq!(values.get(gradient), expected);
}

/// Rows that several indices mean, and some that none does.
#[test]
fn lookups() {
    check(|g| {
        let table = operand(g, "table");
        let scores = g.input("scores", [3 * BATCH]);
        let index = g.reduce("index", Reduction::ArgMax, scores, 3);
        let y = g.lookup("y", table, index);
        finish(g, y);
        // Of single values, too.
        let values = g.row_sum(
            "values",
            [BATCH, WIDTH],
            expr::operand(0).sin(),
            &[table.into()],
        );
        let rows = g.lookup("rows", values, index);
        let rows = g.activation("rows.tanh", Activation::Tanh, rows);
        g.add_term("looked up", rows, 0.3);
    });
}

/// By hand: what is outside counts as the nearest inside, backward as forward.
#[test]
fn indices_outside_are_the_nearest_inside() {
    let mut g = Graph::new();
    let table = g.parameter("table", [3, 2]);
    let index = g.input("index", [4]);
    let y = g.lookup("y", table, index);
    let hot = g.one_hot_of("hot", index, 3);
    let factors = g.input("factors", [4]);
    let product = expr::operand(0) * expr::operand(1);
    let rows = g.row_sum("rows", [4, 2], product, &[y.into(), Operand::row(factors)]);
    g.add_term("rows", rows, 4.0);
    g.differentiate();
    let mut values = Values::<f64>::new(&g);
    values.set(table, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    values.set(index, vec![-7.0, 2.0, 0.0, 9.0]);
    values.set(factors, vec![1.0, 10.0, 100.0, 1000.0]);
    evaluate(&g, &mut values, Context::default(), |_, _| true);
    assert_eq!(values.get(y), [1.0, 2.0, 5.0, 6.0, 1.0, 2.0, 5.0, 6.0]);
    let expected = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    assert_eq!(values.get(hot), expected);
    let &[(_, gradient)] = g.gradients() else {
        panic!("one parameter")
    };
    assert_eq!(
        values.get(gradient),
        [101.0, 101.0, 0.0, 0.0, 1010.0, 1010.0]
    );
}

#[test]
#[should_panic(expected = "y: indices [5, 2] of a table [3]")]
fn a_row_has_one_index() {
    let mut g = Graph::new();
    let table = g.parameter("table", [3]);
    let index = g.input("index", [5, 2]);
    g.lookup("y", table, index);
}
