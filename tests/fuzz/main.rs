//! Loaders meet damaged files: none may panic, and none may take memory that the file's size does not explain.
//!
//! Each input is a small valid file with some of its bytes changed, and is read as a user's file is: whole, by
//! `data::load`, and block by block, by `data::examples`. `VAE_FUZZ=1000000 cargo test --release --test fuzz` tries so many inputs of all formats
//! together; without it a few hundred of each are tried. The same number tries the same inputs.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails as the test does"
)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rand::SeedableRng;
use vae_wgpu::data::{DataError, Examples, LoadOptions, Part, Source, examples, load};

mod formats;
mod memory;
mod mutate;

/// Inputs of each format where nobody asks for more.
const FEW: usize = 300;
/// What a loader may allocate beyond the size of its file.
const ALLOWANCE: usize = 64 << 20;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// One test for all formats, since memory is counted for the whole process.
#[test]
fn no_file_makes_a_loader_panic_or_take_much_memory() {
    let formats = formats::all();
    let asked = std::env::var("VAE_FUZZ").ok();
    let each = asked.map_or(FEW, |number| {
        number.parse::<usize>().unwrap().div_ceil(formats.len())
    });
    let dir = tempfile::tempdir().unwrap();
    for format in formats {
        let mut rng = mutate::Generator::seed_from_u64(0);
        let path = dir.path().join(format!("input.{}", format.ending));
        let mut read = 0;
        for number in 0..each {
            let seed = &format.seeds[number % format.seeds.len()];
            let input = match number < format.seeds.len() {
                true => seed.clone(),
                false => mutate::mutated(seed, &mut rng),
            };
            fs::write(&path, &input).unwrap();
            let is_read = check(&path, input.len(), &format!("{} {number}", format.ending));
            assert!(
                is_read || number >= format.seeds.len(),
                "the seed {number} of {} is no valid file",
                format.ending
            );
            read += usize::from(is_read);
        }
        for (number, input) in formats::found(format.ending).iter().enumerate() {
            fs::write(&path, input).unwrap();
            check(
                &path,
                input.len(),
                &format!("{} found {number}", format.ending),
            );
        }
        println!("{}: {read} of {each} inputs were read", format.ending);
    }
}

/// Reads a file and returns whether that went well.
fn check(path: &Path, len: usize, name: &str) -> bool {
    let source = Source::Path(path.to_owned());
    let before = memory::begin();
    let loaded = catch_unwind(AssertUnwindSafe(|| {
        let options = LoadOptions::default();
        let whole = load(&source, &options, &mut |_| {}).map(drop);
        let in_blocks = all_blocks(&source, &options);
        whole.is_ok() || in_blocks.is_ok()
    }));
    let taken = memory::peak() - before;
    let kept = || {
        let kept = std::env::temp_dir().join(path.file_name().unwrap());
        fs::copy(path, &kept).unwrap();
        kept
    };
    match loaded {
        Err(_) => panic!("input {name} makes its loader panic: {}", kept().display()),
        Ok(_) if taken > ALLOWANCE + len => panic!(
            "input {name} of {len} bytes makes its loader take {taken} bytes: {}",
            kept().display()
        ),
        Ok(is_read) => is_read,
    }
}

/// Goes once through the examples of a source.
fn all_blocks(source: &Source, options: &LoadOptions) -> Result<(), DataError> {
    let mut stream = examples(source, options, Part::All, &mut |_| {})?;
    while stream.next_block(3)?.is_some() {}
    Ok(())
}
