//! What a training leaves for those who watch it: event files of every epoch's figures and of the latent, pictures of
//! every N-th epoch, and a line where the latent collapses.
//!
//! Nothing here has a part in the training: what is drawn is a function of the weights and of the seed, and what cannot
//! be written is a warning, once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use vae_wgpu::checkpoint::RunDir;
use vae_wgpu::data::{Dataset, Split};
use vae_wgpu::plot::png_size;
use vae_wgpu::tensorboard::proto::Value;
use vae_wgpu::tensorboard::{self, EventFile};
use vae_wgpu::train::{Collapse, EpochMetrics, LatentKl, Settings, Trainer};

use super::collapse;
use crate::cli::console;
use crate::cli::features::Lens;
use crate::cli::output::Output;
use crate::cli::pictures::{self, Shown};
use crate::cli::watching::Watching;

/// Images of the pictures that a training leaves.
const PICTURED: usize = 100;
const RECONSTRUCTED: usize = 20;
/// Test images whose latents are looked at after an epoch: one run of an encoder.
const LOOKED_AT: usize = 256;
/// Values that they have at the most, since they are kept beside the data: 256 images of 32×32 pixels.
const VALUES: usize = 1 << 18;
/// The term that says how far the latent is from its prior.
const KL: &str = "kl";
/// The pictures of an epoch.
const SAMPLES: &str = "samples";
const RECONSTRUCTIONS: &str = "reconstructions";

/// The test images that a training is watched by.
pub(super) struct Watched {
    split: Split,
    /// How many of them have their latents looked at.
    looked_at: usize,
    /// Whether they are pictures, and not rows of a table.
    are_pictures: bool,
}

impl Watched {
    /// The first ones of the test images.
    pub(super) fn of(data: &Dataset) -> Self {
        let test = &data.test;
        let looked_at = (VALUES / test.images.dim().max(1)).clamp(1, LOOKED_AT);
        Self {
            split: test.first(looked_at.max(RECONSTRUCTED)),
            looked_at: looked_at.min(test.images.count),
            are_pictures: data.table.is_none(),
        }
    }
}

/// What is left for those who watch.
pub(super) struct Board {
    dir: RunDir,
    watching: Watching,
    watched: Watched,
    /// The images whose latents are looked at, as the model sees them.
    values: Vec<f32>,
    shown: Shown,
    collapse: Collapse,
    /// What came before is of steps up to this one.
    first_step: u32,
    events: Option<EventFile>,
    /// The seed, where several trainings warn on one terminal.
    seed: Option<u64>,
    /// What was given up, since it failed.
    gave_up: GaveUp,
}

/// What failed once is not tried again.
#[derive(Default)]
struct GaveUp {
    events: bool,
    pictures: bool,
    latents: bool,
}

impl Board {
    /// Takes up a run where its trainer stands. Pictures of later epochs are removed: they are of what is done again.
    pub(super) fn new(
        trainer: &Trainer,
        dir: &RunDir,
        watching: Watching,
        watched: Watched,
        lens: Option<Lens>,
        aloud: bool,
    ) -> Self {
        remove_later(&dir.samples(), trainer.epochs_done());
        let images = &watched.split.images;
        Self {
            values: trainer
                .scaling()
                .model_values(&images.first(watched.looked_at).pixels),
            shown: Shown::new(trainer.scaling(), images.size(), lens),
            dir: dir.clone(),
            watching,
            watched,
            collapse: Collapse::default(),
            first_step: trainer.steps_done() + 1,
            events: None,
            seed: (!aloud).then_some(trainer.settings().seed),
            gave_up: GaveUp::default(),
        }
    }

    /// An epoch is complete.
    pub(super) fn epoch(&mut self, trainer: &mut Trainer, metrics: &EpochMetrics) {
        let mut values = scalars(metrics, trainer.learning_rate());
        self.look_at_latents(trainer, metrics, &mut values);
        let draws = self.watched.are_pictures && self.watching.draws(metrics.epoch);
        if draws && !self.gave_up.pictures {
            match self.draw(trainer, metrics.epoch) {
                Ok(drawn) => values.extend(drawn),
                Err(error) => {
                    self.gave_up.pictures = true;
                    self.warn(&format!("no more pictures are drawn on the way: {error:#}"));
                }
            }
        }
        self.record(trainer.steps_done(), values);
    }

