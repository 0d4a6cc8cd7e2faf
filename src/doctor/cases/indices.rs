//! Kernels that move values or make them of counters.

use super::{Array, Bench, CASES_EACH};
use crate::gpu::GpuError;
use crate::kernels::gather::{Form, pack};
use crate::kernels::{copy as copying, draw as drawing, gather as gathering, lookup as looking};
use crate::kernels::{one_hot as hot, stage_images as staging};
use crate::rng::{Draw, Stream};

pub(in crate::doctor) fn copy(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for _ in 0..CASES_EACH {
        let [rows, columns] = [bench.chance.between(1, 70), bench.chance.between(1, 150)];
        let [from, to] = [(); 2].map(|()| {
            let first = bench.chance.between(0, 9);
            [first, first + columns + bench.chance.between(0, 9)]
        });
        let (source, target) = (
            bench.uniform(rows * from[1], 1e30)?,
            bench.output(rows * to[1])?,
        );
        let buffers = copying::Buffers {
            from: &source.view,
            to: &target.view,
        };
        let shape = copying::Shape {
            rows,
            columns,
            from,
            to,
        };
        let launch = copying::launch(buffers, shape);
        bench.push(format!("{shape:?}"), vec![launch], &[&source, &target]);
    }
    Ok(())
}

pub(in crate::doctor) fn draw(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    use drawing::Output::{Normals, Uniforms, Words};
    for output in [Normals, Uniforms, Words] {
        let len = bench.chance.between(1, 3000);
        let step = bench.chance.between(0, u32::MAX as usize) as u32;
        let seed = bench.chance.between(0, usize::MAX >> 1) as u64;
        let (state, values) = (bench.state(step, 0, 0)?, bench.output(len)?);
        let draw = Draw {
            stream: Stream::Noise,
            number: bench.chance.between(0, 9) as u32,
        };
        let buffers = drawing::Buffers {
            state: &state.view,
            values: &values.view,
        };
        let launch = drawing::launch(buffers, seed, draw, output);
        let title = format!("{output:?} [{len}] of key {seed:#x} at step {step}");
        bench.push(title, vec![launch], &[&state, &values]);
    }
    Ok(())
}

/// An epoch's order and a place in it from which `rows` are left.
fn place(bench: &mut Bench<'_>, rows: usize) -> Result<(usize, Array, Array), GpuError> {
    let position = bench.chance.between(0, 40);
    let count = position + rows + bench.chance.between(0, 9);
    let order = bench.chance.order(count);
    Ok((count, bench.array(&order)?, bench.state(7, position, 0)?))
}

pub(in crate::doctor) fn gather(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for form in [Form::Bytes, Form::Floats] {
        for _ in 0..CASES_EACH {
            let [rows, dim] = [bench.chance.between(1, 70), bench.chance.between(1, 150)];
            let (count, order, state) = place(bench, rows)?;
            let images = match form {
                Form::Bytes => {
                    let bytes = bench.chance.bytes(count * dim, 256);
                    bench.array(&pack(&bytes, dim))?
                }
                Form::Floats => bench.uniform(count * dim, 1e30)?,
            };
            let x = bench.output(rows * dim)?;
            let buffers = gathering::Buffers {
                images: &images.view,
                order: &order.view,
                state: &state.view,
                x: &x.view,
            };
            let launch = gathering::launch(buffers, form, [rows, dim], 0);
            let title = format!("{rows} of {count} images of {dim}, {form:?}");
            bench.push(title, vec![launch], &[&images, &order, &state, &x]);
        }
    }
    Ok(())
}

pub(in crate::doctor) fn lookup(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for _ in 0..CASES_EACH {
        let [of, rows, columns] = [50, 60, 70].map(|most| bench.chance.between(1, most));
        let index: Vec<f32> = (0..rows)
            .map(|_| bench.chance.between(0, of + 2) as f32 - 1.0)
            .collect();
        let table = bench.uniform(of * columns, 1e30)?;
        let (index, y) = (bench.array(&index)?, bench.output(rows * columns)?);
        let buffers = looking::Buffers {
            table: &table.view,
            index: &index.view,
            y: &y.view,
        };
        let launch = looking::launch(buffers, of, [rows, columns]);
        let title = format!("{rows} of a table [{of}, {columns}]");
        bench.push(title, vec![launch], &[&table, &index, &y]);
    }
    Ok(())
}

pub(in crate::doctor) fn one_hot(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for _ in 0..CASES_EACH {
        let [rows, classes] = [bench.chance.between(1, 90), bench.chance.between(1, 200)];
        let (count, order, state) = place(bench, rows)?;
        let mut labels = bench.chance.bytes(count, classes);
        labels.resize(count.next_multiple_of(4), 0);
        let (labels, y) = (bench.array(&labels)?, bench.output(rows * classes)?);
        let buffers = hot::Buffers {
            labels: &labels.view,
            order: &order.view,
            state: &state.view,
            y: &y.view,
        };
        let launch = hot::launch(buffers, [rows, classes]);
        let title = format!("{rows} labels of {classes} classes");
        bench.push(title, vec![launch], &[&labels, &order, &state, &y]);
    }
    Ok(())
}

pub(in crate::doctor) fn stage_images(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for _ in 0..CASES_EACH {
        let [rows, dim] = [bench.chance.between(1, 40), bench.chance.between(1, 150)];
        let (count, order, state) = place(bench, rows)?;
        let capacity = rows.next_multiple_of(staging::ROWS);
        let words = gathering::row_bytes(dim) / 4;
        let bytes = bench.chance.bytes(count * dim, 256);
        // Two buffers, each with some of the images.
        let first = bench.chance.between(0, count);
        let staged = bench.output(capacity * words)?;
        let parts = [&bytes[..first * dim], &bytes[first * dim..]];
        let [low, high] = parts.map(|part| bench.array(&pack(part, dim)));
        let (low, high) = (low?, high?);
        let launch = |images: &Array, first: usize| {
            let buffers = staging::Buffers {
                images: &images.view,
                order: &order.view,
                state: &state.view,
                staged: &staged.view,
            };
            staging::launch(buffers, [rows, dim], first)
        };
        let launches = vec![launch(&low, 0), launch(&high, first)];
        let title = format!("{rows} of {count} images of {dim} in two buffers");
        let arrays = [&low, &high, &order, &state, &staged];
        bench.push(title, launches, &arrays);
    }
    Ok(())
}
