//! Parts in combinations that are drawn at random: both executors agree, and an interrupted run continues
//! to the same bits.

use rand::RngExt;
use vae_wgpu::checkpoint::Checkpoint;
use vae_wgpu::data::{Dataset, Pixels, digits};
use vae_wgpu::executor::ExecutorError;
use vae_wgpu::gpu::GpuError;
use vae_wgpu::graph::Activation;
use vae_wgpu::model::{
    Bound, Condition, EncoderInput, Likelihood, Norm, OutputBias, Posterior, Prior, Scale,
};
use vae_wgpu::reference::ReferenceExecutor;
use vae_wgpu::rng::{Philox, Stream};
use vae_wgpu::setting::Setting;
use vae_wgpu::train::{Binarize, EpochEnd, Settings, TrainError, Trainer};

use crate::support::harness::{Open, Test, tests};
use crate::truth::BACKWARD;

pub(crate) fn tests() -> Vec<Test> {
    tests!(executors: drawn_combinations_agree_with_the_reference, every_part_continues_to_the_same_bits)
}

/// How many combinations are drawn.
const DRAWN: usize = 12;

/// Batches of 8 and a rest of 3. Counts are 0 to 3: sums of tens of thousands would leave terms of half a nat to
/// the rounding of the rest.
fn data(settings: &Settings) -> Dataset {
    let [train, test] = [(3, 19), (4, 11)].map(|(seed, count)| {
        let mut split = digits::generate(seed, 0, count);
        if let (true, Pixels::Bytes(bytes)) =
            (settings.likelihood.is_of_counts(), &mut split.images.pixels)
        {
            bytes.to_mut().iter_mut().for_each(|byte| *byte /= 64);
        }
        split
    });
    Dataset {
        name: "few digits".to_owned(),
        train,
        test,
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    }
}

fn base() -> Settings {
    Settings {
        hidden: vec![9],
        latent: 3,
        batch_size: 8,
        epochs: 2,
        seed: 5,
        ..Settings::default()
    }
}

/// One of each axis, as far as they have a meaning together.
pub(crate) fn draw(rng: &mut impl rand::Rng) -> Settings {
    let mut pick = |count: usize| rng.random_range(0..count);
    let likelihood = Likelihood::ALL[pick(Likelihood::ALL.len())];
    let scale = Scale::ALL[pick(Scale::ALL.len())];
    let scale = if likelihood.takes(scale) {
        scale
    } else {
        Scale::Unit
    };
    let counts = likelihood.is_of_counts();
    let levels = [2, 5][pick(2)];
    let posterior = Posterior::ALL[pick(Posterior::ALL.len())];
    let flow = posterior.is_flow();
    let objective = Bound::ALL[pick(Bound::ALL.len())];
    let objective = match objective.takes(posterior) {
        true => objective,
        false => Bound::Iwae,
    };
    let hidden = [vec![9], vec![11, 7], vec![11, 7, 7]][pick(3)].clone();
    let residual = pick(2) == 1 && hidden.len() == 3;
    let (warmup, cycles) = [(0, 0), (3, 0), (0, 2)][pick(3)];
    // A setting where the objective reads it, else as it is by itself.
    let reads = |setting| objective.reads(setting);
    let own = base();
    let condition = Condition::ALL[pick(Condition::ALL.len())];
    let priors = Prior::ALL.into_iter();
    let priors = priors.filter(|of| of.check(posterior, condition).is_ok());
    let priors: Vec<_> = priors.collect();
    let prior = priors[pick(priors.len())];
    let (layers, between) = [
        (vec![], None),
        (vec![4, 2], None),
        (vec![3, 3, 2], Some("5,4:6")),
    ][pick(3)]
    .clone();
    let ladder = !layers.is_empty() && pick(2) == 1;
    let one_latent = Settings {
        hidden,
        activation: Activation::ALL[pick(Activation::ALL.len())],
        norm: Norm::ALL[pick(Norm::ALL.len())],
        dropout: [0.0, 0.0, 0.3][pick(3)],
        residual,
        posterior,
        flow_steps: [None, Some(1), Some(3)][pick(3)].filter(|_| flow),
        likelihood,
        scale,
        prior,
        components: Some(4).filter(|_| prior.has_components()),
        levels: Some(levels).filter(|_| likelihood == Likelihood::Categorical),
        encoder_input: [None, Some(EncoderInput::Values)][pick(2)],
        condition,
        objective,
        samples: [1, 2, 3][pick(3)],
        outer_samples: match reads(Setting::OuterSamples) {
            true => [1, 2, 3][pick(3)],
            false => own.outer_samples,
        },
        beta: match reads(Setting::Beta) {
            true => [1.0, 0.5, 4.0][pick(3)],
            false => own.beta,
        },
        kl_warmup: if reads(Setting::KlWarmup) { warmup } else { 0 },
        kl_cycles: if reads(Setting::KlCycles) { cycles } else { 0 },
        free_bits: match pick(2) {
            1 if reads(Setting::FreeBits) && !flow && !prior.has_components() => 0.05,
            _ => 0.0,
        },
        elbo_weight: match reads(Setting::ElboWeight) {
            true => [0.0, 0.3, 1.0][pick(3)],
            false => own.elbo_weight,
        },
        capacity: match reads(Setting::Capacity) {
            true => [0.0, 2.0, 25.0][pick(3)],
            false => own.capacity,
        },
        capacity_steps: match reads(Setting::CapacitySteps) {
            true => [None, Some(0), Some(4)][pick(3)],
            false => None,
        },
        // A term of the paper's size would leave Adam nothing of the others to compare.
        capacity_weight: match reads(Setting::CapacityWeight) {
            true => 10.0,
            false => own.capacity_weight,
        },
        info_alpha: match reads(Setting::InfoAlpha) {
            true => [1.0, 0.0, -0.5][pick(3)],
            false => own.info_alpha,
        },
        info_lambda: match reads(Setting::InfoLambda) {
            true => [10.0, 100.0][pick(2)],
            false => own.info_lambda,
        },
        binarize: match Binarize::ALL[pick(Binarize::ALL.len())] {
            _ if counts => Binarize::None,
            binarize => binarize,
        },
        ..base()
    };
    let hierarchy = Settings {
        latent: layers.first().copied().unwrap_or(one_latent.latent),
        stochastic_layers: layers,
        between: between.map(|text| text.parse().unwrap()),
        ladder,
        ..one_latent.clone()
    };
    let settings = match hierarchy.check() {
        Ok(()) => hierarchy,
        Err(_) => one_latent,
    };
    let in_part = Settings {
        labelled: Some(10),
        ..settings.clone()
    };
    match pick(2) {
        1 if in_part.check().is_ok() => in_part,
        _ => settings,
    }
}

