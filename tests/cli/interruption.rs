//! Ctrl-C and kill in the middle: what is left is whole, and leads to the same end.
//!
//! Processes are stopped when their files show how far they are, never after a time.

use std::fs::{self, File};
#[cfg(unix)]
use std::net::TcpListener;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use vae_wgpu::checkpoint::Checkpoint;

use crate::Place;

/// Long enough to be stopped in the middle several times, a second in all.
const EPOCHS: usize = 20;
/// 10,800 images in batches of 8.
const STEPS: usize = 1350;

/// A run of `EPOCHS` epochs of `STEPS` steps.
fn long(place: &Place, run: &str) -> String {
    place.images("long", 12_000, 6, 5);
    let model = "--adapter reference --hidden 8 --latent 2 --batch-size 8";
    format!("train --data long {model} --epochs {EPOCHS} --log-every 100 --out {run}")
}

/// What a process printed goes to files, since nobody reads while it runs.
pub(crate) fn start(place: &Place, args: &str) -> Child {
    start_command(place, &mut place.command(args.split_whitespace()))
}

fn start_command(place: &Place, command: &mut Command) -> Child {
    let file = |name: &str| File::create(place.path(name)).unwrap();
    with_default_signals(command)
        .stdout(file("stdout"))
        .stderr(file("stderr"))
        .spawn()
        .unwrap()
}

/// The command with signals as a terminal's shell gives them to a program. Tests that run under `nohup`,
/// or in the background of a script, inherit signals that are ignored, and so would what they start.
fn with_default_signals(command: &Command) -> Command {
    // GNU's `env` replaces itself by the program, so that signals reach that.
    let mut whole = match cfg!(target_os = "linux") {
        true => Command::new("env"),
        false => Command::new(command.get_program()),
    };
    if cfg!(target_os = "linux") {
        whole
            .arg("--default-signal=HUP,INT,TERM,USR1")
            .arg(command.get_program());
    }
    whole.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => whole.env(name, value),
            None => whole.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        whole.current_dir(folder);
    }
    whole
}

/// What a stopped process printed.
pub(crate) fn printed(place: &Place) -> (String, String) {
    let text = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    let (out, err) = (text("stdout"), text("stderr"));
    assert!(!err.contains("panicked"), "{err}");
    (out, err)
}

/// Waits until a run has this many epochs in its metrics.
fn wait_for_epochs(place: &Place, run: &str, epochs: usize, child: &mut Child) {
    wait(place, child, || epochs_done(place, run) >= epochs);
}

/// Waits until what was printed last is a step of the first half of an epoch.
#[cfg(unix)]
fn wait_for_early_step(place: &Place, child: &mut Child) {
    let is_early = || {
        let said = fs::read_to_string(place.path("stdout")).unwrap();
        let mut words = said.lines().last().unwrap_or("").split_whitespace();
        let step = words.nth(3).and_then(|word| word.parse::<usize>().ok());
        step.is_some_and(|step| (1..STEPS / 2).contains(&(step % STEPS)))
    };
    wait(place, child, is_early);
}

/// Waits until something can be seen of a process.
fn wait(place: &Place, child: &mut Child, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        let ended = child.try_wait().unwrap();
        assert!(
            ended.is_none(),
            "ended too early: {ended:?} {:?}",
            printed(place)
        );
        assert!(started.elapsed() < Duration::from_secs(60), "no progress");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Whole lines of a run's metrics.
fn epochs_done(place: &Place, run: &str) -> usize {
    let metrics = place.path(run).join("metrics.jsonl");
    fs::read_to_string(metrics).map_or(0, |text| text.matches('\n').count())
}

/// Fails unless both runs ended with the same bits.
pub(crate) fn assert_same_end(place: &Place, run: &str, whole: &str) {
    assert!(
        place.checkpoint_bytes(run) == place.checkpoint_bytes(whole),
        "checkpoints differ"
    );
    assert_eq!(place.losses(run), place.losses(whole));
}

/// The lines of single steps.
#[cfg(unix)]
fn steps(said: &str) -> Vec<&str> {
    said.lines()
        .filter(|line| line.contains("  step "))
        .collect()
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    signal(child, "INT");
}

/// Rust's own `Child::kill` is SIGKILL.
#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let kill = ["-c", &format!("kill -{name} $0"), &child.id().to_string()];
    assert!(Command::new("sh").args(kill).status().unwrap().success());
}

