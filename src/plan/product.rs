//! A linear layer's product as launches: one, or one for each block of a weight that is larger than
//! a binding.

use std::ops::Range;

use super::lower::Lowering;
use super::parameters::Part;
use super::recognise::{self, Finish};
use crate::expr::operand;
use crate::fuse::task::{Product, ProductKind};
use crate::gpu::{GpuError, Launch, Slice};
use crate::graph::{Activation, Broadcast, TensorId};
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
        match product.kind {
            ProductKind::Forward => self.forward(product, finish),
            ProductKind::InputGrad => self.input_grad(product, finish),
            ProductKind::WeightGrad => self.weight_grad(product, finish),
        }
    }

    fn forward(&self, product: &Product, finish: Finish) -> Result<Vec<Launch>, GpuError> {
        let [batch, fan_in] = self.matrix(product.left);
        let fan_out = self.matrix(product.right)[0];
        let launch = |part: &Part| {
            let rows = &part.rows;
            let addend = finish.addend.map(|id| self.columns(id, rows));
            let output = finish.derivative;
            let output = output.map(|(f, id)| (f, self.columns(id, rows)));
            let bias = finish.bias.map(|id| self.buffers.of(id));
            let bias = bias.map(|bias| bias.part(rows.start, rows.len()));
            self.gemm(Gemm {
                shape: [batch, rows.len(), fan_in],
                a: Operand::Plain(self.buffers.of(product.left)),
                a_stride: None,
                b: Operand::Transposed(&part.slice),
                bias: bias.as_ref(),
                addend: addend.as_ref(),
                activation: finish.activation,
                derivative: output.as_ref().map(|(f, output)| (*f, output)),
                c: &self.columns(product.result(), rows),
                c_stride: Some(fan_out),
                sums: None,
                partial: None,
                unused: &self.gpu.unused(),
            })
        };
        let launches = self.buffers.parts(product.right).iter().map(launch);
        Ok(launches.collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn weight_grad(&self, product: &Product, finish: Finish) -> Result<Vec<Launch>, GpuError> {
        let [batch, fan_out] = self.matrix(product.left);
        let fan_in = self.matrix(product.right)[1];
        let launch = |part: &Part| {
            let rows = &part.rows;
            let sums = product.sums.map(|id| self.buffers.of(id));
            let sums = sums.map(|sums| sums.part(rows.start, rows.len()));
            let d_y = self.columns(product.left, rows);
            self.gemm(Gemm {
                shape: [rows.len(), fan_in, batch],
                a: Operand::Transposed(&d_y),
                a_stride: Some(fan_out),
                b: Operand::Plain(self.buffers.of(product.right)),
                bias: None,
                // Only a weight of two uses has it, and such a one lies in one block.
                addend: finish.addend.map(|id| self.buffers.of(id)),
                activation: finish.activation,
                derivative: self.derivative(finish),
                c: &part.slice,
                c_stride: None,
                sums: sums.as_ref(),
                partial: None,
                unused: &self.gpu.unused(),
            })
        };
        let launches = self.buffers.parts(product.result()).iter().map(launch);
        Ok(launches.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The sum so far goes back and forth between the result and a scratch buffer, as no launch
    /// writes where it reads; the last block's lands in the result.
    fn input_grad(&self, product: &Product, finish: Finish) -> Result<Vec<Launch>, GpuError> {
        let [batch, fan_out] = self.matrix(product.left);
        let fan_in = self.matrix(product.right)[1];
        let blocks = self.buffers.parts(product.right);
        let result = self.buffers.of(product.result());
        let scratch = self.buffers.scratch(product.result());
        let last = blocks.len() - 1;
        let sum_of = |index: usize| match (last - index).is_multiple_of(2) {
            true => result,
            false => &scratch[0],
        };
        let takes_addend = Family::of(self.gpu).epilogue().takes_operands();
        let mut launches = Vec::new();
        for (index, part) in blocks.iter().enumerate() {
            let so_far = index.checked_sub(1).map(sum_of);
            let apart = so_far.filter(|_| !takes_addend);
            debug_assert!(
                apart.is_none() || finish.activation.is_none(),
                "a gradient has no non-linearity"
            );
            let d_y = self.columns(product.left, &part.rows);
            launches.extend(self.gemm(Gemm {
                shape: [batch, fan_in, part.rows.len()],
                a: Operand::Plain(&d_y),
                a_stride: Some(fan_out),
                b: Operand::Plain(&part.slice),
                bias: None,
                addend: match so_far {
                    Some(_) if apart.is_some() => None,
                    Some(sum) => Some(sum),
                    None => finish.addend.map(|id| self.buffers.of(id)),
                },
                activation: finish.activation.filter(|_| index == last),
                derivative: self.derivative(finish).filter(|_| index == last),
                c: apart.map_or(sum_of(index), |_| &scratch[1]),
                c_stride: None,
                sums: None,
                partial: None,
                unused: &self.gpu.unused(),
            })?);
            if let Some(so_far) = apart {
                let sum = sum_of(index);
                launches.push(Self::sum([so_far, &scratch[1]], sum, [batch, fan_in]));
            }
        }
        Ok(launches)
    }

    fn derivative(&self, finish: Finish) -> Option<(Activation, &Slice)> {
        let of = finish.derivative;
        of.map(|(function, id)| (function, self.buffers.of(id)))
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

    /// Some columns of a matrix; their rows lie as far apart as the whole ones.
    fn columns(&self, of: TensorId, columns: &Range<usize>) -> Slice {
        let [rows, width] = self.matrix(of);
        let words = match rows {
            0 => 0,
            _ => (rows - 1) * width + columns.len(),
        };
        self.buffers.of(of).part(columns.start, words)
    }
}