/// A trainer; none on a plan that says that it cannot run these parts.
fn trainer(open: &Open, settings: &Settings, data: &Dataset) -> Option<Trainer> {
    let vae = settings.vae(data).unwrap();
    let executor = open(vae.parameters(), settings.seed);
    match Trainer::new(vae, executor, settings.clone(), data) {
        Err(TrainError::Executor(ExecutorError::Gpu(GpuError::Plan { .. }))) => None,
        trainer => Some(trainer.unwrap()),
    }
}

/// Every loss of an epoch and of the evaluation after it. Adam's steps carry what rounding does to a
/// gradient into the later ones, for which the bound is that of updated parameters; a term near zero is a
/// difference of larger ones, so that its error counts against a nat at least.
fn drawn_combinations_agree_with_the_reference(open: &Open) {
    let mut rng = Philox::new(11, Stream::Sampling, 0);
    for _ in 0..DRAWN {
        let settings = Settings {
            epochs: 1,
            ..draw(&mut rng)
        };
        let data = data(&settings);
        let of = |mut trainer: Trainer| {
            let mut metrics = None;
            trainer.run(|epoch| metrics = Some(epoch.clone())).unwrap();
            let metrics = metrics.unwrap();
            [metrics.train, metrics.test]
        };
        let Some(ours) = trainer(open, &settings, &data) else {
            continue;
        };
        let ours = of(ours);
        let reference: &Open = &|specs, seed| Box::new(ReferenceExecutor::new(specs, seed));
        let theirs = of(trainer(reference, &settings, &data).unwrap());
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            let all = |losses: &vae_wgpu::train::Losses| {
                let terms = losses.terms.iter().map(|&(_, value)| value);
                [losses.objective]
                    .into_iter()
                    .chain(terms)
                    .collect::<Vec<_>>()
            };
            for (ours, theirs) in all(&ours).into_iter().zip(all(&theirs)) {
                let error = (ours - theirs).abs() / theirs.abs().max(1.0);
                assert!(error <= BACKWARD, "{settings:#?}: {ours}, not {theirs}");
            }
        }
    }
}

