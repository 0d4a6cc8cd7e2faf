//! Columns of categories: the softmax of as many logits as the column has words.
//!
//! Columns of any numbers of words are computed together. eˡ of all words `[R, Σ K]` times a matrix of 0 and 1
//! `[Σ K, C]`, which says which word is of which column, is the sum S of each column; then −ln p of a row is
//! Σ_c m_c·ln S_c − Σ_k x_k·l_k, where m is 1 for a cell that is there and x is 0 for all words but one, and for all
//! words of a cell that is missing. Logits are held within ±15, so that S is a number that f32 and a GPU's matrix
//! units have: no word is less likely than e⁻³⁰ of another, 10⁻¹³.

use super::Cells;
use crate::expr::{Expr, operand};
use crate::graph::{Graph, Operand, TensorId, Transposed};

/// The largest logit, and the negative of the least.
const MOST: f64 = 15.0;

fn logit() -> Expr {
    operand(0).clamp(-MOST, MOST)
}

/// 1 where a word is of a column, `[Σ K, C]`.
fn membership(g: &mut Graph, words: &[usize]) -> TensorId {
    let columns = words.len();
    let rows = words.iter().enumerate().flat_map(|(column, &count)| {
        let row = (0..columns).map(move |other| f32::from(other == column));
        std::iter::repeat_n(row, count).flatten()
    });
    let values: Vec<f32> = rows.collect();
    let shape = [words.iter().sum(), columns];
    g.values("words.of", shape, values)
}

/// eˡ of each word `[R, Σ K]`, the matrix, and S of each column `[R, C]`.
fn weights(g: &mut Graph, outputs: TensorId, words: &[usize]) -> [TensorId; 3] {
    let shape = [g.shape(outputs).rows(), g.shape(outputs).columns()];
    let each = g.pointwise("words.exp", shape, logit().exp(), &[outputs.into()]);
    let of = membership(g, words);
    let sums = g.product("words.sums", each, of, Transposed::Neither);
    [each, of, sums]
}

/// m·ln S of a column, from S and m (operands 0 and 1). Each S is at least e⁻¹⁵, whatever a product rounds.
fn normaliser(cells: &Cells) -> Expr {
    cells.masked(operand(0).max((-MOST).exp()).ln(), 1)
}

/// x·l of a word (operands 1 and 0).
fn chosen() -> Expr {
    operand(1) * logit()
}

/// −ln p of the categories of each row that are there, `[R]`.
pub(super) fn nll(g: &mut Graph, name: &str, cells: &Cells, words: &[usize]) -> TensorId {
    let [_, _, sums] = weights(g, cells.outputs, words);
    let rows = cells.shape[0];
    let shape = [rows, words.len()];
    let operands = [sums.into(), cells.mask.unwrap_or(sums.into())];
    let sums = g.row_sum(&format!("{name}.sums"), shape, normaliser(cells), &operands);
    let operands = [cells.outputs.into(), cells.x];
    let chosen = g.row_sum(&format!("{name}.chosen"), cells.shape, chosen(), &operands);
    let operands = [sums.into(), chosen.into()];
    g.pointwise(name, [rows, 1], operand(0) - operand(1), &operands)
}

/// The same of each column, `[R, C]`.
pub(super) fn each(g: &mut Graph, cells: &Cells, words: &[usize]) -> TensorId {
    let [_, of, sums] = weights(g, cells.outputs, words);
    let operands = [cells.outputs.into(), cells.x];
    let chosen = g.pointwise("cells.chosen", cells.shape, chosen(), &operands);
    let chosen = g.product("cells.of", chosen, of, Transposed::Neither);
    let nll = normaliser(cells) - operand(2);
    let mask = cells.mask.unwrap_or(sums.into());
    let shape = [cells.shape[0], words.len()];
    g.pointwise(
        "cells.words",
        shape,
        nll,
        &[sums.into(), mask, chosen.into()],
    )
}

/// The probability of each word, `[R, Σ K]`.
pub(super) fn mean(g: &mut Graph, outputs: TensorId, words: &[usize]) -> TensorId {
    let [each, of, sums] = weights(g, outputs, words);
    let own = g.product("words.total", sums, of, Transposed::Right);
    let shape = [g.shape(each).rows(), g.shape(each).columns()];
    let operands: [Operand; 2] = [each.into(), own.into()];
    g.pointwise("mean.words", shape, operand(0) / operand(1), &operands)
}