    /// Says of a training that was too short for [`Board::epoch`] to say it that its latent collapsed.
    pub(super) fn end(&mut self, settings: &Settings, last: &EpochMetrics) {
        if let Some(kl) = last.test.term(KL)
            && self.collapse.end(kl)
        {
            self.warn(&collapse::at_the_end(kl, settings));
        }
    }

    /// Draws the pictures of a complete training, and says where each is or why it is not.
    pub(super) fn finish(&mut self, trainer: &mut Trainer, say: &dyn Fn(&str)) {
        let dir = self.dir.clone();
        if !self.watched.are_pictures {
            let run = console::quoted(dir.path());
            return say(&format!(
                "rows             vae sample {run} -o synthetic.csv"
            ));
        }
        for (what, name) in [
            (SAMPLES, "prior.png"),
            (RECONSTRUCTIONS, "reconstructions.png"),
        ] {
            match self.picture(trainer, what, name) {
                Ok(_) => say(&format!("{what:<17}{}", dir.samples().join(name).display())),
                Err(error) => self.warn(&format!(
                    "the run is complete, but its {what} could not be drawn: {error:#}"
                )),
            }
        }
    }

    /// Whether the latent is used, and how it is distributed.
    fn look_at_latents(
        &mut self,
        trainer: &mut Trainer,
        metrics: &EpochMetrics,
        values: &mut Vec<Value>,
    ) {
        if self.gave_up.latents {
            return;
        }
        let settings = trainer.settings().clone();
        let steps = trainer.steps_done();
        let model = trainer.model();
        let labels = self.watched.split.labels.as_deref();
        let labels = labels.map(|labels| &labels[..self.watched.looked_at]);
        let encoded = match model.encode(&self.values, labels) {
            Ok(encoded) => encoded,
            Err(error) => {
                self.gave_up.latents = true;
                return self.warn(&format!("the latents are not looked at: {error}"));
            }
        };
        let each = LatentKl::of(model.vae(), &encoded);
        let sigma = encoded.logvar.iter().map(|logvar| (0.5 * logvar).exp());
        let sigma: Vec<_> = sigma.collect();
        values.push(tensorboard::histogram("latent/mu", &encoded.mu));
        values.push(tensorboard::histogram("latent/sigma", &sigma));
        if let Some(LatentKl::Each(kl)) = &each {
            let kl: Vec<_> = kl.iter().map(|&kl| kl as f32).collect();
            values.push(tensorboard::histogram("latent/kl_of_dimensions", &kl));
        }
        if let Some(unused) = each.as_ref().and_then(LatentKl::unused) {
            values.push(tensorboard::scalar(
                "latent/unused_dimensions",
                unused as f64,
            ));
        }
        let dimensions = model.vae().latent_dims().iter().sum();
        let whole = metrics.test.term(KL);
        let kl = each.or_else(|| whole.map(|kl| LatentKl::Whole { kl, dimensions }));
        if let Some(kl) = kl
            && self.collapse.epoch(&kl, &settings, steps)
        {
            self.warn(&collapse::for_epochs(&kl, &settings));
        }
    }

    /// The pictures of an epoch, also as values of an event.
    fn draw(&mut self, trainer: &mut Trainer, epoch: u32) -> anyhow::Result<Vec<Value>> {
        let mut values = Vec::new();
        for what in [SAMPLES, RECONSTRUCTIONS] {
            let name = format!("epoch-{epoch:04}-{what}.png");
            let path = self.picture(trainer, what, &name)?;
            let png = fs::read(&path)?;
            let size = png_size(&png).context("the picture that was drawn cannot be read")?;
            let colours = if self.shown.size().channels == 3 {
                3
            } else {
                1
            };
            values.push(tensorboard::image(what, size, colours, png));
        }
        Ok(values)
    }