/// Settings that hold every part at least once.
fn all_parts() -> Vec<Settings> {
    let base = base();
    vec![
        Settings {
            condition: Condition::Both,
            kl_warmup: 4,
            beta: 2.0,
            ..base.clone()
        },
        Settings {
            objective: Bound::Dreg,
            samples: 3,
            binarize: Binarize::Dynamic,
            likelihood: Likelihood::Laplace,
            scale: Scale::PerPixel,
            condition: Condition::Decoder,
            ..base.clone()
        },
        Settings {
            objective: Bound::Iwae,
            samples: 2,
            binarize: Binarize::Static,
            likelihood: Likelihood::ContinuousBernoulli,
            condition: Condition::Encoder,
            ..base.clone()
        },
        Settings {
            kl_cycles: 2,
            free_bits: 0.05,
            samples: 2,
            likelihood: Likelihood::StudentT,
            scale: Scale::Shared,
            ..base.clone()
        },
        Settings {
            likelihood: Likelihood::Gaussian,
            scale: Scale::PerDimension,
            binarize: Binarize::Dynamic,
            ..base.clone()
        },
        Settings {
            posterior: Posterior::Planar,
            flow_steps: Some(2),
            samples: 2,
            kl_warmup: 4,
            ..base.clone()
        },
        Settings {
            posterior: Posterior::Radial,
            flow_steps: Some(2),
            condition: Condition::Both,
            ..base.clone()
        },
        Settings {
            condition: Condition::Both,
            labelled: Some(10),
            alpha: 0.5,
            kl_warmup: 4,
            samples: 2,
            binarize: Binarize::Dynamic,
            activation: Activation::Softplus,
            ..base.clone()
        },
        Settings {
            likelihood: Likelihood::Gaussian,
            scale: Scale::Optimal,
            samples: 2,
            ..base.clone()
        },
        Settings {
            likelihood: Likelihood::ZeroInflatedNegativeBinomial,
            scale: Scale::PerDimension,
            output_bias: OutputBias::Data,
            ..base.clone()
        },
        Settings {
            likelihood: Likelihood::Categorical,
            levels: Some(3),
            output_bias: OutputBias::Data,
            binarize: Binarize::Dynamic,
            objective: Bound::Iwae,
            samples: 2,
            ..base.clone()
        },
        Settings {
            likelihood: Likelihood::DiscretisedLogistic,
            scale: Scale::PerPixel,
            condition: Condition::Decoder,
            ..base.clone()
        },
        Settings {
            posterior: Posterior::Iaf,
            objective: Bound::Iwae,
            samples: 2,
            prior: Prior::Mixture,
            components: Some(3),
            ..base.clone()
        },
        Settings {
            hidden: vec![7, 7],
            norm: Norm::Batch,
            dropout: 0.3,
            residual: true,
            samples: 2,
            ..base.clone()
        },
        Settings {
            norm: Norm::Layer,
            dropout: 0.5,
            activation: Activation::Gelu,
            clip_norm: Some(1.0),
            ..base.clone()
        },
        Settings {
            prior: Prior::Vamp,
            components: Some(5),
            objective: Bound::Dreg,
            samples: 2,
            ..base.clone()
        },
        Settings {
            objective: Bound::Stl,
            kl_warmup: 4,
            ..base.clone()
        },
        Settings {
            objective: Bound::IwaeStl,
            samples: 2,
            ..base.clone()
        },
        Settings {
            objective: Bound::Piwae,
            outer_samples: 2,
            samples: 2,
            posterior: Posterior::Planar,
            ..base.clone()
        },
        Settings {
            objective: Bound::Miwae,
            outer_samples: 2,
            samples: 2,
            condition: Condition::Both,
            ..base.clone()
        },
        Settings {
            objective: Bound::Ciwae,
            samples: 2,
            ..base.clone()
        },
        Settings {
            objective: Bound::Capacity,
            capacity_steps: Some(5),
            ..base.clone()
        },
        Settings {
            objective: Bound::BetaTc,
            beta: 6.0,
            ..base.clone()
        },
        Settings {
            objective: Bound::Info,
            ..base.clone()
        },
        Settings {
            prior: Prior::Conditional,
            condition: Condition::Both,
            free_bits: 0.05,
            ..base.clone()
        },
        Settings {
            stochastic_layers: vec![3, 2],
            objective: Bound::Iwae,
            samples: 2,
            condition: Condition::Both,
            ..base.clone()
        },
        Settings {
            stochastic_layers: vec![3, 2, 2],
            ladder: true,
            kl_warmup: 4,
            condition: Condition::Decoder,
            ..base
        },
    ]
}

fn every_part_continues_to_the_same_bits(open: &Open) {
    for settings in all_parts() {
        let data = data(&settings);
        let finish = |mut trainer: Trainer| -> Checkpoint {
            trainer.run(|_| {}).unwrap();
            trainer.checkpoint().unwrap()
        };
        let Some(whole) = trainer(open, &settings, &data) else {
            continue;
        };
        let whole = finish(whole);
        // Which is also a second run.
        let mut cut = trainer(open, &settings, &data).unwrap();
        cut.set_steps_per_submission(2);
        // After two of three steps.
        let end = cut.epoch(None, &mut || false).unwrap();
        assert_eq!(end, EpochEnd::Interrupted);
        let saved = cut.checkpoint().unwrap();
        let vae = settings.vae(&data).unwrap();
        let executor = open(vae.parameters(), settings.seed);
        let resumed = Trainer::resume(vae, executor, settings.clone(), &data, saved).unwrap();
        assert!(finish(resumed) == whole, "continued: {settings:#?}");
    }
}
