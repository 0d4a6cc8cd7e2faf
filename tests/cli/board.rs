//! What a training leaves for those who watch it: pictures on the way, event files, a word on a latent that collapses.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::Value;
use vae_wgpu::tensorboard::proto::{SessionLog, event::What, value::Kind};
use vae_wgpu::tensorboard::{event_files, read_events};

use crate::family::labelled;
use crate::{Place, TRAIN};

/// Five of the 36 images' batches make an epoch.
const STEPS: i64 = 5;

/// Values of a tag, by step.
type Tags<T> = BTreeMap<String, Vec<(i64, T)>>;

/// What a reader of all event files of a run knows in the end.
#[derive(Debug, Default)]
struct Events {
    scalars: Tags<f32>,
    /// PNG files with width and height.
    images: Tags<(i32, i32, Vec<u8>)>,
    /// Numbers of values.
    histograms: Tags<f64>,
}

impl Place {
    /// The run's events by TensorBoard's rules: files in the order of their names; where a session starts, what is of
    /// its step and of later ones is void.
    fn events(&self, run: &str) -> Events {
        let mut events = Events::default();
        for path in event_files(&self.path(run)) {
            for event in read_events(&path).unwrap() {
                let step = event.step;
                match event.what.unwrap() {
                    What::FileVersion(version) => assert_eq!(version, "brain.Event:2"),
                    What::SessionLog(log) => {
                        assert_eq!(log.status, SessionLog::START);
                        void(&mut events.scalars, step);
                        void(&mut events.images, step);
                        void(&mut events.histograms, step);
                    }
                    What::Summary(summary) => {
                        for value in summary.value {
                            let tag = value.tag;
                            match value.kind.unwrap() {
                                Kind::SimpleValue(number) => {
                                    push(&mut events.scalars, tag, step, number)
                                }
                                Kind::Image(image) => {
                                    let png = image.encoded_image_string;
                                    let image = (image.width, image.height, png);
                                    push(&mut events.images, tag, step, image);
                                }
                                Kind::Histo(histogram) => {
                                    assert_eq!(histogram.bucket.iter().sum::<f64>(), histogram.num);
                                    push(&mut events.histograms, tag, step, histogram.num);
                                }
                            }
                        }
                    }
                }
            }
        }
        events
    }

    /// Every figure of `metrics.jsonl` under its tag, by step.
    fn expected_scalars(&self, run: &str) -> Tags<f32> {
        let mut expected = Tags::new();
        for (line, epoch) in self.metrics(run).into_iter().zip(1..) {
            for (key, value) in line {
                let tag = match key.split_once('_') {
                    Some((split @ ("train" | "test"), term)) => format!("{term}/{split}"),
                    _ if key == "epoch" || key == "adapter" => continue,
                    _ => format!("speed/{key}"),
                };
                push(
                    &mut expected,
                    tag,
                    STEPS * epoch,
                    value.as_f64().unwrap() as f32,
                );
            }
        }
        expected
    }

    /// Fails unless the events have every figure of the metrics once, and the rate and the latent of each epoch.
    #[track_caller]
    fn assert_events(&self, run: &str) -> Events {
        let events = self.events(run);
        let mut scalars = events.scalars.clone();
        let rates = scalars.remove("learning_rate").unwrap();
        let unused = scalars.remove("latent/unused_dimensions");
        let expected = self.expected_scalars(run);
        assert_eq!(scalars, expected);
        let steps: Vec<_> = rates.iter().map(|&(step, _)| step).collect();
        let of_loss = expected["loss/train"].iter().map(|&(step, _)| step);
        assert_eq!(steps, of_loss.collect::<Vec<_>>());
        assert!(unused.is_none_or(|unused| unused.len() == steps.len()));
        assert_eq!(events.histograms["latent/mu"].len(), steps.len());
        assert_eq!(events.histograms["latent/sigma"].len(), steps.len());
        events
    }