    /// One picture among the run's samples; its path.
    fn picture(
        &mut self,
        trainer: &mut Trainer,
        what: &str,
        name: &str,
    ) -> anyhow::Result<PathBuf> {
        let output = Output::among_samples(&self.dir, name)?;
        let (model, shown) = (trainer.model(), &mut self.shown);
        if what == SAMPLES {
            let count = pictures::fitting(PICTURED, shown.size());
            pictures::samples(model, shown, (count, None), &output)?;
        } else {
            let split = &self.watched.split;
            pictures::reconstructions(model, shown, split, RECONSTRUCTED, &output)?;
        }
        Ok(self.dir.samples().join(name))
    }

    /// Appends an epoch's values to the event file of this process, which begins with the first of them.
    fn record(&mut self, step: u32, values: Vec<Value>) {
        if self.gave_up.events {
            return;
        }
        let begun = match self.events.take() {
            Some(events) => Ok(events),
            None => EventFile::create(self.dir.path(), self.first_step.into()),
        };
        let recorded = begun.and_then(|mut events| {
            events.append(step.into(), values)?;
            Ok(events)
        });
        match recorded {
            Ok(events) => self.events = Some(events),
            Err(error) => {
                self.gave_up.events = true;
                self.warn(&format!(
                    "TensorBoard will not see the rest of this run: {error}"
                ));
            }
        }
    }

    fn warn(&self, text: &str) {
        match self.seed {
            Some(seed) => console::warning(&format!("seed {seed}: {text}")),
            None => console::warning(text),
        }
    }
}

/// The figures of an epoch by tags, those of one name for training and test images beside each other.
fn scalars(metrics: &EpochMetrics, learning_rate: f64) -> Vec<Value> {
    let mut values = Vec::new();
    for (name, value) in metrics.figures() {
        let of_split = ["train", "test"].into_iter().find_map(|split| {
            let term = name.strip_prefix(split)?.strip_prefix('_')?;
            Some(format!("{term}/{split}"))
        });
        let tag = of_split.unwrap_or_else(|| format!("speed/{name}"));
        values.push(tensorboard::scalar(tag, value));
    }
    values.push(tensorboard::scalar("learning_rate", learning_rate));
    values
}

/// The epoch of a picture, of those that [`Board`] draws on the way.
pub(crate) fn picture_of_epoch(name: &str) -> Option<u32> {
    let (epoch, what) = name.strip_prefix("epoch-")?.split_once('-')?;
    let is_own = [SAMPLES, RECONSTRUCTIONS].into_iter();
    let mut is_own = is_own.map(|own| what == format!("{own}.png"));
    is_own.any(|own| own).then(|| epoch.parse().ok())?
}

fn remove_later(samples: &Path, epochs: u32) {
    let entries = fs::read_dir(samples).into_iter().flatten().flatten();
    for entry in entries {
        let epoch = entry.file_name().to_str().and_then(picture_of_epoch);
        if epoch.is_some_and(|epoch| epoch > epochs) {
            // One that cannot be removed is drawn over, if its epoch is drawn again.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use vae_wgpu::train::Losses;

    use super::*;

    #[test]
    fn a_picture_is_known_by_its_name() {
        assert_eq!(picture_of_epoch("epoch-0005-samples.png"), Some(5));
        assert_eq!(
            picture_of_epoch("epoch-12345-reconstructions.png"),
            Some(12_345)
        );
        for other in [
            "epoch-0005-notes.png",
            "prior.png",
            "epoch-x-samples.png",
            "epoch-0005.png",
        ] {
            assert_eq!(picture_of_epoch(other), None, "{other}");
        }
    }

    #[test]
    fn training_and_test_lie_beside_each_other() {
        let losses = Losses {
            objective: 1.0,
            terms: vec![("kl".to_owned(), 0.5), ("train_like".to_owned(), 2.0)],
        };
        let metrics = EpochMetrics {
            epoch: 1,
            train: losses.clone(),
            test: losses,
            seconds: 1.0,
            images_per_second: 9.0,
        };
        let tags: Vec<_> = scalars(&metrics, 1e-3).into_iter().map(|v| v.tag).collect();
        let expected = [
            "loss/train",
            "kl/train",
            "train_like/train",
            "loss/test",
            "kl/test",
            "train_like/test",
            "speed/seconds",
            "speed/images_per_second",
            "learning_rate",
        ];
        assert_eq!(tags, expected);
    }
}
