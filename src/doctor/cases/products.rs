//! Matrix products, by each kernel that the adapter can run.

use super::{Bench, CASES_EACH};
use crate::gpu::GpuError;
use crate::kernels::KernelActivation;
use crate::kernels::gemm::{Gemm, Operand, Variant, launches};

pub(in crate::doctor) fn registers(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    let variants = [8, 4, 2, 1].map(|lanes_n| Variant::Registers { lanes_n });
    products(bench, &variants)
}

pub(in crate::doctor) fn subgroups(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    if bench.gpu.subgroup_size() != Some(8) {
        return Ok(());
    }
    let variants = [false, true].map(|transposed| Variant::Subgroups { transposed });
    products(bench, &variants)
}

pub(in crate::doctor) fn tiled(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    let variants = [(8, 4), (16, 4), (16, 8)].map(|(side, results)| Variant::Tiled {
        side,
        results,
        parts: 1,
    });
    products(bench, &variants)
}

pub(in crate::doctor) fn split_sum(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    let variants = [2, 3].map(|parts| Variant::Tiled {
        side: 8,
        results: 4,
        parts,
    });
    products(bench, &variants)
}

pub(in crate::doctor) fn tiled_subgroups(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    match bench
        .gpu
        .subgroup_size()
        .filter(|lanes| lanes.is_multiple_of(8))
    {
        Some(lanes) => products(bench, &[Variant::TiledSubgroups { lanes }]),
        None => Ok(()),
    }
}

pub(in crate::doctor) fn cooperative_8(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    cooperative(bench, 8)
}

pub(in crate::doctor) fn cooperative_16(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    cooperative(bench, 16)
}

fn cooperative(bench: &mut Bench<'_>, size: u32) -> Result<(), GpuError> {
    match bench.gpu.matrix_units().filter(|units| units.size == size) {
        Some(units) => products(bench, &[Variant::Cooperative(units)]),
        None => Ok(()),
    }
}

/// Products of random shapes, orders of operands and epilogues by each of these.
fn products(bench: &mut Bench<'_>, variants: &[Variant]) -> Result<(), GpuError> {
    for variant in variants {
        for _ in 0..CASES_EACH {
            product(bench, *variant)?;
        }
    }
    Ok(())
}

fn product(bench: &mut Bench<'_>, variant: Variant) -> Result<(), GpuError> {
    let shape @ [m, n, k] = [90, 90, 200].map(|most| bench.chance.between(1, most));
    let mut either = || bench.chance.between(0, 1) == 1;
    let transposed = [either(), either()];
    let epilogue = variant.family().epilogue();
    let takes = epilogue.takes_operands();
    let (has_bias, has_addend, has_sums) = (either(), takes && either(), either());
    let functions: Vec<_> = KernelActivation::ALL
        .into_iter()
        .filter(|&function| epilogue.takes_activation(function))
        .map(Some)
        .chain([None])
        .collect();
    let activation = functions[bench.chance.between(0, functions.len() - 1)];
    let derivative = Some(KernelActivation::Tanh).filter(|_| takes && activation.is_none());
    let (a, b) = (bench.uniform(m * k, 1.0)?, bench.uniform(k * n, 2.0)?);
    let (bias, addend) = (bench.uniform(n, 1.0)?, bench.uniform(m * n, 1.0)?);
    let output = bench.uniform(m * n, 1.0)?;
    let (c, sums) = (bench.output(m * n)?, bench.output(m)?);
    let partial = bench.output(variant.partial(shape))?;
    let operands = [
        Operand::of(&a.view, transposed[0]),
        Operand::of(&b.view, transposed[1]),
    ];
    let unused = bench.gpu.unused();
    let gemm = Gemm {
        bias: has_bias.then_some(&bias.view),
        addend: has_addend.then_some(&addend.view),
        activation,
        derivative: derivative.map(|function| (function, &output.view)),
        sums: has_sums.then_some(&sums.view),
        partial: Some(&partial.view),
        ..Gemm::product(shape, operands, &c.view, &unused)
    };
    let title = format!(
        "{variant:?}, [{m}, {k}]·[{k}, {n}], transposed {transposed:?}, bias {has_bias}, \
         addend {has_addend}, {activation:?}, slope of {derivative:?}"
    );
    let launches = launches(gemm, variant);
    let arrays = [&a, &b, &bias, &addend, &output, &c, &sums, &partial];
    bench.push(title, launches, &arrays);
    Ok(())
}
