//! What the kernel tests share: arrays between guard words, launches, data.

use bytemuck::Pod;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use vae_wgpu::expr::Expr;
use vae_wgpu::gpu::{Gpu, Launch, Slice};
use vae_wgpu::graph::Broadcast;
use vae_wgpu::kernels::{KernelActivation, State, pointwise};
use vae_wgpu::rng;

/// Lengths about the edges of a workgroup of 64, primes, one, and none.
pub(crate) const LENGTHS: [usize; 12] = [0, 1, 2, 3, 5, 61, 63, 64, 65, 127, 129, 1009];

/// What may follow a product: every activation, or every derivative of one, and none.
pub(crate) fn functions() -> Vec<Option<KernelActivation>> {
    let functions = KernelActivation::ALL.into_iter().map(Some);
    [None].into_iter().chain(functions).collect()
}

/// About an input, and what an output holds before it is written: not a number.
const NAN: u32 = 0x7fc0_dead;

/// About an output: a number, as a NaN might be overwritten by the same one.
const NUMBER: u32 = 0x4b9a_dead;

/// An array on the GPU with guard words on both sides.
///
/// What a kernel reads outside is NaN; what it writes outside shows in the guards.
pub(crate) struct Array<'a> {
    gpu: &'a Gpu,
    whole: Slice,
    view: Slice,
    guard: u32,
}

impl<'a> Array<'a> {
    /// An input.
    pub(crate) fn of<T: Pod>(gpu: &'a Gpu, values: &[T]) -> Self {
        Self::guarded(gpu, values, NAN)
    }

    /// An array that is read and written.
    pub(crate) fn updated<T: Pod>(gpu: &'a Gpu, values: &[T]) -> Self {
        Self::guarded(gpu, values, NUMBER)
    }

    /// An output: NaN until it is written.
    pub(crate) fn output(gpu: &'a Gpu, len: usize) -> Self {
        Self::guarded(gpu, &vec![NAN; len], NUMBER)
    }

    fn guarded<T: Pod>(gpu: &'a Gpu, values: &[T], guard: u32) -> Self {
        let words: &[u32] = bytemuck::cast_slice(values);
        let mut content = vec![guard; Slice::ALIGNMENT];
        content.extend_from_slice(words);
        content.resize(content.len() + Slice::ALIGNMENT, guard);
        let whole = gpu.upload("test array", &content).unwrap();
        let view = whole.part(Slice::ALIGNMENT, words.len());
        Self {
            gpu,
            whole,
            view,
            guard,
        }
    }

    /// What a kernel is given.
    pub(crate) fn slice(&self) -> &Slice {
        &self.view
    }

    /// The values, once it is seen that the guards hold.
    pub(crate) fn read<T: Pod>(&self) -> Vec<T> {
        let words = self.gpu.read::<u32>(&[&self.whole]).unwrap().remove(0);
        let (before, rest) = words.split_at(Slice::ALIGNMENT);
        let (values, after) = rest.split_at(self.view.len());
        let holds = |guards: &[u32]| guards.iter().all(|&word| word == self.guard);
        assert!(holds(before), "written before its start: {before:x?}");
        assert!(holds(after), "written past its end: {after:x?}");
        bytemuck::cast_slice(values).to_vec()
    }
}

/// The counters at the start of a step.
pub(crate) fn state(gpu: &Gpu, step: u32, position: u32, entry: u32) -> Array<'_> {
    Array::updated(
        gpu,
        &[State {
            step,
            position,
            entry,
            padding: 0,
        }],
    )
}

