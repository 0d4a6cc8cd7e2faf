//! The loop: epochs over the data, losses read once per epoch, a place to resume from.

use std::borrow::Cow;
use std::time::Instant;

use super::labelled::with_labelled;
use super::pacing::Pacing;
use super::rows::{Part, check_split, splits};
use super::saved::{self, Images, Place};
use super::windows::{Feed, Input, Order};
use super::{EpochMetrics, LossColumns, Losses, Scaling, Settings, TrainError};
use crate::checkpoint::Checkpoint;
use crate::data::Dataset;
use crate::eval::Autoencoder;
use crate::executor::{Executor, Snapshot};
use crate::graph::{Graph, Schedule};
use crate::model::Vae;

/// How far an epoch has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Steps of the run before this epoch.
    pub first_step: u32,
    /// Images of this epoch that have been handed to the executor.
    pub images: usize,
    /// Images of an epoch.
    pub count: usize,
    /// What the columns of `log` are.
    pub columns: LossColumns<'a>,
    /// The losses that have arrived, a line for each step of this epoch.
    pub log: &'a [f32],
}

impl Progress<'_> {
    /// The latest losses, if any have arrived.
    pub fn latest(&self) -> Option<Losses> {
        let last = self.columns.lines(self.log).last();
        last.map(|line| self.columns.losses(line))
    }
}

/// Why [`Trainer::epoch`] returned.
#[derive(Clone, Debug, PartialEq)]
pub enum EpochEnd {
    /// The epoch is complete.
    Complete(EpochMetrics),
    /// `go_on` said no; the next call continues where this one stopped.
    Interrupted,
}

/// A model in training.
///
/// The same settings, data and adapter give the same bits, wherever the run is interrupted.
pub struct Trainer {
    model: Autoencoder,
    settings: Settings,
    images: Images,
    train: Feed,
    test: Feed,
    /// The terms of the training's graph.
    train_terms: Vec<String>,
    /// The terms of the evaluation's graph.
    test_terms: Vec<String>,
    train_count: usize,
    test_count: usize,
    rates: Schedule,
    place: Place,
    /// Where this process began or continued the epoch, and the weights there, to find the cause of a
    /// loss that is not finite.
    epoch_start: (Place, Snapshot),
    /// Whether somebody has had the model since, and may have changed it.
    may_be_changed: bool,
    steps_per_submission: Option<usize>,
}

