//! What decides an adapter's speed, measured: products, copies, launches, barriers, compilation.

use std::time::{Duration, Instant};

use super::chance::Chance;
use super::report::Measurement;
use crate::bench;
use crate::expr::operand;
use crate::gpu::{Gpu, GpuError, Launch, Slice};
use crate::graph::Broadcast;
use crate::kernels::gemm::{self, Gemm, Operand, Variant};
use crate::kernels::pointwise::{self, Work};

/// How long each is measured.
const WINDOW: Duration = Duration::from_millis(60);

/// Hears of a name, a value, its unit and a note.
type Tell<'a> = dyn FnMut(&str, f64, &str, Option<String>) + 'a;

/// Measures all, and hands each over.
pub(super) fn measure(gpu: &Gpu, mut say: impl FnMut(Measurement)) -> Result<(), GpuError> {
    let mut tell = |name: &str, value: f64, unit: &str, note: Option<String>| {
        say(Measurement {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            note,
        });
    };
    let peaks = bench::peaks(gpu)?;
    let size = peaks.gemm_size;
    let family = format!("{:?}, {size}×{size}×{size}", gemm::Family::of(gpu));
    tell(
        "matrix product",
        peaks.gemm_gflops_per_s,
        "GFLOP/s",
        Some(family),
    );
    tell("copy of memory", peaks.copy_gb_per_s, "GB/s", None);
    products(gpu, &mut tell)?;
    launches(gpu, &mut tell)?;
    barriers(gpu, &mut tell)
}

/// The same product by each kernel that the adapter can run, each compiled anew.
fn products(gpu: &Gpu, tell: &mut Tell<'_>) -> Result<(), GpuError> {
    const SIZE: usize = 256;
    let mut chance = Chance::new(1, "products");
    let values = chance.uniform(SIZE * SIZE, 1.0);
    let (a, b) = (gpu.upload("a", &values)?, gpu.upload("b", &values)?);
    let c = gpu.allocate("c", SIZE * SIZE)?;
    let unused = gpu.unused();
    let registers = Variant::Registers { lanes_n: 4 };
    let subgroups = Variant::Subgroups { transposed: false };
    let tiled = Variant::Tiled {
        side: 16,
        results: 4,
        parts: 1,
    };
    let eight = gpu.subgroup_size() == Some(8);
    let variants = [
        ("in registers", Some(registers)),
        ("by subgroups of 8 lanes", Some(subgroups).filter(|_| eight)),
        ("by tiles in workgroup memory", Some(tiled)),
    ];
    for (name, variant) in variants {
        let Some(variant) = variant else {
            let lanes = lanes(gpu);
            let note = format!("cannot run here: {lanes}");
            tell(&format!("product {name}"), 0.0, "GFLOP/s", Some(note));
            continue;
        };
        let operands = [Operand::Plain(&a), Operand::Plain(&b)];
        let product = Gemm::product([SIZE; 3], operands, &c, &unused);
        let seconds = time(gpu, &gemm::launches(product, variant), 1)?;
        let flops = 2.0 * (SIZE as f64).powi(3) / seconds / 1e9;
        tell(&format!("product {name}"), flops, "GFLOP/s", None);
    }
    Ok(())
}

/// What is slow here and why, as far as it was measured.
pub(super) fn slow(gpu: &Gpu, measurements: &[Measurement]) -> Vec<String> {
    let of = |name: &str| {
        let mut all = measurements.iter();
        all.find(|of| of.name == name).map_or(0.0, |of| of.value)
    };
    let mut slow = Vec::new();
    if gpu.is_software() && gpu.subgroup_size() != Some(8) {
        slow.push(format!(
            "products take {:.1} GFLOP/s in registers, and steps take the general plan: the faster kernels \
             for software adapters need subgroups of 8 lanes, and {}",
            of("product in registers"),
            lanes(gpu)
        ));
    }
    let [few, many] = [8, 64].map(|n| of(&format!("workgroup of {n} lanes with a barrier")));
    if gpu.is_software() && many > 2.0 * few {
        slow.push(format!(
            "a workgroup of 64 lanes takes {:.1} times as long as one of 8 for the same sums: barriers \
             switch between lanes in software",
            many / few.max(1e-9)
        ));
    }
    let launch = of("launch among many");
    if launch > 20.0 {
        slow.push(format!(
            "each launch takes {launch:.0} µs by itself: small models pay for their number of launches"
        ));
    }
    let first = of("first launch of a small kernel");
    if first > 20.0 {
        slow.push(format!(
            "a small kernel takes {first:.0} ms to compile: the first step of a model waits for all of its own"
        ));
    }
    slow
}