/// An expression at each element of arrays of one length.
pub(crate) fn elementwise(expr: Expr, operands: &[&Array<'_>], y: &Array<'_>) -> Launch {
    let operand = |array: &&Array<'_>| (array.slice().clone(), Broadcast::EACH);
    pointwise::launch(&pointwise::Work {
        shape: [1, y.slice().len()],
        operands: operands.iter().map(operand).collect(),
        values: vec![(expr, y.slice().clone())],
        sums: vec![],
        lanes: 1,
    })
}

/// Runs one launch to its end, with the guards after `arrays` in the kernel's reach.
///
/// Drivers stop what goes beyond a binding, so that a kernel which relies on that would look right.
pub(crate) fn run(gpu: &Gpu, launch: Launch, arrays: &[&Array<'_>]) {
    run_all(gpu, vec![launch], arrays);
}

/// Likewise several launches, one after the other in one pass.
pub(crate) fn run_all(gpu: &Gpu, mut launches: Vec<Launch>, arrays: &[&Array<'_>]) {
    for buffer in launches.iter_mut().flat_map(|launch| &mut launch.buffers) {
        if let Some(array) = arrays.iter().find(|array| array.view == *buffer) {
            *buffer = array
                .whole
                .part(Slice::ALIGNMENT, array.view.len() + Slice::ALIGNMENT);
        }
    }
    let dispatches = gpu.prepare_all(&launches).unwrap();
    let mut encoder = gpu.encoder();
    let mut pass = encoder.begin_compute_pass(&Default::default());
    for dispatch in dispatches {
        dispatch.record(&mut pass);
    }
    drop(pass);
    let submission = gpu.submit(encoder);
    gpu.wait(Some(submission)).unwrap();
}

/// The same launch with its workgroups in three rows, as past 65,535 of them.
pub(crate) fn wrapped(mut launch: Launch) -> Launch {
    let groups = launch.grid.iter().product::<u32>();
    launch.grid = [groups.div_ceil(3), 3, 1];
    launch
}

/// Whether NaN can be relied on: WGSL lets compilers assume that there is none, and some turn what
/// keeps it back into a `max`, which does not.
pub(crate) fn keeps_nan(gpu: &Gpu) -> bool {
    let adapter = gpu.adapter();
    adapter.kind == wgpu::DeviceType::Cpu && adapter.backend == wgpu::Backend::Vulkan
}

/// `len` values of U(−bound, bound), a function of `seed`: no two rows or columns are alike.
pub(crate) fn uniform(seed: u64, len: usize, bound: f64) -> Vec<f32> {
    rng::initial_uniform(seed, 0, len, bound)
}

/// Values at all scales up to ±`bound`, among them both zeros and the bounds themselves.
pub(crate) fn extreme(seed: u64, len: usize, bound: f64) -> Vec<f32> {
    let bound = bound as f32;
    let specials = [
        bound,
        -bound,
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1 * bound,
        -0.1 * bound,
    ];
    let mixed = uniform(seed, len, 1.0);
    let scaled = mixed.iter().enumerate().map(|(i, &v)| match i % 4 {
        0 => specials[i / 4 % specials.len()],
        1 => v * bound,
        2 => v * bound.sqrt(),
        _ => v,
    });
    scaled.collect()
}

/// The same values for the twins, which then compute with no rounding that matters.
pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| v.into()).collect()
}

/// Runs `test` on a few random values of `strategy`; a failure names the smallest one found.
///
/// The values are the same in every run, so that a failure is there again.
pub(crate) fn random<S: proptest::strategy::Strategy>(strategy: S, test: impl Fn(S::Value)) {
    let config = Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&strategy, |value| {
        test(value);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Lanes of a reduction: what software adapters and GPUs take, and what is no power of two.
pub(crate) const LANES: [u32; 3] = [8, 64, 13];

/// Rows and columns about the edges of [`LANES`], primes, one, and no rows.
pub(crate) const ROW_SHAPES: [[usize; 2]; 11] = [
    [1, 1],
    [0, 5],
    [1, 1009],
    [67, 1],
    [3, 7],
    [5, 8],
    [2, 9],
    [7, 63],
    [4, 64],
    [11, 65],
    [13, 784],
];

/// How many additions a term of a row's sum can pass through: those of its lane, then the lanes.
pub(crate) fn additions(columns: usize, lanes: u32) -> f64 {
    columns.div_ceil(lanes as usize) as f64 + f64::from(lanes)
}

/// The sum of `term(i)` over the elements of each row.
pub(crate) fn row_sums([rows, columns]: [usize; 2], term: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..rows)
        .map(|row| (row * columns..(row + 1) * columns).map(&term).sum())
        .collect()
}
