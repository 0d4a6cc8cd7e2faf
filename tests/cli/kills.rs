//! Kills at many moments, at saving and at renaming among them: whatever is left leads to the same end.
//!
//! `VAE_KILLS=200 cargo test --release --test cli -- --nocapture killed_at` kills more often than the
//! suite does, and says at which moments.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use vae_wgpu::checkpoint::Checkpoint;

use crate::Place;
use crate::interruption::{assert_same_end, printed, start};

/// Kills, unless `VAE_KILLS` says otherwise.
const KILLS: usize = 20;
/// More epochs than a process does on average before it is killed: one takes a millisecond.
const EPOCHS_A_KILL: usize = 50;
/// The longest that a moment is waited for.
const PATIENCE: Duration = Duration::from_millis(20);

/// What is seen of a process before it is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Nothing: some time has passed.
    AnyTime,
    /// A file is being written.
    Writing,
    /// A file was written and is about to replace the older one, or has just replaced it.
    Renaming,
}

/// Where the kills hit, by what they left.
#[derive(Debug, Default)]
struct Hits {
    before_the_first_checkpoint: usize,
    with_a_file_half_written: usize,
    between_metrics_and_checkpoint: usize,
    elsewhere: usize,
}

/// Numbers that look random and are the same in each run (Numerical Recipes' generator).
struct Numbers(u32);

impl Numbers {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % end
    }
}

/// The temporary file of a checkpoint that is being written, by its length.
fn being_written(checkpoints: &Path) -> Option<u64> {
    let entries = fs::read_dir(checkpoints).ok()?.flatten();
    let mut temporary = entries.filter(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with(".writing-")
    });
    temporary.next()?.metadata().ok().map(|stat| stat.len())
}

/// Waits for the moment and kills.
fn kill(child: &mut Child, moment: Moment, checkpoints: &Path, whole: u64, delay: Duration) {
    let started = Instant::now();
    let has_come = || match moment {
        Moment::AnyTime => true,
        Moment::Writing => being_written(checkpoints).is_some(),
        Moment::Renaming => being_written(checkpoints).is_some_and(|len| len >= whole),
    };
    while !has_come() && started.elapsed() < PATIENCE {
        std::hint::spin_loop();
    }
    thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn killed_at_random_moments_a_run_ends_with_the_same_bits() {
    let kills = std::env::var("VAE_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let place = Place::new();
    let epochs = EPOCHS_A_KILL * kills;
    let train = format!(
        "train --data tiny --adapter reference --hidden 8 --latent 2 --batch-size 8 --lr 0.01 \
         --epochs {epochs} --save-every 7 --keep 3"
    );
    place.vae(&format!("{train} --out runs/whole")).succeeds();
    // The numbers in a checkpoint's metadata may be shorter than in the last one's.
    let whole = place.checkpoint_bytes("runs/whole").len() as u64 - 64;
    let checkpoints = place.path("runs/cut/checkpoints");
    let mut numbers = Numbers(1);
    let mut hits = Hits::default();
    let mut args = format!("{train} --out runs/cut");
    for index in 0..kills {
        let mut child = start(&place, &args);
        let (moment, longest) = match index % 3 {
            0 => (Moment::AnyTime, 20_000),
            1 => (Moment::Writing, 1_000),
            _ => (Moment::Renaming, 300),
        };
        // Not always at the first of them.
        thread::sleep(Duration::from_micros(numbers.below(20_000).into()));
        let delay = Duration::from_micros(numbers.below(longest).into());
        kill(&mut child, moment, &checkpoints, whole, delay);
        let (_, err) = printed(&place);
        assert!(!err.contains("error"), "{err}");

        let half_written = being_written(&checkpoints).is_some();
        if !place.last_checkpoint("runs/cut").exists() {
            // There is no run yet: the next one starts it again.
            hits.before_the_first_checkpoint += 1;
            let _ = fs::remove_dir_all(place.path("runs/cut"));
            continue;
        }
        let last = Checkpoint::load(&place.last_checkpoint("runs/cut")).unwrap();
        let done: usize = last.metadata["epoch"].parse().unwrap();
        assert!(done < epochs, "ended before it was killed");
        let lines = fs::read_to_string(place.path("runs/cut/metrics.jsonl"));
        let lines = lines.map_or(0, |text| text.matches('\n').count());
        assert!((done..=done + 1).contains(&lines), "{lines} lines, {done}");
        if half_written {
            hits.with_a_file_half_written += 1;
        } else if lines > done {
            hits.between_metrics_and_checkpoint += 1;
        } else {
            hits.elsewhere += 1;
        }
        args = "train --resume runs/cut".to_owned();
    }
    println!("{kills} kills: {hits:?}");
    assert!(hits.with_a_file_half_written > 0, "{hits:?}");
    place.vae(&args).succeeds();
    assert_same_end(&place, "runs/cut", "runs/whole");
    assert_eq!(
        place.checkpoints("runs/cut"),
        place.checkpoints("runs/whole")
    );
    for name in place.checkpoints("runs/cut") {
        let of = |run: &str| {
            fs::read(
                place
                    .path(run)
                    .join(format!("checkpoints/{name}.safetensors")),
            )
            .unwrap()
        };
        assert!(of("runs/cut") == of("runs/whole"), "{name} differs");
    }
}
