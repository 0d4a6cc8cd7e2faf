//! The run directory: what it refuses, what it keeps of its metrics, and that one training writes it at a time.

use std::fs;

use serde::{Deserialize, Serialize};
use vae_wgpu::checkpoint::{Checkpoint, CheckpointError, RunDir};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    epoch: u64,
    elbo: f64,
}

fn row(epoch: u64) -> Row {
    let elbo = -100.5 - epoch as f64;
    Row { epoch, elbo }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Config {
    seed: u64,
    hidden: Vec<usize>,
}

#[test]
fn a_run_is_created_once_and_opened_when_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs/first");
    let run = RunDir::create(&path).unwrap();
    assert!(run.samples().is_dir() && run.checkpoints().is_dir());

    let missing = |expected: &str| {
        let error = RunDir::open(&path).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("first"),
            "{error}"
        );
    };
    missing("config.toml and no checkpoints/last.safetensors");
    let config = Config {
        seed: 7,
        hidden: vec![400, 20],
    };
    run.write_config(&config).unwrap();
    missing("no checkpoints/last.safetensors");
    Checkpoint::default().save(&run.last_checkpoint()).unwrap();

    let run = RunDir::open(&path).unwrap();
    assert_eq!(run.read_config::<Config>().unwrap(), config);
    fs::remove_file(run.config()).unwrap();
    missing("no config.toml;");
    let error = RunDir::create(&path).unwrap_err().to_string();
    assert!(
        error.contains("checkpoints/last.safetensors is there"),
        "{error}"
    );
}

#[test]
fn a_folder_with_other_things_in_it_becomes_a_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    RunDir::create(folder.path()).unwrap();
    RunDir::create(folder.path()).unwrap();
    assert!(folder.path().join("notes.txt").is_file());
}

#[test]
fn what_is_no_folder_is_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = RunDir::create(file.join("run")).unwrap_err();
    assert!(matches!(error, CheckpointError::Write { .. }), "{error}");
    for path in [file, folder.path().join("missing")] {
        let error = RunDir::open(&path).unwrap_err();
        assert!(matches!(error, CheckpointError::Read { .. }), "{error}");
        assert!(error.to_string().contains(&*path.to_string_lossy()));
    }
}

#[test]
fn a_damaged_configuration_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path()).unwrap();
    for bad in [
        &b"seed = 1\nhidden = [4,"[..],
        b"seed = 1\nhidden = 4",
        b"\xff",
    ] {
        fs::write(run.config(), bad).unwrap();
        let error = run.read_config::<Config>().unwrap_err();
        assert!(matches!(error, CheckpointError::Decode { .. }), "{error}");
        assert!(error.to_string().contains("config.toml"), "{error}");
        assert!(
            bad == b"\xff" || error.to_string().contains("line 2"),
            "{error}"
        );
    }
}

#[test]
fn a_configuration_keeps_every_seed() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path()).unwrap();
    // TOML promises integers up to 2^63 - 1 only.
    for seed in [0, 1 << 63, u64::MAX] {
        let hidden = Vec::new();
        run.write_config(&Config { seed, hidden }).unwrap();
        assert_eq!(run.read_config::<Config>().unwrap().seed, seed);
    }
    let error = run.write_config(&[Some(1), None]).unwrap_err();
    assert!(matches!(error, CheckpointError::Encode { .. }), "{error}");
}

#[test]
fn metrics_are_appended_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path()).unwrap();
    assert!(run.read_metrics::<Row>().unwrap().is_empty());
    for epoch in 1..=3 {
        run.append_metrics(&row(epoch)).unwrap();
    }
    assert_eq!(run.read_metrics::<Row>().unwrap(), [row(1), row(2), row(3)]);
    fs::write(run.metrics(), "{\"epoch\":1,\"elbo\":1.0}\nnonsense\n").unwrap();
    let error = run.read_metrics::<Row>().unwrap_err().to_string();
    assert!(error.contains("metrics.jsonl: line 2"), "{error}");
}

#[test]
fn a_line_cut_anywhere_is_dropped_and_the_rest_kept() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path()).unwrap();
    run.truncate_metrics(5).unwrap();
    assert!(!run.metrics().exists());
    for epoch in 1..=4 {
        run.append_metrics(&row(epoch)).unwrap();
    }
    let whole = fs::read(run.metrics()).unwrap();
    let line = whole.len() / 4;
    for len in 0..=whole.len() {
        fs::write(run.metrics(), &whole[..len]).unwrap();
        // A line that lacks nothing but its line break is whole.
        let lines = (len + 1) / line;
        assert_eq!(run.read_metrics::<Row>().unwrap().len(), lines, "{len}");
        run.truncate_metrics(3).unwrap();
        let kept = lines.min(3) * line;
        assert_eq!(fs::read(run.metrics()).unwrap(), whole[..kept], "{len}");
    }
}

#[test]
fn truncation_drops_later_epochs_and_what_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path()).unwrap();
    let text = "{\"epoch\":1}\n\0\0\0\n{\"epoch\":9}\n[1]\n{\"epoch\":-1}\n{\"step\":1}\n{\"epoch\":2, \"x\":null}\n{\"ep";
    fs::write(run.metrics(), text).unwrap();
    run.truncate_metrics(2).unwrap();
    let kept = fs::read_to_string(run.metrics()).unwrap();
    assert_eq!(kept, "{\"epoch\":1}\n{\"epoch\":2, \"x\":null}\n");
}

#[test]
fn one_training_writes_a_run_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path()).unwrap();
    let leftover = run.checkpoints().join(".writing-abc.tmp");
    fs::write(&leftover, "half a checkpoint").unwrap();
    let lock = run.lock().unwrap();
    assert!(!leftover.exists());
    let error = run.lock().unwrap_err();
    assert!(matches!(error, CheckpointError::Locked { .. }), "{error}");
    drop(lock);
    run.lock().unwrap();
}