    /// The names of the pictures among a run's samples.
    fn pictures(&self, run: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(run).join("samples")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn picture(&self, run: &str, name: &str) -> Vec<u8> {
        fs::read(self.path(run).join("samples").join(name)).unwrap()
    }
}

fn push<T>(tags: &mut Tags<T>, tag: String, step: i64, value: T) {
    tags.entry(tag).or_default().push((step, value));
}

fn void<T>(tags: &mut Tags<T>, first: i64) {
    for values in tags.values_mut() {
        values.retain(|&(step, _)| step < first);
    }
    tags.retain(|_, values| !values.is_empty());
}

/// `TRAIN` for another number of epochs.
fn train(epochs: u32) -> String {
    TRAIN.replace("--epochs 2", &format!("--epochs {epochs}"))
}

#[test]
fn pictures_on_the_way_change_no_bit_of_the_training() {
    let place = labelled();
    for (run, flags) in [
        ("plain", "--adapter reference"),
        ("cpu", "--adapter cpu"),
        // Draws of the prior are a part of this training.
        ("info", "--adapter cpu --objective info"),
        ("labels", "--adapter cpu --condition both --labelled 8"),
        ("above", "--adapter cpu --stochastic-layers 3,2"),
        ("dropped", "--adapter cpu --norm batch --dropout 0.2"),
    ] {
        let train = train(4)
            .replace(" --adapter reference", "")
            .replace(" --latent 2", "");
        let (with, without) = (format!("runs/{run}"), format!("runs/{run}-without"));
        let flags = format!("{train} {flags}");
        place.vae(&format!("{flags} --out {without}")).succeeds();
        place
            .vae(&format!("{flags} --out {with} --sample-every 2"))
            .succeeds();
        assert!(
            place.checkpoint_bytes(&with) == place.checkpoint_bytes(&without),
            "{run}"
        );
        assert_eq!(place.losses(&with), place.losses(&without), "{run}");
        let drawn = [
            "epoch-0002-reconstructions.png",
            "epoch-0002-samples.png",
            "epoch-0004-reconstructions.png",
            "epoch-0004-samples.png",
            "prior.png",
            "reconstructions.png",
        ];
        assert_eq!(place.pictures(&with), drawn);
        assert_eq!(place.pictures(&without), drawn[4..]);
        // The last ones on the way are those of the end, and others than the first.
        let picture = |name: &str| place.picture(&with, name);
        assert_eq!(picture("epoch-0004-samples.png"), picture("prior.png"));
        let of_both = ["epoch-0002-samples.png", "epoch-0004-samples.png"].map(picture);
        assert_ne!(of_both[0], of_both[1]);
        // The events have the same pictures.
        let events = place.events(&with);
        for what in ["samples", "reconstructions"] {
            let images = &events.images[what];
            for ((step, (width, height, png)), epoch) in images.iter().zip([2, 4]) {
                assert_eq!(*step, STEPS * epoch);
                assert_eq!(*png, picture(&format!("epoch-000{epoch}-{what}.png")));
                let decoded = image::load_from_memory(png).unwrap();
                let size = [decoded.width(), decoded.height()].map(|side| side as i32);
                assert_eq!(size, [*width, *height]);
            }
            assert_eq!(images.len(), 2);
        }
        assert!(place.events(&without).images.is_empty());
    }
}

#[test]
fn on_an_adapter_pictures_on_the_way_change_no_bit() {
    let place = Place::new();
    if !place.has_adapter() {
        return;
    }
    for plan in ["auto", "general"] {
        let train = train(3).replace(" --adapter reference", &format!(" --plan {plan}"));
        let [with, without] = ["with", "without"].map(|of| format!("runs/{plan}-{of}"));
        place.vae(&format!("{train} --out {without}")).succeeds();
        place
            .vae(&format!("{train} --out {with} --sample-every 1"))
            .succeeds();
        assert!(
            place.checkpoint_bytes(&with) == place.checkpoint_bytes(&without),
            "{plan}"
        );
    }
}

#[test]
fn a_run_that_continues_goes_on_with_its_pictures_and_draws_none_twice() {
    let place = Place::new();
    place
        .vae(&format!(
            "{} --sample-every 2 --save-every 1 --out runs/a",
            train(6)
        ))
        .succeeds();
    let whole = place.pictures("runs/a");
    let of_six = place.picture("runs/a", "epoch-0006-samples.png");
    // From the third epoch on again, of which there are pictures and events.
    place.vae("train --resume runs/a --checkpoint 3").succeeds();
    assert_eq!(place.pictures("runs/a"), whole);
    assert_eq!(place.picture("runs/a", "epoch-0006-samples.png"), of_six);
    place.assert_events("runs/a");
    // A run's own settings may be changed.
    place
        .vae("train --resume runs/a --epochs 9 --sample-every 3")
        .succeeds();
    assert!(place.path("runs/a/samples/epoch-0009-samples.png").exists());
    assert!(!place.path("runs/a/samples/epoch-0008-samples.png").exists());
    let config = fs::read_to_string(place.path("runs/a/config.toml")).unwrap();
    assert!(
        config.contains("[watching]\nsample-every = 3\n"),
        "{config}"
    );
    // Another run by the same file, and what cannot be.
    place
        .vae("train --config runs/a/config.toml --epochs 3 --out runs/b")
        .succeeds();
    assert!(place.path("runs/b/samples/epoch-0003-samples.png").exists());
    for wrong in ["0", "-1", "often"] {
        place
            .vae(&format!("{TRAIN} --sample-every {wrong} --out runs/c"))
            .fails(2, &["--sample-every"]);
    }
    assert!(!place.path("runs/c").exists());
}

#[test]
fn seeds_side_by_side_have_pictures_and_events_of_their_own() {
    let place = Place::new();
    place
        .vae(&format!("{TRAIN} --seeds 2 --sample-every 1 --out runs/f"))
        .succeeds();
    place
        .vae(&format!(
            "{TRAIN} --seed 1 --sample-every 1 --out runs/alone"
        ))
        .succeeds();
    for run in ["runs/f/seed-0", "runs/f/seed-1"] {
        place.assert_events(run);
        assert_eq!(place.pictures(run), place.pictures("runs/alone"));
    }
    let name = "epoch-0002-samples.png";
    assert_eq!(
        place.picture("runs/f/seed-1", name),
        place.picture("runs/alone", name)
    );
    assert!(place.checkpoint_bytes("runs/f/seed-1") == place.checkpoint_bytes("runs/alone"));
}

#[test]
fn every_figure_is_an_event_once_however_the_run_was_stopped() {
    let place = Place::new();
    let schedule = "--lr-schedule linear --lr-end 1e-4 --save-every 1";
    place
        .vae(&format!("{} {schedule} --out runs/a", train(3)))
        .succeeds();
    let events = place.assert_events("runs/a");
    assert_eq!(events.histograms["latent/mu"][0], (STEPS, 4.0 * 2.0));
    // Of the fifteen steps from 0, the fifth, tenth and last.
    let rates = events.scalars["learning_rate"].iter();
    let rates: Vec<_> = rates.map(|&(_, rate)| rate).collect();
    let expected = [4.0, 9.0, 14.0].map(|step| (1e-3 + (1e-4 - 1e-3) * step / 14.0) as f32);
    for (rate, expected) in rates.iter().zip(expected) {
        // The end of the decay is held in f32.
        assert!((rate - expected).abs() <= 1e-6 * expected, "{rates:?}");
    }

    // Killed between an epoch's events and its checkpoint: that epoch is done again.
    let checkpoints = place.path("runs/a/checkpoints");
    fs::copy(
        checkpoints.join("epoch-0002.safetensors"),
        checkpoints.join("last.safetensors"),
    )
    .unwrap();
    place.vae("train --resume runs/a --epochs 5").succeeds();
    place.assert_events("runs/a");
    assert_eq!(event_files(&place.path("runs/a")).len(), 2);

    // Killed while it wrote events, at every part of a record: what is whole is read.
    let newest = event_files(&place.path("runs/a")).pop().unwrap();
    let whole = fs::read(&newest).unwrap();
    let all = read_events(&newest).unwrap().len();
    for cut in [1, 3, 40, 300] {
        fs::write(&newest, &whole[..whole.len() - cut]).unwrap();
        assert_eq!(read_events(&newest).unwrap().len(), all - 1, "{cut}");
    }
    fs::copy(
        checkpoints.join("epoch-0004.safetensors"),
        checkpoints.join("last.safetensors"),
    )
    .unwrap();
    place.vae("train --resume runs/a --epochs 6").succeeds();
    place.assert_events("runs/a");
    if let Some(said) = tensorboard(&place, "runs/a") {
        assert_eq!(said, place.events("runs/a").scalars);
    }
}

/// Every scalar of a run as TensorBoard's own reader has it, where there is a Python with it: `VAE_PYTHON`, else
/// `python3`.
fn tensorboard(place: &Place, run: &str) -> Option<Tags<f32>> {
    const READ: &str = "
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'images': 0, 'histograms': 0})
events.Reload()
tags = events.Tags()
json.dump({
    'scalars': {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags['scalars']},
    'images': {tag: [e.width * e.height for e in events.Images(tag)] for tag in tags['images']},
    'histograms': {tag: [e.histogram_value.num for e in events.Histograms(tag)] for tag in tags['histograms']},
}, sys.stdout)
";
    let python = std::env::var_os("VAE_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    let Ok(said) = command.args(["-c", READ]).arg(place.path(run)).output() else {
        eprintln!("skipped: there is no python3");
        return None;
    };
    let error = String::from_utf8_lossy(&said.stderr);
    if error.contains("ModuleNotFoundError") {
        eprintln!("skipped: {error}");
        return None;
    }
    assert!(said.status.success(), "{error}");
    let read: Value = serde_json::from_slice(&said.stdout).unwrap();
    let events = place.events(run);
    for (tag, images) in &events.images {
        let sizes: Vec<_> = images
            .iter()
            .map(|(_, (width, height, _))| width * height)
            .collect();
        assert_eq!(read["images"][tag], serde_json::json!(sizes), "{tag}");
    }
    for (tag, values) in &events.histograms {
        let counts: Vec<_> = values.iter().map(|&(_, count)| count).collect();
        assert_eq!(read["histograms"][tag], serde_json::json!(counts), "{tag}");
    }
    let mut scalars = Tags::new();
    for (tag, values) in read["scalars"].as_object().unwrap() {
        for value in values.as_array().unwrap() {
            let number = value[1].as_f64().unwrap() as f32;
            push(
                &mut scalars,
                tag.clone(),
                value[0].as_i64().unwrap(),
                number,
            );
        }
    }
    Some(scalars)
}

