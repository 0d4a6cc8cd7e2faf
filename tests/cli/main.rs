//! The program as a user meets it: what it prints, what it leaves on disk, and how it fails.
//!
//! Nearly everything runs on the reference executor with a model of a few hundred weights, so that it needs no GPU and
//! takes milliseconds. The tests named `on_an_adapter_…` take the best adapter of the machine; without one they are
//! skipped, except where `CI` is set: there a skipped test would go unnoticed.

#![expect(clippy::unwrap_used, reason = "what tests share fails as a test does")]

mod adapters;
mod bench;
mod board;
mod checkpoints;
mod columns;
mod configuration;
mod data;
mod disk;
mod doctor;
mod encode;
mod eval;
mod family;
mod fine_tuning;
mod hierarchy;
mod import;
mod interruption;
mod keeping;
mod kills;
mod labels;
mod large_images;
mod likelihoods;
#[cfg(target_os = "linux")]
mod memory;
mod network;
mod numbers;
mod objectives;
mod output;
mod outputs;
mod parts;
mod photos;
mod pictures;
mod places;
mod plan;
mod report;
mod resume;
mod scores;
mod seeds;
mod shapes;
mod sizes;
mod system;
mod tables;
mod usage;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Map, Value};
use vae_wgpu::checkpoint::Checkpoint;
use vae_wgpu::data::idx::write_images;
use vae_wgpu::data::{Images, Pixels};

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";

/// A training that takes milliseconds: 36 images of `tiny` in batches of 8 make 5 steps an epoch.
const TRAIN: &str =
    "train --data tiny --adapter reference --hidden 8 --latent 2 --batch-size 8 --epochs 2";

/// A folder to work in, with the data set `tiny`: 40 images of 6×5 pixels, of which 4 are held out.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        place.images("tiny", 40, 6, 5);
        place
    }

    /// A place where `TRAIN` has run, to `runs/a`.
    fn with_run() -> Self {
        let place = Self::new();
        place.vae(&format!("{TRAIN} --out runs/a")).succeeds();
        place
    }

    fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a data set without test images.
    fn images(&self, name: &str, count: usize, height: usize, width: usize) {
        let pixels = 0..count * height * width;
        let pixels = Pixels::Bytes(pixels.map(|index| (7 * index % 251) as u8).collect());
        self.pixels(name, [count, height, width], pixels);
    }

    /// Likewise with these pixels.
    fn pixels(&self, name: &str, [count, height, width]: [usize; 3], pixels: Pixels) {
        let images = Images {
            channels: 1,
            count,
            height,
            width,
            pixels,
        };
        fs::create_dir_all(self.path(name)).unwrap();
        write_images(&self.path(name).join(TRAIN_IMAGES), &images).unwrap();
    }

    /// The program in this folder, whatever adapter the environment of the tests prefers. What it
    /// caches lies with what cargo built, not with the user's.
    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vae"));
        command
            .current_dir(self.folder.path())
            .env_remove("WGPU_BACKEND")
            .env_remove("WGPU_ADAPTER_NAME")
            .env(
                "XDG_CACHE_HOME",
                concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"),
            )
            .args(args);
        command
    }

    /// Runs the program to its end, its arguments separated by spaces.
    fn vae(&self, args: &str) -> Ran {
        Ran::of(&mut self.command(args.split_whitespace()))
    }

    fn last_checkpoint(&self, run: &str) -> PathBuf {
        self.path(run).join("checkpoints/last.safetensors")
    }

    fn checkpoint_bytes(&self, run: &str) -> Vec<u8> {
        fs::read(self.last_checkpoint(run)).unwrap()
    }

    /// Changes a run's checkpoint as one who knows the format would.
    fn edit_checkpoint(&self, run: &str, edit: impl FnOnce(&mut Checkpoint)) {
        let path = self.last_checkpoint(run);
        let mut checkpoint = Checkpoint::load(&path).unwrap();
        edit(&mut checkpoint);
        checkpoint.save(&path).unwrap();
    }

    /// Replaces the line of a run's `config.toml` that sets `key`.
    fn edit_config(&self, run: &str, key: &str, value: &str) {
        let path = self.path(run).join("config.toml");
        let text = fs::read_to_string(&path).unwrap();
        let is_it = |line: &str| line.starts_with(&format!("{key} = "));
        assert_eq!(text.lines().filter(|line| is_it(line)).count(), 1, "{key}");
        let lines = text.lines().map(|line| match is_it(line) {
            true => format!("{key} = {value}\n"),
            false => format!("{line}\n"),
        });
        fs::write(path, lines.collect::<String>()).unwrap();
    }

    /// `config.toml`, section `[training]`.
    fn settings(&self, run: &str) -> toml::Table {
        let text = fs::read_to_string(self.path(run).join("config.toml")).unwrap();
        let config: toml::Table = text.parse().unwrap();
        config["training"].as_table().unwrap().clone()
    }

    /// The lines of `metrics.jsonl`, each of which must be a whole object.
    fn metrics(&self, run: &str) -> Vec<Map<String, Value>> {
        let text = fs::read_to_string(self.path(run).join("metrics.jsonl")).unwrap();
        assert!(text.ends_with('\n'), "{text}");
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The metrics without what the clock decides.
    fn losses(&self, run: &str) -> Vec<Map<String, Value>> {
        let mut metrics = self.metrics(run);
        for line in &mut metrics {
            for timing in ["seconds", "images_per_second"] {
                assert!(line.remove(timing).is_some(), "{timing}");
            }
        }
        metrics
    }

    /// Whether there is an adapter to test on; where there must be one, fails if not.
    fn has_adapter(&self) -> bool {
        let listed = self.vae("adapters").succeeds();
        let chosen = listed.out.lines().find(|line| line.starts_with('*'));
        if !chosen.unwrap().contains("built in") {
            return true;
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "there is no adapter, and CI is set"
        );
        eprintln!("skipped: this machine has no adapter");
        false
    }
}

