//! A linear layer's product as launches: one, or one for each block of a weight that is larger than
//! a binding.

use std::ops::Range;

use super::lower::Lowering;
use super::parameters::Part;
use super::recognise;
use crate::expr::operand;
use crate::fuse::task::Product;
use crate::gpu::{GpuError, Launch, Slice};
use crate::graph::{Broadcast, TensorId, Transposed};
use crate::kernels::gemm::{self, Family, Gemm, Operand, Variant};
use crate::kernels::pointwise;

impl Lowering<'_> {
    /// The launches of a product. Each block of rows of a weight belongs to as many columns of the
    /// layer's outputs: forward it computes them, and backward they give its gradient. The gradient
    /// of the inputs is a sum over the blocks, in their order.
    pub(super) fn product(&self, product: &Product) -> Result<Vec<Launch>, GpuError> {
        let Some(finish) = recognise::finish(product) else {
            unreachable!("fusion asks what a product can take along")
        };
        let of = |id: TensorId| self.buffers.of(id);
        let (left, right) = (of(product.left), of(product.right));
        let sides = product.transposed.sides();
        let operands = [Operand::of(left, sides[0]), Operand::of(right, sides[1])];
        let result = self.matrix(product.result());
        let shape = product.transposed.shape(result, self.matrix(product.left));
        let unused = self.gpu.unused();
        let whole = Gemm {
            bias: finish.bias.map(of),
            addend: finish.addend.map(of),
            activation: finish.activation,
            derivative: finish.derivative.map(|(function, id)| (function, of(id))),
            sums: product.sums.map(of),
            ..Gemm::product(shape, operands, of(product.result()), &unused)
        };
        match (self.buffers.parts(product.weight()), product.transposed) {
            ([_], _) => self.gemm(whole),
            (blocks, Transposed::Right) => self.forward(whole, blocks),
            (blocks, Transposed::Left) => self.weight_grad(whole, left, blocks),
            (blocks, Transposed::Neither) => self.input_grad(whole, left, blocks, product.result()),
        }
    }

    /// Each block gives columns of the result.
    fn forward(&self, whole: Gemm<'_>, blocks: &[Part]) -> Result<Vec<Launch>, GpuError> {
        let [m, n, k] = whole.shape;
        let launch = |part: &Part| {
            let rows = &part.rows;
            let of = |slice: &Slice| columns(slice, [m, n], rows);
            let bias = whole.bias.map(|bias| bias.part(rows.start, rows.len()));
            let addend = whole.addend.map(of);
            let output = whole.derivative.map(|(_, output)| of(output));
            let derivative = whole.derivative.zip(output.as_ref());
            self.gemm(Gemm {
                shape: [m, rows.len(), k],
                b: Operand::Transposed(&part.slice),
                bias: bias.as_ref(),
                addend: addend.as_ref(),
                derivative: derivative.map(|((function, _), output)| (function, output)),
                c: &of(whole.c),
                c_stride: Some(n),
                ..whole
            })
        };
        let launches = blocks.iter().map(launch);
        Ok(launches.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Each block is rows of the result. Only a weight of two uses has an addend, and such a one lies in
    /// one block.
    fn weight_grad(
        &self,
        whole: Gemm<'_>,
        d_y: &Slice,
        blocks: &[Part],
    ) -> Result<Vec<Launch>, GpuError> {
        let [m, n, k] = whole.shape;
        let launch = |part: &Part| {
            let rows = &part.rows;
            let sums = whole.sums.map(|sums| sums.part(rows.start, rows.len()));
            self.gemm(Gemm {
                shape: [rows.len(), n, k],
                a: Operand::Transposed(&columns(d_y, [k, m], rows)),
                a_stride: Some(m),
                c: &part.slice,
                sums: sums.as_ref(),
                ..whole
            })
        };
        let launches = blocks.iter().map(launch);
        Ok(launches.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Each block gives summands. The sum so far goes back and forth between the result and a scratch
    /// buffer, as no launch writes where it reads; the last block's lands in the result.
    fn input_grad(
        &self,
        whole: Gemm<'_>,
        d_y: &Slice,
        blocks: &[Part],
        result: TensorId,
    ) -> Result<Vec<Launch>, GpuError> {
        let [m, n, k] = whole.shape;
        let scratch = self.buffers.scratch(result);
        let last = blocks.len() - 1;
        let sum_of = |index: usize| match (last - index).is_multiple_of(2) {
            true => whole.c,
            false => &scratch[0],
        };
        let takes_addend = Family::of(self.gpu).epilogue().takes_operands();
        let mut launches = Vec::new();
        for (index, part) in blocks.iter().enumerate() {
            let so_far = index.checked_sub(1).map(sum_of);
            let apart = so_far.filter(|_| !takes_addend);
            debug_assert!(
                apart.is_none() || whole.activation.is_none(),
                "a gradient has no non-linearity"
            );
            launches.extend(self.gemm(Gemm {
                shape: [m, n, part.rows.len()],
                a: Operand::Plain(&columns(d_y, [m, k], &part.rows)),
                a_stride: Some(k),
                b: Operand::Plain(&part.slice),
                addend: match so_far {
                    Some(_) if apart.is_some() => None,
                    Some(sum) => Some(sum),
                    None => whole.addend,
                },
                activation: whole.activation.filter(|_| index == last),
                derivative: whole.derivative.filter(|_| index == last),
                c: apart.map_or(sum_of(index), |_| &scratch[1]),
                ..whole
            })?);
            if let Some(so_far) = apart {
                launches.push(sum([so_far, &scratch[1]], sum_of(index), [m, n]));
            }
        }
        Ok(launches)
    }

    /// The launches of one product: two where its sums are cut into parts.
    fn gemm(&self, gemm: Gemm<'_>) -> Result<Vec<Launch>, GpuError> {
        let shape = gemm.shape;
        let variant = Variant::choose(Family::of(self.gpu), shape);
        let partial = self.parts_of_sums(variant.partial(shape))?;
        let gemm = Gemm {
            partial: partial.as_ref(),
            ..gemm
        };
        Ok(gemm::launches(gemm, variant))
    }
}

/// a + b, where a product cannot add.
fn sum([a, b]: [&Slice; 2], sum: &Slice, shape: [usize; 2]) -> Launch {
    pointwise::launch(&pointwise::Work {
        shape,
        operands: [a, b].map(|of| (of.clone(), Broadcast::EACH)).to_vec(),
        values: vec![(operand(0) + operand(1), sum.clone())],
        sums: vec![],
        lanes: 1,
    })
}

/// Some columns of a matrix; their rows lie as far apart as the whole ones.
fn columns(of: &Slice, [rows, width]: [usize; 2], columns: &Range<usize>) -> Slice {
    let words = match rows {
        0 => 0,
        _ => (rows - 1) * width + columns.len(),
    };
    of.part(columns.start, words)
}