impl Trainer {
    /// A new run: initial weights from the seed, step 0. A data set is borrowed as `&Dataset`; an owned
    /// one is given back to the system while the executor copies it to where it keeps it.
    ///
    /// # Errors
    /// Where a setting is out of range, the data does not suit it, or the device fails.
    pub fn new<'a>(
        vae: Vae,
        mut executor: Box<dyn Executor>,
        settings: Settings,
        data: impl Into<Cow<'a, Dataset>>,
    ) -> Result<Self, TrainError> {
        let data = data.into();
        check(&vae, &settings, &data)?;
        let scaling = Scaling::of(&settings, &data.train.images)?;
        let initial = vae.initial(settings.seed, || scaling.means(&data.train.images))?;
        executor.restore(&initial)?;
        Self::at(vae, executor, settings, data, Place::default(), initial)
    }

    /// A new run with the weights of a checkpoint: moments zero, step 0.
    ///
    /// # Errors
    /// As [`Trainer::new`], and where the checkpoint does not fit the model.
    pub fn with_weights<'a>(
        vae: Vae,
        mut executor: Box<dyn Executor>,
        settings: Settings,
        data: impl Into<Cow<'a, Dataset>>,
        mut checkpoint: Checkpoint,
    ) -> Result<Self, TrainError> {
        let initial = saved::read_parameters(&mut checkpoint, &vae.parameters())?;
        executor.restore(&initial)?;
        let data = data.into();
        Self::at(vae, executor, settings, data, Place::default(), initial)
    }

    /// A run that continues from a checkpoint. Settings that say where the weights go next, such as
    /// the learning rate, may be others than it was made with ([`super::Difference::why_fixed`]).
    ///
    /// # Errors
    /// As [`Trainer::new`], and where the checkpoint does not fit the model.
    pub fn resume<'a>(
        vae: Vae,
        mut executor: Box<dyn Executor>,
        settings: Settings,
        data: impl Into<Cow<'a, Dataset>>,
        mut checkpoint: Checkpoint,
    ) -> Result<Self, TrainError> {
        settings.check()?;
        let data = data.into();
        let images = images_of(&vae, &settings, &data)?;
        let terms =
            names_of_terms(&vae.training_graph(1, settings.optimizer_of(&vae, images.count)?));
        let columns = LossColumns::new(&terms);
        let place = saved::read_place(&mut checkpoint, &settings, &images, columns)?;
        let snapshot = saved::read_snapshot(&mut checkpoint, &vae.parameters())?;
        executor.restore(&snapshot)?;
        Self::at(vae, executor, settings, data, place, snapshot)
    }

    fn at(
        vae: Vae,
        mut executor: Box<dyn Executor>,
        settings: Settings,
        data: Cow<'_, Dataset>,
        place: Place,
        snapshot: Snapshot,
    ) -> Result<Self, TrainError> {
        check(&vae, &settings, &data)?;
        let (train, test) = (&data.train.images, &data.test.images);
        let optimizer = settings.optimizer_of(&vae, train.count)?;
        let vae = settings.in_training(vae, train.count);
        let images = images_of(&vae, &settings, &data)?;
        let vae = vae.with_library(images.scaling.library());
        let [train_count, test_count] = [train.count, test.count];
        let [train, test] = splits(data);
        let train = Input::of(&vae, &settings, &images.scaling, train, Part::Training)?;
        let test = Input::of(&vae, &settings, &images.scaling, test, Part::Test)?;
        let vae = with_labelled(vae, &settings, &train)?;
        let batch = settings.batch_size;
        let train_terms = names_of_terms(&vae.training_graph(1, optimizer.clone()));
        let test_terms = names_of_terms(&vae.evaluation_graph(1));
        let rates = optimizer.schedule.clone();
        let train = Feed::new(&mut *executor, train, batch, &|rows| {
            vae.training_graph(rows, optimizer.clone())
        })?;
        let test = Feed::new(&mut *executor, test, batch, &|rows| {
            vae.evaluation_graph(rows)
        })?;
        Ok(Self {
            model: Autoencoder::new(vae, executor),
            settings,
            images,
            train,
            test,
            train_terms,
            test_terms,
            train_count,
            test_count,
            rates,
            epoch_start: (place.clone(), snapshot),
            place,
            may_be_changed: false,
            steps_per_submission: None,
        })
    }

    /// Fixes how many steps share a submission, which otherwise follows their duration. It changes
    /// no result.
    pub fn set_steps_per_submission(&mut self, steps: usize) {
        self.steps_per_submission = Some(steps);
    }

    /// Epochs that are complete.
    pub fn epochs_done(&self) -> u32 {
        self.place.epoch
    }

    /// Steps that are done.
    pub fn steps_done(&self) -> u32 {
        self.place.step
    }

    /// Steps of the current epoch that were done before this call.
    pub fn steps_of_epoch(&self) -> usize {
        LossColumns::new(&self.train_terms)
            .lines(&self.place.log)
            .len()
    }

    /// The learning rate of the last step that is done; before the first one, that step's.
    pub fn learning_rate(&self) -> f64 {
        self.rates.rate(self.place.step.saturating_sub(1))
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How the model sees the values of images.
    pub fn scaling(&self) -> Scaling {
        self.images.scaling
    }

    /// What it runs on, for people.
    pub fn executor_name(&self) -> String {
        self.model.executor().name()
    }

    /// The model as it is now.
    pub fn model(&mut self) -> &mut Autoencoder {
        self.may_be_changed = true;
        &mut self.model
    }

    /// The model, training ended.
    pub fn into_model(self) -> Autoencoder {
        self.model
    }

    /// Trains until all epochs are done; `report` sees each one's metrics.
    ///
    /// # Errors
    /// Where the device fails or the loss is not finite.
    pub fn run(&mut self, mut report: impl FnMut(&EpochMetrics)) -> Result<(), TrainError> {
        while self.place.epoch < self.settings.epochs {
            if let EpochEnd::Complete(metrics) = self.epoch(None, &mut || true)? {
                report(&metrics);
            }
        }
        Ok(())
    }

    /// Trains to the end of the current epoch and measures the test loss.
    ///
    /// `watch` sees the losses as they arrive, without slowing the run. `go_on` is asked between
    /// submissions.
    ///
    /// # Errors
    /// Where the device fails or the loss is not finite.
    pub fn epoch(
        &mut self,
        mut watch: Option<&mut dyn FnMut(Progress<'_>)>,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<EpochEnd, TrainError> {
        let started = Instant::now();
        let Place { step, position, .. } = self.place;
        self.train.begin(step, position, self.order())?;
        self.train.watch(watch.is_some());
        let mut pacing = Pacing::new(self.steps_per_submission);
        let mut handed = 0;
        let mut stopped = false;
        while position + handed * self.settings.batch_size < self.train_count {
            handed += self.train.advance(pacing.steps())?;
            pacing.submitted();
            if let Some(watch) = &mut watch {
                self.report(watch, handed)?;
            }
            if !go_on() {
                stopped = true;
                break;
            }
        }
        let log = self.train.losses()?;
        self.check_finite(&log)?;
        self.place.log.extend_from_slice(&log);
        self.place.step += handed as u32;
        self.place.position = (position + handed * self.settings.batch_size).min(self.train_count);
        if let Some(watch) = &mut watch {
            self.report_all(watch);
        }
        if stopped && self.place.position < self.train_count {
            return Ok(EpochEnd::Interrupted);
        }
        let trained = started.elapsed().as_secs_f64();
        let columns = LossColumns::new(&self.train_terms);
        let train = columns.mean(&self.place.log, self.settings.batch_size, self.train_count);
        let test = match self.evaluate() {
            Ok(test) => test,
            Err(error) => {
                let (place, snapshot) = self.epoch_start.clone();
                self.model.executor_mut().restore(&snapshot)?;
                self.place = place;
                return Err(error);
            }
        };
        self.place = Place {
            step: self.place.step,
            epoch: self.place.epoch + 1,
            position: 0,
            log: Vec::new(),
        };
        self.epoch_start = (self.place.clone(), self.model.executor_mut().snapshot()?);
        self.may_be_changed = false;
        Ok(EpochEnd::Complete(EpochMetrics {
            epoch: self.place.epoch,
            train,
            test,
            seconds: started.elapsed().as_secs_f64(),
            images_per_second: (self.train_count - position) as f64 / trained,
        }))
    }

    /// The order of the current epoch's images.
    fn order(&self) -> Order {
        Order::Drawn {
            seed: self.settings.seed,
            epoch: self.place.epoch,
        }
    }

    /// The loss over the test images, with noise that is the same each time.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn evaluate(&mut self) -> Result<Losses, TrainError> {
        self.test.begin(0, 0, Order::Stored)?;
        let mut pacing = Pacing::new(self.steps_per_submission);
        while self.test.advance(pacing.steps())? > 0 {
            pacing.submitted();
        }
        let log = self.test.losses()?;
        let batch = self.settings.batch_size.min(self.test_count);
        let columns = LossColumns::new(&self.test_terms);
        let mean = columns.mean(&log, batch, self.test_count);
        if mean.objective.is_finite() {
            return Ok(mean);
        }
        let finite = |line: &[f32]| line.iter().all(|value| value.is_finite());
        let first = columns.lines(&log).position(|line| !finite(line));
        let first = first.unwrap_or(0);
        let position = first * batch;
        self.test.begin(first as u32, position, Order::Stored)?;
        Err(TrainError::NonFinite {
            epoch: self.place.epoch + 1,
            step: self.place.step,
            operation: self
                .test
                .find_non_finite()?
                .unwrap_or_else(|| "the test loss".to_owned()),
        })
    }

    /// Everything that is needed to continue this run, or to use its model.
    ///
    /// # Errors
    /// Where the device fails, or a parameter or a moment of Adam's is not finite: the step that spoils it can be the one
    /// before an interruption, and its own loss still a number.
    pub fn checkpoint(&mut self) -> Result<Checkpoint, TrainError> {
        let new;
        let (place, taken) = &self.epoch_start;
        let snapshot = if place.step == self.place.step && !self.may_be_changed {
            taken
        } else {
            new = self.model.executor_mut().snapshot()?;
            &new
        };
        let specs = self.model.vae().parameters();
        let finite = |values: &Vec<f32>| values.iter().all(|value| value.is_finite());
        let Snapshot { parameters, m, v } = snapshot;
        let spoiled = specs.iter().enumerate().find(|&(number, _)| {
            let of_parameter = |all: &Vec<Vec<f32>>| all.get(number).is_none_or(finite);
            ![parameters, m, v].into_iter().all(of_parameter)
        });
        if let Some((_, spec)) = spoiled {
            return Err(TrainError::NonFinite {
                epoch: self.place.epoch + 1,
                step: self.place.step,
                operation: format!("the update of {}", spec.name),
            });
        }
        let columns = LossColumns::new(&self.train_terms);
        saved::write(
            &specs,
            snapshot,
            (&self.place, columns),
            &self.settings,
            &self.images,
        )
    }

    fn report(
        &mut self,
        watch: &mut &mut dyn FnMut(Progress<'_>),
        handed: usize,
    ) -> Result<(), TrainError> {
        if let Some(new) = self.train.recent_losses()? {
            let log = [self.place.log.as_slice(), &new].concat();
            let images = self.place.position + handed * self.settings.batch_size;
            let images = images.min(self.train_count);
            watch(self.progress(images, &log));
        }
        Ok(())
    }

    fn report_all(&self, watch: &mut &mut dyn FnMut(Progress<'_>)) {
        watch(self.progress(self.place.position, &self.place.log));
    }

    fn progress<'a>(&'a self, images: usize, log: &'a [f32]) -> Progress<'a> {
        let per_epoch = self.train_count.div_ceil(self.settings.batch_size) as u32;
        let first_step = self.place.epoch * per_epoch;
        let (epoch, count) = (self.place.epoch + 1, self.train_count);
        Progress {
            epoch,
            first_step,
            images,
            count,
            columns: LossColumns::new(&self.train_terms),
            log,
        }
    }

    /// Where a loss is not finite: goes back to where this process took the epoch up, repeats the
    /// steps before the bad one, and asks the executor for the first bad operation.
    fn check_finite(&mut self, log: &[f32]) -> Result<(), TrainError> {
        let columns = LossColumns::new(&self.train_terms);
        let bad = columns
            .lines(log)
            .position(|line| line.iter().any(|v| !v.is_finite()));
        let Some(bad) = bad else { return Ok(()) };
        let (place, snapshot) = self.epoch_start.clone();
        self.model.executor_mut().restore(&snapshot)?;
        self.train.begin(place.step, place.position, self.order())?;
        let before = columns.lines(&self.place.log).len() + bad - columns.lines(&place.log).len();
        let mut done = 0;
        while done < before {
            done += self.train.advance((before - done).min(16))?;
        }
        let operation = self.train.find_non_finite()?;
        // Back to sound weights, in case the caller goes on in spite of the error.
        self.model.executor_mut().restore(&snapshot)?;
        self.place = place.clone();
        Err(TrainError::NonFinite {
            epoch: place.epoch + 1,
            step: place.step + before as u32 + 1,
            operation: operation.unwrap_or_else(|| "the objective".to_owned()),
        })
    }
}

/// Checks that the settings are in range and the data suit them and the model.
pub(super) fn check(vae: &Vae, settings: &Settings, data: &Dataset) -> Result<(), TrainError> {
    settings.check()?;
    let (train, test) = (&data.train.images, &data.test.images);
    for images in [train, test] {
        check_split(images, train.size())?;
    }
    if train.dim() != vae.config().input_dim {
        return Err(TrainError::ImageSize {
            found: train.size().to_string(),
            expected: vae.config().input_dim.to_string(),
        });
    }
    settings.check_images(train.count)
}

fn names_of_terms(graph: &Graph) -> Vec<String> {
    graph.terms().iter().map(|term| term.name.clone()).collect()
}

pub(super) fn images_of(
    vae: &Vae,
    settings: &Settings,
    data: &Dataset,
) -> Result<Images, TrainError> {
    let images = &data.train.images;
    Ok(Images {
        image: images.size(),
        count: images.count,
        classes: vae.config().classes,
        scaling: Scaling::of(settings, images)?,
        table: data.table.clone(),
    })
}
