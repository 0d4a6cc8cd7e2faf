//! Compiling many kernels at once, and keeping what was compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use vae_wgpu::expr::operand;
use vae_wgpu::gpu::{AdapterChoice, Checks, Gpu, Kernel, Launch, Options};

use crate::arrays::{Array, elementwise, run_all, uniform};
use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests![gpu:
        launches_prepared_together_run_in_their_order,
        kernels_of_one_name_are_told_apart_by_their_text,
        the_first_error_is_returned,
        a_file_is_left_where_the_driver_gives_one,
        a_bad_file_is_replaced,
        a_folder_that_cannot_be_is_no_error,
        devices_share_a_folder,
    ]
}

/// Kernels of three texts, each reading what the one before wrote: x, 2·x, tanh, 2·x, ReLU.
fn chain<'a>(gpu: &'a Gpu, x: &[f32]) -> (Vec<Launch>, Vec<Array<'a>>) {
    let mut arrays = vec![Array::of(gpu, x)];
    arrays.extend((0..4).map(|_| Array::output(gpu, x.len())));
    let of = |expr, from: usize| elementwise(expr, &[&arrays[from]], &arrays[from + 1]);
    let x = operand(0);
    let launches = vec![
        of(2.0 * &x, 0),
        of(x.tanh(), 1),
        of(2.0 * &x, 2),
        of(x.relu(), 3),
    ];
    (launches, arrays)
}

/// What the chain leaves at its end.
fn run_chain(gpu: &Gpu) -> Vec<f32> {
    let (launches, arrays) = chain(gpu, &uniform(1, 100, 2.0));
    let mut encoder = gpu.encoder();
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for dispatch in gpu.prepare_all(&launches).unwrap() {
            dispatch.record(&mut pass);
        }
    }
    gpu.submit(encoder);
    arrays[4].read()
}

fn assert_chain(gpu: &Gpu) {
    let expected = uniform(1, 100, 2.0).into_iter();
    let expected = expected.map(|x| (2.0 * (2.0 * x).tanh()).max(0.0));
    for (index, (found, expected)) in run_chain(gpu).into_iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error < 1e-5, "{index}: {found} instead of {expected}");
    }
}

/// The adapter of `gpu` once more, its pipelines kept in `folder`.
fn open(gpu: &Gpu, folder: &Path) -> Gpu {
    let name = AdapterChoice::Name(gpu.adapter().name.clone());
    let options = Options {
        checks: Checks::Trusted,
        pipelines: Some(folder.to_owned()),
        ..Options::default()
    };
    Gpu::open_with(&name, &options).unwrap()
}

/// Compiles and runs with `folder`, and returns the file that this leaves there. Only Vulkan's
/// drivers hand out pipelines; the others must leave nothing.
fn file_after_a_run(gpu: &Gpu, folder: &Path) -> Option<PathBuf> {
    let opened = open(gpu, folder);
    assert_chain(&opened);
    let keeps = opened.adapter().backend == wgpu::Backend::Vulkan;
    drop(opened);
    let files: Vec<_> = fs::read_dir(folder).map_or_else(
        |_| Vec::new(),
        |entries| entries.map(|entry| entry.unwrap().path()).collect(),
    );
    assert_eq!(files.len(), usize::from(keeps), "{files:?}");
    files.into_iter().next()
}

fn launches_prepared_together_run_in_their_order(gpu: &Gpu) {
    assert_chain(gpu);
    assert!(gpu.prepare_all(&[]).unwrap().is_empty());
}

fn kernels_of_one_name_are_told_apart_by_their_text(gpu: &Gpu) {
    let (x, y) = (Array::of(gpu, &[3.0_f32]), Array::of(gpu, &[4.0_f32]));
    let outputs: [_; 3] = [(); 3].map(|()| Array::output(gpu, 1));
    let sum = operand(0) + operand(1);
    let launch = |output: &Array<'_>| elementwise(sum.clone(), &[&x, &y], output);
    let launches: Vec<_> = outputs.iter().map(launch).collect();
    let mut product = Kernel::clone(&launches[1].kernel);
    let source = product.source.replace("x0 + x1", "x0 * x1");
    assert_ne!(source, product.source);
    product.source = source.into();
    let product = Launch {
        kernel: product.into(),
        ..launches[1].clone()
    };
    let all = [launches[0].clone(), product, launches[2].clone()];
    run_all(gpu, all.to_vec(), &[]);
    let results = outputs.each_ref().map(|output| output.read::<f32>()[0]);
    assert_eq!(results, [7.0, 12.0, 7.0]);
}

fn the_first_error_is_returned(gpu: &Gpu) {
    let (good, _arrays) = chain(gpu, &[1.0]);
    let bad = |launch: &Launch, constant| Launch {
        constants: vec![(constant, 1.0)],
        ..launch.clone()
    };
    // All are compiled at once; which fails first must not matter.
    let launches = [
        good[0].clone(),
        bad(&good[1], "FIRST"),
        bad(&good[0], "SECOND"),
        bad(&good[1], "THIRD"),
    ];
    for _ in 0..10 {
        let error = gpu.prepare_all(&launches).unwrap_err().to_string();
        assert!(error.contains("FIRST"), "{error}");
    }
    gpu.check().unwrap();
    assert_chain(gpu);
}

fn a_file_is_left_where_the_driver_gives_one(gpu: &Gpu) {
    let folder = tempfile::tempdir().unwrap();
    let nested = folder.path().join("not/there/yet");
    let first = file_after_a_run(gpu, &nested);
    assert_eq!(file_after_a_run(gpu, &nested), first);
    // Nothing was compiled, so nothing is kept.
    let empty = folder.path().join("empty");
    drop(open(gpu, &empty));
    assert!(!empty.exists());
}

fn a_bad_file_is_replaced(gpu: &Gpu) {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = file_after_a_run(gpu, folder.path()) else {
        return;
    };
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    let mut of_another_program = whole.clone();
    of_another_program[..8].copy_from_slice(b"\x89PNG\r\n\x1a\n");
    let bad: [&[u8]; 5] = [
        &damaged,
        &of_another_program,
        &whole[..whole.len() - 1],
        &whole[..3],
        b"",
    ];
    for content in bad {
        fs::write(&path, content).unwrap();
        assert_eq!(file_after_a_run(gpu, folder.path()).as_ref(), Some(&path));
        let new = fs::read(&path).unwrap();
        assert_ne!(new, content);
        assert_eq!(new[..8], whole[..8]);
    }
}

fn a_folder_that_cannot_be_is_no_error(gpu: &Gpu) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "mine").unwrap();
    for folder in [file.clone(), file.join("inside")] {
        assert_chain(&open(gpu, &folder));
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

fn devices_share_a_folder(gpu: &Gpu) {
    let folder = tempfile::tempdir().unwrap();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_chain(&open(gpu, folder.path())));
        }
    });
    // One whole file, and no temporary one.
    file_after_a_run(gpu, folder.path());
}