/// A process that has ended.
struct Ran {
    what: String,
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self::from_output(format!("{command:?}"), &output)
    }

    /// Also checks what holds of every run: no panic, and no escape codes where there is no terminal.
    fn from_output(what: String, output: &Output) -> Self {
        let ran = Self {
            what,
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        for forbidden in ["panicked", "backtrace", "\x1b"] {
            assert!(!ran.err.contains(forbidden), "{ran}");
            assert!(!ran.out.contains(forbidden), "{ran}");
        }
        ran
    }

    #[track_caller]
    fn succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// Fails unless the program ended with this code and one message that has all of `parts`.
    #[track_caller]
    fn fails(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        let message = self.message();
        for part in parts {
            assert!(message.contains(part), "`{part}` is missing: {self}");
        }
        self
    }

    /// The one message of a failure, without `error: `. Fails if it says something twice, or as only Rust says it.
    #[track_caller]
    fn message(&self) -> String {
        let lines = self.err.lines();
        let errors = lines.filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, 1, "one message: {self}");
        let start = self.err.find("error: ").unwrap();
        let message = self.err[start + "error: ".len()..].trim_end();
        let mut seen = BTreeSet::new();
        for clause in message.split([':', ';', '\n']).map(str::trim) {
            let is_new = seen.insert(clause);
            assert!(is_new || clause.len() < 16, "`{clause}` twice: {self}");
        }
        for debug in [
            "Error {", "Some(", "Err(", "Os {", "\\n", "Error(", "{", "}",
        ] {
            assert!(!message.contains(debug), "`{debug}`: {self}");
        }
        message.to_owned()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            what,
            code,
            out,
            err,
        } = self;
        write!(
            f,
            "{what}\nexit code {code:?}\n--- stdout\n{out}--- stderr\n{err}"
        )
    }
}