/// A training that starts with a signal ignored, as `nohup` and scripts start programs.
#[cfg(unix)]
fn start_ignoring(place: &Place, name: &str, args: &str) -> Child {
    let script = format!("trap '' {name}; exec \"$0\" {args}");
    let mut shell = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_vae");
    shell
        .current_dir(place.path(""))
        .args(["-c", &script, program]);
    start_command(place, &mut shell)
}

#[cfg(unix)]
#[test]
fn a_signal_that_was_ignored_from_the_start_stays_ignored() {
    for name in ["HUP", "INT", "TERM"] {
        let place = Place::new();
        let mut child = start_ignoring(&place, name, &long(&place, "runs/a"));
        wait_for_epochs(&place, "runs/a", 1, &mut child);
        signal(&child, name);
        let status = child.wait().unwrap();
        let (out, err) = printed(&place);
        assert!(status.success(), "{name}: {status} {out}{err}");
        assert!(!err.contains("stopping"), "{name}: {err}");
        assert_eq!(place.metrics("runs/a").len(), EPOCHS, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn every_signal_that_asks_to_stop_saves_and_says_so_once() {
    for ignored in ["HUP", "INT", "TERM"] {
        // One that is ignored keeps no other from being heard.
        let name = if ignored == "HUP" { "TERM" } else { "HUP" };
        let place = Place::new();
        let args = long(&place, "'my runs/a'");
        let mut child = start_ignoring(&place, ignored, &args);
        wait_for_epochs(&place, "my runs/a", 1, &mut child);
        signal(&child, name);
        let status = child.wait().unwrap();
        let (out, err) = printed(&place);
        assert_eq!(status.code(), Some(130), "{name}: {out}{err}");
        // As a shell takes it.
        let command = "continue with: vae train --resume 'my runs/a'\n";
        assert!(out.contains(command), "{out}");
        let note = "note: stopping after this step and saving; again to stop at once\n";
        assert_eq!(err.matches(note).count(), 1, "{name}: {err}");
    }
}

/// Where a step takes long, the second signal is what ends it.
#[cfg(unix)]
#[test]
fn the_second_signal_stops_at_once_with_the_last_checkpoint_whole() {
    let place = Place::new();
    place.images("wide", 400, 64, 64);
    let model = "--adapter reference --hidden 2048 --latent 8 --batch-size 360";
    let args = format!("train --data wide {model} --epochs 1 --out runs/a");
    let mut child = start(&place, &args);
    let began = || {
        fs::read_to_string(place.path("stdout"))
            .unwrap()
            .contains(" on ")
    };
    wait(&place, &mut child, began);
    // Given a moment to begin the step.
    thread::sleep(Duration::from_millis(50));
    interrupt(&child);
    let said = || {
        fs::read_to_string(place.path("stderr"))
            .unwrap()
            .contains("again to stop")
    };
    wait(&place, &mut child, said);
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let (out, _) = printed(&place);
    assert!(!out.contains("interrupted after step"), "{out}");
    Checkpoint::load(&place.last_checkpoint("runs/a")).unwrap();
}

/// There is nothing to save yet, and a server that says nothing would be waited for.
#[cfg(unix)]
#[test]
fn a_signal_while_data_are_fetched_ends_the_program_at_once() {
    let place = Place::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("http://{}/", server.local_addr().unwrap());
    let args = format!("--data mnist --data-dir sets --download --mirror {mirror} --out runs/a");
    for seeds in ["", "--seeds 2"] {
        let mut child = start(&place, &format!("train --adapter reference {args} {seeds}"));
        // Held, and never answered.
        let _asked = server.accept().unwrap();
        interrupt(&child);
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            let waited = started.elapsed() < Duration::from_secs(20);
            assert!(waited, "still there: {:?}", printed(&place));
            thread::sleep(Duration::from_millis(1));
        };
        assert_eq!(status.code(), None, "ended by the signal itself: {status}");
        assert!(!place.path("runs").exists(), "{seeds}");
    }
}

#[cfg(unix)]
#[test]
fn a_request_to_save_is_met_within_the_epoch_and_changes_no_bit() {
    let place = Place::new();
    place.vae(&long(&place, "runs/whole")).succeeds();
    let mut child = start(&place, &long(&place, "runs/a"));
    wait_for_epochs(&place, "runs/a", 1, &mut child);
    wait_for_early_step(&place, &mut child);
    signal(&child, "USR1");
    let is_within = || {
        let checkpoint = Checkpoint::load(&place.last_checkpoint("runs/a")).unwrap();
        checkpoint.metadata["position"] != "0"
    };
    wait(&place, &mut child, is_within);
    let status = child.wait().unwrap();
    assert!(status.success(), "{status} {:?}", printed(&place));
    assert_same_end(&place, "runs/a", "runs/whole");
}

#[cfg(unix)]
#[test]
fn interrupted_again_and_again_a_run_ends_with_the_same_bits() {
    let place = Place::new();
    let whole = place.vae(&long(&place, "runs/whole")).succeeds().out;
    let mut args = long(&place, "runs/cut");
    let mut said = String::new();
    let mut within_an_epoch = 0;
    for _ in 0..3 {
        let mut child = start(&place, &args);
        let seen = epochs_done(&place, "runs/cut") + 2;
        wait_for_epochs(&place, "runs/cut", seen, &mut child);
        wait_for_early_step(&place, &mut child);
        interrupt(&child);
        let status = child.wait().unwrap();
        let (out, err) = printed(&place);
        assert_eq!(status.code(), Some(130), "{out}{err}");
        assert!(
            out.contains("continue with: vae train --resume runs/cut\n"),
            "{out}"
        );
        assert!(err.contains("stopping after this step and saving"), "{err}");
        said += &out;

        // Everything is whole, and agrees with itself.
        let checkpoint = Checkpoint::load(&place.last_checkpoint("runs/cut")).unwrap();
        let stands_at = |key: &str| checkpoint.metadata[key].parse::<usize>().unwrap();
        assert_eq!(place.metrics("runs/cut").len(), stands_at("epoch"));
        assert!(
            out.contains(&format!("interrupted after step {};", stands_at("step"))),
            "{out}"
        );
        within_an_epoch += usize::from(stands_at("position") > 0);
        place.vae("sample runs/cut --adapter reference").succeeds();
        args = "train --resume runs/cut --log-every 100".to_owned();
    }
    said += &place.vae(&args).succeeds().out;
    assert!(within_an_epoch > 0, "only ever interrupted between epochs");
    assert_same_end(&place, "runs/cut", "runs/whole");
    assert_eq!(steps(&said), steps(&whole), "each step is printed once");
}

#[test]
fn killed_again_and_again_a_run_ends_with_the_same_bits() {
    let place = Place::new();
    place.vae(&long(&place, "runs/whole")).succeeds();
    let mut args = long(&place, "runs/cut");
    // At different moments of an epoch: training, writing the metrics, writing the checkpoint.
    for moment in [0, 3, 7] {
        let mut child = start(&place, &args);
        let seen = epochs_done(&place, "runs/cut") + 2;
        wait_for_epochs(&place, "runs/cut", seen, &mut child);
        thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        child.wait().unwrap();
        printed(&place);
        let checkpoint = Checkpoint::load(&place.last_checkpoint("runs/cut")).unwrap();
        // The line of an epoch is written before its checkpoint.
        let behind = epochs_done(&place, "runs/cut")
            - checkpoint.metadata["epoch"].parse::<usize>().unwrap();
        assert!(behind <= 1, "{behind} epochs lost");
        args = "train --resume runs/cut".to_owned();
    }
    // A line that was never finished, as a kill in the middle of writing leaves it.
    let metrics = place.path("runs/cut/metrics.jsonl");
    let mut text = fs::read_to_string(&metrics).unwrap();
    text.push_str("{\"epoch\":9,\"train_lo");
    fs::write(&metrics, text).unwrap();
    place.vae(&args).succeeds();
    assert_same_end(&place, "runs/cut", "runs/whole");
    assert_eq!(
        place.checkpoints("runs/cut"),
        ["best", "last"],
        "a temporary file was left"
    );
}

#[cfg(unix)]
#[test]
fn on_an_adapter_interrupted_and_killed_runs_end_with_the_same_bits() {
    let place = Place::new();
    if !place.has_adapter() {
        return;
    }
    let blog = "train --preset blog --epochs 2 --log-every 50";
    let whole = place
        .vae(&format!("{blog} --out runs/whole"))
        .succeeds()
        .out;
    let printed_steps: Vec<_> = steps(&whole)
        .iter()
        .map(|line| line.split_whitespace().nth(3).unwrap())
        .collect();
    assert_eq!(
        printed_steps,
        ["50", "100", "150", "200", "250", "300"],
        "{whole}"
    );

    for (run, is_killed) in [("runs/interrupted", false), ("runs/killed", true)] {
        let mut child = start(&place, &format!("{blog} --out {run}"));
        wait_for_epochs(&place, run, 1, &mut child);
        if is_killed {
            child.kill().unwrap();
            child.wait().unwrap();
        } else {
            interrupt(&child);
            assert_eq!(
                child.wait().unwrap().code(),
                Some(130),
                "{:?}",
                printed(&place)
            );
        }
        place.vae(&format!("train --resume {run}")).succeeds();
        assert_same_end(&place, run, "runs/whole");
    }
}

#[test]
fn a_run_that_is_being_trained_is_locked_until_its_process_ends() {
    let place = Place::new();
    let mut child = start(&place, &long(&place, "runs/cut"));
    wait_for_epochs(&place, "runs/cut", 1, &mut child);
    let in_use = ["runs/cut is in use by another training", "wait"];
    place.vae("train --resume runs/cut").fails(1, &in_use);
    // Nor is it a folder for a new run; to look at it is no harm.
    place
        .vae(&long(&place, "runs/cut"))
        .fails(1, &["already holds a run"]);
    place.vae("sample runs/cut --adapter reference").succeeds();
    assert!(child.try_wait().unwrap().is_none(), "ended too early");
    child.kill().unwrap();
    child.wait().unwrap();
    place.vae("train --resume runs/cut").succeeds();
    assert_eq!(place.metrics("runs/cut").len(), EPOCHS);
}

/// Ctrl-C ends what works through examples between two blocks: the file that was being written is gone.
#[cfg(unix)]
#[test]
fn interrupted_an_encoding_leaves_nothing() {
    let place = Place::with_run();
    place.images("many", 400_000, 6, 5);
    let mut child = start(
        &place,
        "encode runs/a --adapter reference --data many --part train -o z.npy",
    );
    // The temporary file holds blocks already.
    let is_under_way = || {
        let entries = fs::read_dir(place.path("")).unwrap().flatten();
        let mut written = entries.filter(|entry| {
            let name = entry.file_name();
            name.to_string_lossy().starts_with(".writing-")
        });
        written.any(|entry| entry.metadata().is_ok_and(|stat| stat.len() > 10_000))
    };
    wait(&place, &mut child, is_under_way);
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let (_, err) = printed(&place);
    assert!(err.contains("interrupted before the end"), "{err}");
    let names = fs::read_dir(place.path("")).unwrap().flatten();
    let left: Vec<_> = names.map(|entry| entry.file_name()).collect();
    let is_left = |name: &std::ffi::OsString| {
        let name = name.to_string_lossy();
        name.starts_with('.') || name == "z.npy"
    };
    assert!(!left.iter().any(is_left), "{left:?}");
}
