//! Sums and other reductions.

use super::{Bench, CASES_EACH};
use crate::gpu::GpuError;
use crate::graph::Reduction;
use crate::kernels::reduction_lanes;
use crate::kernels::{column_sum as columns_of, gradient_norm as norm, reduce as reducing};

pub(in crate::doctor) fn column_sum(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for _ in 0..CASES_EACH {
        let shape = [bench.chance.between(1, 300), bench.chance.between(1, 300)];
        let a = bench.uniform(shape[0] * shape[1], 1.0)?;
        let sum = bench.output(shape[1])?;
        let buffers = columns_of::Buffers {
            a: &a.view,
            sum: &sum.view,
            partial: None,
        };
        let launches = columns_of::launches(buffers, shape);
        bench.push(format!("{shape:?}"), launches, &[&a, &sum]);
    }
    Ok(())
}

pub(in crate::doctor) fn gradient_norm(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for _ in 0..CASES_EACH {
        let len = bench.chance.between(1, 9000);
        let partials = norm::partials(len);
        let lanes = reduction_lanes(bench.gpu.is_software(), 1);
        let gradients = bench.uniform(len, 2.0)?;
        let (sums, root) = (bench.output(partials)?, bench.output(1)?);
        let squares = norm::squares(&gradients.view, &sums.view, 0, lanes);
        // The root is of the sums alone.
        let launches = vec![squares, norm::root(&sums.view, &root.view, lanes)];
        bench.push(format!("[{len}]"), launches, &[&gradients, &sums, &root]);
    }
    Ok(())
}

pub(in crate::doctor) fn reduce(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for function in Reduction::ALL {
        let [rows, axis, columns] = [40, 40, 20].map(|most| bench.chance.between(1, most));
        let x = bench.uniform(rows * axis * columns, 20.0)?;
        let y = bench.output(rows * columns)?;
        let buffers = reducing::Buffers {
            x: &x.view,
            y: &y.view,
        };
        let launch = reducing::launch(buffers, function, axis, [rows, columns]);
        let title = format!("{function:?} over {axis} rows, [{rows}, {columns}]");
        bench.push(title, vec![launch], &[&x, &y]);
    }
    Ok(())
}
