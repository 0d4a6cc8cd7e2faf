//! Twin of the kernels `update_subgroups` and `update_tiled`: the gradients of weights and biases, and
//! Adam on them.

use super::real::Real;
use super::{adam, column_sum, gemm};
use crate::graph::{Optimizer, Transposed};
use crate::kernels::Address;
use crate::kernels::rows::Tensor;
use crate::kernels::update::Layer;

/// What is updated, with the layout that the layers name.
#[derive(Debug)]
pub struct Trained<'a, T> {
    /// All weights and biases.
    pub parameters: &'a mut [T],
    /// First moments.
    pub m: &'a mut [T],
    /// Second moments.
    pub v: &'a mut [T],
}

/// The gradients of a layer's weight `[fan_out, fan_in]` and bias `[fan_out]`, from the gradient of
/// its outputs `[rows, fan_out]` and its inputs `[rows, fan_in]` on the tape.
pub fn gradients<T: Real>(layer: &Layer, rows: usize, tape: &[T]) -> (Vec<T>, Vec<T>) {
    let [fan_out, fan_in] = [layer.fan_out, layer.fan_in];
    let read = |at, width| Tensor::whole(at, width).read(tape, rows);
    let (d_y, x) = (read(layer.d_y, fan_out), read(layer.x, fan_in));
    (
        gemm::product([&d_y, &x], Transposed::Left, None, [fan_out, fan_in, rows]),
        column_sum::value(&d_y, [rows, fan_out]),
    )
}

/// Updates all layers in place, without clipping; `step` counts the steps that have begun, so it is 1 in the first.
pub fn update<T: Real>(
    layers: &[Layer],
    rows: usize,
    optimizer: &Optimizer,
    step: u32,
    tape: &[T],
    trained: &mut Trained<'_, T>,
) {
    for layer in layers {
        let (weight, bias) = gradients(layer, rows, tape);
        let mut apply = |at: Address, gradients: &[T]| {
            let mut rest = gradients;
            for of in at.pieces(gradients.len()) {
                let (of_piece, others) = rest.split_at(of.len());
                rest = others;
                adam::update(
                    optimizer,
                    step - 1,
                    1.0,
                    of_piece,
                    &mut trained.parameters[of.clone()],
                    &mut trained.m[of.clone()],
                    &mut trained.v[of],
                );
            }
        };
        apply(layer.weight, &weight);
        if let Some(at) = layer.bias {
            apply(at, &bias);
        }
    }
}
