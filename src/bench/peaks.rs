//! What the adapter can do at best, measured: a large matrix product and a large copy.

use std::time::{Duration, Instant};

use super::report::Peaks;
use crate::gpu::{Gpu, GpuError};
use crate::kernels::gemm::{self, Family, Gemm, Operand, Variant};
use crate::rng;

/// Long enough that submitting is no part of it.
const WINDOW: Duration = Duration::from_millis(50);
/// Windows of which the best counts: a peak is what was possible, not what was usual.
const WINDOWS: usize = 5;
/// Bytes of each of the copy's two buffers, where the adapter allows as many: past every cache.
const COPY_BYTES: u64 = 256 << 20;
/// On a software adapter, whose memory is the host's.
const COPY_BYTES_SOFTWARE: u64 = 64 << 20;

/// Measures the peaks.
pub(crate) fn measure(gpu: &Gpu) -> Result<Peaks, GpuError> {
    let software = gpu.is_software();
    let size = if software { 512 } else { 4096 };
    let bytes = if software {
        COPY_BYTES_SOFTWARE
    } else {
        COPY_BYTES
    };
    let bytes = bytes.min(gpu.largest_binding()) / 4 * 4;
    let flops = 2 * (size as u64).pow(3);
    Ok(Peaks {
        gemm_size: size,
        gemm_gflops_per_s: flops as f64 / product(gpu, size)? / 1e9,
        copy_bytes: bytes,
        copy_gb_per_s: 2.0 * bytes as f64 / copy(gpu, bytes)? / 1e9,
    })
}

/// Seconds of a product of two square matrices.
fn product(gpu: &Gpu, size: usize) -> Result<f64, GpuError> {
    let values = rng::initial_uniform(1, 0, size * size, 1.0);
    let a = gpu.upload("the left operand", &values)?;
    let b = gpu.upload("the right operand", &values)?;
    let c = gpu.allocate("the product", size * size)?;
    let shape = [size; 3];
    let variant = Variant::choose(Family::of(gpu), shape);
    let partial = gpu.allocate("the parts of sums", variant.partial(shape))?;
    let unused = gpu.unused();
    let operands = [Operand::Plain(&a), Operand::Plain(&b)];
    let gemm = Gemm {
        partial: Some(&partial),
        ..Gemm::product(shape, operands, &c, &unused)
    };
    let dispatches = gpu.prepare_all(&gemm::launches(gemm, variant))?;
    best(gpu, |encoder| {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for dispatch in &dispatches {
            dispatch.record(&mut pass);
        }
    })
}

/// Seconds of a copy from one buffer to another.
fn copy(gpu: &Gpu, bytes: u64) -> Result<f64, GpuError> {
    let from = gpu.allocate("what is copied", bytes as usize / 4)?;
    let to = gpu.allocate("the copy", bytes as usize / 4)?;
    best(gpu, |encoder| from.copy_to(encoder, &to))
}

/// The least seconds that one `record` took, of several submissions of as many as fill a window.
fn best(gpu: &Gpu, record: impl Fn(&mut wgpu::CommandEncoder)) -> Result<f64, GpuError> {
    let run = |times: u32| -> Result<Duration, GpuError> {
        let started = Instant::now();
        let mut encoder = gpu.encoder();
        for _ in 0..times {
            record(&mut encoder);
        }
        let submission = gpu.submit(encoder);
        gpu.wait(Some(submission))?;
        Ok(started.elapsed())
    };
    // The first compiles and touches the memory; then as many as the second one's time asks for.
    run(1)?;
    let times = (WINDOW.as_secs_f64() / run(1)?.as_secs_f64().max(1e-9)).ceil() as u32;
    let times = times.clamp(1, 1000);
    let mut least = Duration::MAX;
    for _ in 0..WINDOWS {
        least = least.min(run(times)?);
    }
    Ok(least.as_secs_f64() / f64::from(times))
}