#[test]
fn what_cannot_be_written_for_watchers_is_a_warning() {
    let place = Place::new();
    place.vae(&format!("{TRAIN} --out runs/a")).succeeds();
    place.vae(&format!("{TRAIN} --out runs/b")).succeeds();
    // A file stands in the way of the pictures, as a folder without permission would; root may write into that.
    fs::remove_dir_all(place.path("runs/a/samples")).unwrap();
    fs::write(place.path("runs/a/samples"), "").unwrap();
    let resume = "train --resume runs/a --epochs 5 --sample-every 1";
    let ran = place.vae(resume).succeeds();
    let warned = |ran: &crate::Ran, text: &str| ran.err.matches(text).count();
    assert_eq!(
        warned(&ran, "warning: no more pictures are drawn on the way: "),
        1,
        "{ran}"
    );
    assert_eq!(place.losses("runs/a").len(), 5);
    let events = place.assert_events("runs/a");
    assert!(events.images.is_empty());
    place.vae("train --resume runs/b --epochs 5").succeeds();
    assert!(place.checkpoint_bytes("runs/a") == place.checkpoint_bytes("runs/b"));
}

#[test]
fn a_latent_that_collapses_is_said_once_with_what_helps() {
    let place = Place::new();
    // So heavy a divergence leaves nothing of the latent.
    let heavy = "--beta 10000 --lr 0.01";
    for (run, flags, parts) in [
        (
            "each",
            heavy.to_owned(),
            &["2 of 2 dimensions", "--free-bits", "--beta"][..],
        ),
        (
            "whole",
            format!("{heavy} --prior mixture --components 2"),
            &["its 2 dimensions", "--beta"],
        ),
    ] {
        let ran = place
            .vae(&format!("{} {flags} --out runs/{run}", train(40)))
            .succeeds();
        let lines: Vec<_> = ran
            .err
            .lines()
            .filter(|line| line.contains("say nothing about"))
            .collect();
        let [line] = lines.as_slice() else {
            panic!("{ran}")
        };
        assert!(line.starts_with("warning: "), "{line}");
        for part in parts {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert_eq!(
            ran.err.matches("warning: ").count(),
            2,
            "of the executor, and this one: {ran}"
        );
    }
    let events = place.events("runs/each");
    assert_eq!(
        events.scalars["latent/unused_dimensions"].last().unwrap().1,
        2.0
    );
    assert!(
        !place
            .events("runs/whole")
            .scalars
            .contains_key("latent/unused_dimensions")
    );
    // A latent that is used says nothing.
    let ran = place
        .vae(&format!("{} --lr 0.01 --out runs/used", train(40)))
        .succeeds();
    assert!(!ran.err.contains("about an image"), "{ran}");
}