/// What subgroups an adapter has, for people.
pub(super) fn lanes(gpu: &Gpu) -> String {
    match gpu.subgroup_size() {
        Some(lanes) => format!("its subgroups have {lanes} lanes"),
        None => "it has no subgroups of one size".to_owned(),
    }
}

/// A launch among many, a submission, and the first launch of a new kernel.
fn launches(gpu: &Gpu, tell: &mut Tell<'_>) -> Result<(), GpuError> {
    const MANY: usize = 200;
    let of = |len: usize, lanes: u32, factor: f64| sums(gpu, [1, len], lanes, factor);
    // A constant of the clock makes a text that no driver has compiled before.
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = clock.map_or(1, |since| since.subsec_nanos());
    let started = Instant::now();
    let (small, _arrays) = of(8, 8, 1.0 + f64::from(nanos) * 1e-9)?;
    run(gpu, std::slice::from_ref(&small), 1)?;
    let first = started.elapsed().as_secs_f64() * 1e3;
    tell(
        "first launch of a small kernel",
        first,
        "ms",
        Some("compiled and run".to_owned()),
    );
    let seconds = time(gpu, std::slice::from_ref(&small), MANY)?;
    tell("launch among many", seconds * 1e6, "µs", None);
    let started = Instant::now();
    for _ in 0..MANY {
        run(gpu, &[], 0)?;
    }
    let seconds = started.elapsed().as_secs_f64() / MANY as f64;
    tell("submission and wait", seconds * 1e6, "µs", None);
    Ok(())
}

/// The same sums of rows by workgroups of 8 and of 64 lanes, each of which waits at a barrier.
fn barriers(gpu: &Gpu, tell: &mut Tell<'_>) -> Result<(), GpuError> {
    const ROWS: usize = 4096;
    let mut took = [0.0; 2];
    for (took, lanes) in took.iter_mut().zip([8, 64]) {
        let (launch, _arrays) = sums(gpu, [ROWS, 64], lanes, 2.0)?;
        *took = time(gpu, &[launch], 1)? / ROWS as f64;
        let name = format!("workgroup of {lanes} lanes with a barrier");
        tell(&name, *took * 1e9, "ns", None);
    }
    Ok(())
}

/// Sums of rows, with their arrays.
fn sums(
    gpu: &Gpu,
    shape: [usize; 2],
    lanes: u32,
    factor: f64,
) -> Result<(Launch, [Slice; 2]), GpuError> {
    let x = gpu.upload("x", &vec![1.0f32; shape[0] * shape[1]])?;
    let y = gpu.allocate("y", shape[0])?;
    let launch = pointwise::launch(&Work {
        shape,
        operands: vec![(x.clone(), Broadcast::EACH)],
        values: vec![],
        sums: vec![(factor * operand(0), y.clone())],
        lanes,
    });
    Ok((launch, [x, y]))
}

/// Records launches so many times, and waits.
fn run(gpu: &Gpu, launches: &[Launch], times: usize) -> Result<(), GpuError> {
    let dispatches = gpu.prepare_all(launches)?;
    let mut encoder = gpu.encoder();
    {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for dispatch in dispatches.iter().cycle().take(times * launches.len()) {
            dispatch.record(&mut pass);
        }
    }
    let submission = gpu.submit(encoder);
    gpu.wait(Some(submission))
}

/// The least seconds of one of `times` repetitions, of as many submissions as fill a window.
fn time(gpu: &Gpu, launches: &[Launch], times: usize) -> Result<f64, GpuError> {
    run(gpu, launches, 1)?;
    let began = Instant::now();
    let mut least = f64::INFINITY;
    while began.elapsed() < WINDOW {
        let started = Instant::now();
        run(gpu, launches, times)?;
        least = least.min(started.elapsed().as_secs_f64());
    }
    Ok(least / times as f64)
}
