//! What a training prints and writes as it goes.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::{Place, Ran, TRAIN};

#[test]
fn metrics_have_a_line_for_each_epoch_with_every_field() {
    let place = Place::with_run();
    place.vae("train --resume runs/a --epochs 5").succeeds();
    let metrics = place.metrics("runs/a");
    assert_eq!(metrics.len(), 5);
    for (line, epoch) in metrics.iter().zip(1_u64..) {
        assert_eq!(line["epoch"], Value::from(epoch));
        let number = |key: &str| line[key].as_f64().filter(|n| n.is_finite()).unwrap();
        for part in ["train", "test"] {
            let [loss, recon, kl] =
                ["loss", "recon", "kl"].map(|of| number(&format!("{part}_{of}")));
            assert!((loss - recon - kl).abs() < 1e-4 * loss, "{line:?}");
            assert!(recon > 0.0 && kl > 0.0, "{line:?}");
        }
        assert!(
            number("seconds") > 0.0 && number("images_per_second") > 0.0,
            "{line:?}"
        );
    }
}

#[test]
fn an_epoch_is_a_line_with_its_losses() {
    let place = Place::new();
    let said = place.vae(&format!("{TRAIN} --out runs/a")).succeeds().out;
    let lines: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("epoch "))
        .collect();
    assert_eq!(lines.len(), 2, "{said}");
    for (line, metrics) in lines.iter().zip(place.metrics("runs/a")) {
        let rounded = |key: &str| format!("{:.2}", metrics[key].as_f64().unwrap());
        let [loss, recon, kl] = ["train_loss", "train_recon", "train_kl"].map(rounded);
        let epoch = &metrics["epoch"];
        let expected = format!(
            "epoch {epoch}/2  loss {loss}  recon {recon}  kl {kl}  test {}  ",
            rounded("test_loss")
        );
        assert!(line.starts_with(&expected), "{line}\n{expected}");
        assert!(
            line.contains(" s  ") && line.ends_with(" images/s"),
            "{line}"
        );
    }
}

/// Epoch and step of the lines that `--log-every` adds.
fn logged(said: &str) -> Vec<(u32, u32)> {
    let line = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let (epoch, step) = match words[..] {
            [
                "epoch",
                epoch,
                "step",
                step,
                "loss",
                total,
                "recon",
                recon,
                "kl",
                kl,
            ] => {
                let [total, recon, kl] = [total, recon, kl].map(|n| n.parse::<f64>().unwrap());
                assert!((total - recon - kl).abs() < 1e-3 * total, "{line}");
                (epoch, step)
            }
            _ => return None,
        };
        Some((epoch.parse().unwrap(), step.parse().unwrap()))
    };
    said.lines().filter_map(line).collect()
}

#[test]
fn every_nth_step_is_printed_once() {
    let place = Place::new();
    for every in [1, 3, 5, 7, 1000] {
        let run = format!("runs/{every}");
        let args = format!("{TRAIN} --log-every {every} --out {run}");
        let said = place
            .vae(&args.replace("--epochs 2", "--epochs 4"))
            .succeeds()
            .out;
        let resumed = format!("train --resume {run} --epochs 6 --log-every {every}");
        let more = place.vae(&resumed).succeeds().out;
        // Five steps an epoch.
        let of = |steps: std::ops::RangeInclusive<u32>| -> Vec<_> {
            let every_nth = steps.filter(|step| step % every == 0);
            every_nth.map(|step| (step.div_ceil(5), step)).collect()
        };
        assert_eq!(logged(&said), of(1..=20), "{said}");
        assert_eq!(logged(&more), of(21..=30), "{more}");
    }
}

#[test]
fn a_log_hears_from_a_long_epoch_in_time_and_not_from_a_short_one() {
    let place = Place::new();
    let within = |out: &str| -> Vec<String> {
        let lines = out.lines().filter(|line| line.contains(" images  loss "));
        lines.map(str::to_owned).collect()
    };
    let mut command = place.command(format!("{TRAIN} --out runs/a").split_whitespace());
    let long = Ran::of(command.env("VAE_PROGRESS_SECONDS", "0")).succeeds();
    let lines = within(&long.out);
    assert!(!lines.is_empty(), "{long}");
    for line in &lines {
        assert!(
            line.starts_with("epoch ") && line.contains("  step "),
            "{line}"
        );
        assert!(
            line.contains(" of 36 images  loss ") && line.ends_with(" images/s"),
            "{line}"
        );
    }
    let short = place.vae(&format!("{TRAIN} --out runs/b")).succeeds();
    assert!(within(&short.out).is_empty(), "{short}");
    assert_eq!(
        place.checkpoint_bytes("runs/a"),
        place.checkpoint_bytes("runs/b")
    );
}

#[test]
fn steps_a_submission_change_nothing_that_is_printed() {
    let place = Place::new();
    let said = [1, 2, 64].map(|steps| {
        let flags = format!("--log-every 2 --steps-per-submission {steps} --out runs/{steps}");
        let said = place.vae(&format!("{TRAIN} {flags}")).succeeds().out;
        let lines = said.lines().filter(|line| line.contains(" step "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    });
    assert_eq!(said[0].len(), 5);
    assert_eq!(said[0], said[1]);
    assert_eq!(said[0], said[2]);
    assert_eq!(
        place.checkpoint_bytes("runs/1"),
        place.checkpoint_bytes("runs/64")
    );
}

#[test]
fn who_closes_the_pipe_does_not_end_the_training() {
    let place = Place::new();
    let args = format!("{TRAIN} --log-every 1 --out runs/a").replace("--epochs 2", "--epochs 50");
    let mut command = place.command(args.split_whitespace());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut stdout = BufReader::with_capacity(16, child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    drop(stdout);
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        ended.status.success() && !said.contains("panicked"),
        "{said}"
    );
    assert!(first.starts_with("tiny on "), "{first}");
    assert_eq!(place.metrics("runs/a").len(), 50);
    assert!(place.path("runs/a/samples/prior.png").exists());
}

#[test]
fn help_and_lists_may_be_cut_off_too() {
    let place = Place::new();
    for args in [&["train", "--help"][..], &["adapters"]] {
        let mut command = place.command(args);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!said.contains("panicked"), "{said}");
        // No signal, at most a failure.
        assert!(ended.status.code().is_some(), "{args:?}");
    }
}

#[test]
fn a_latent_that_says_nothing_is_said() {
    let place = Place::new();
    // One image again and again: there is nothing for the latent to tell apart.
    let pixels: Vec<u8> = (0..40 * 30).map(|index| (8 * (index % 30)) as u8).collect();
    let images = vae_wgpu::data::Images {
        channels: 1,
        count: 40,
        height: 6,
        width: 5,
        pixels: pixels.into(),
    };
    std::fs::create_dir(place.path("same")).unwrap();
    let path = place.path("same").join(crate::TRAIN_IMAGES);
    vae_wgpu::data::idx::write_images(&path, &images).unwrap();
    let args = TRAIN
        .replace("tiny", "same")
        .replace("--epochs 2", "--epochs 300 --lr 0.02");
    let ran = place.vae(&args).succeeds();
    let odd: Vec<_> = ran.err.lines().filter(|line| line.contains("KL")).collect();
    assert_eq!(odd.len(), 1, "{ran}");
    assert!(
        odd[0].starts_with("warning: ") && odd[0].contains("the latent"),
        "{ran}"
    );
    let fine = place.vae(TRAIN).succeeds();
    assert!(!fine.err.contains("KL"), "{fine}");
}
