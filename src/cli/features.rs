//! Another run's latents in the place of images: the stacked model M1 + M2 of Kingma, Rezende, Mohamed and
//! Welling, *Semi-supervised Learning with Deep Generative Models* (2014), and any other model of latents.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use vae_wgpu::checkpoint::{Checkpoint, Which};
use vae_wgpu::data::{Dataset, ImageSize, Images, Split};
use vae_wgpu::eval::{Autoencoder, Encoder};
use vae_wgpu::executor::{Executor, ParameterSpec};
use vae_wgpu::model::Condition;
use vae_wgpu::train::{Scaling, TrainError};

use super::config::RunConfig;
use super::failure::Usage;
use super::place::absolute;
use super::run::{CheckpointOption, Found, TrainedRun};

/// Whose latents a run was trained on, as its `config.toml` says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct FeaturesConfig {
    run: PathBuf,
    checkpoint: String,
    /// SHA-256 of the checkpoint's file, by which weights that were trained on are told from these.
    digest: String,
}

/// A run whose latents are learned from, found and not yet opened.
#[derive(Clone, Debug)]
pub(crate) struct Features {
    found: Found,
    config: RunConfig,
    /// How a run that learns from it records it.
    pub(crate) recorded: FeaturesConfig,
}

impl Features {
    /// The run of a path, for a new run that learns from it.
    pub(crate) fn find(path: &Path) -> anyhow::Result<Self> {
        let found = CheckpointOption::default().find(path)?;
        let recorded = FeaturesConfig {
            run: absolute(found.dir.path()),
            checkpoint: found.which.to_string(),
            digest: Checkpoint::digest(&found.path())?,
        };
        Self::of(found, recorded)
    }

    /// The run that another one was trained on, as it was then.
    pub(crate) fn recorded(recorded: &FeaturesConfig) -> anyhow::Result<Self> {
        let path = recorded.run.display();
        let found = || -> anyhow::Result<Found> {
            let which: Which = recorded
                .checkpoint
                .parse()
                .map_err(|error| anyhow!("{error}"))?;
            let checkpoint = Some(which);
            CheckpointOption { checkpoint }.find(&recorded.run)
        };
        let found = found().map_err(|error| {
            error.context(format!(
                "this run learned from the latents of the run {path}, which cannot be read; put it back, or say in \
                 this run's config.toml where it is now"
            ))
        })?;
        if Checkpoint::digest(&found.path())? != recorded.digest {
            return Err(anyhow!(
                "this run learned from the latents of the run {path}, whose checkpoint {} has changed since: put \
                 back the one of then, or start a new run on these latents",
                recorded.checkpoint
            ));
        }
        Self::of(found, recorded.clone())
    }

    fn of(found: Found, recorded: FeaturesConfig) -> anyhow::Result<Self> {
        let config: RunConfig = found.dir.read_config()?;
        let path = found.dir.path().display();
        let condition = config.training.condition;
        if condition != Condition::None {
            return Err(Usage(format!(
                "the run {path} reads the label of each image (condition {}), so that its latents are not those \
                 of images alone; learn from the latents of a run with the condition none",
                condition.name()
            ))
            .into());
        }
        if config.features.is_some() {
            return Err(Usage(format!(
                "the run {path} learns from latents itself; learn from those of a run on images"
            ))
            .into());
        }
        Ok(Self {
            found,
            config,
            recorded,
        })
    }

    /// Opens it on an executor for these parameters.
    pub(crate) fn open(
        self,
        open: impl FnOnce(Vec<ParameterSpec>) -> anyhow::Result<Box<dyn Executor>>,
    ) -> anyhow::Result<Lens> {
        let TrainedRun {
            config,
            model,
            scaling,
            ..
        } = TrainedRun::with(self.found, self.config, open)?;
        Ok(Lens {
            image: config.data.image,
            model,
            scaling,
        })
    }
}

/// What makes latents of images, and images of latents.
pub(crate) struct Lens {
    model: Autoencoder,
    pub(crate) scaling: Scaling,
    /// How large its images are.
    pub(crate) image: ImageSize,
}

impl Lens {
    /// The data set with the means of q(z | x) as rows of numbers in the place of images, `[count, 1, Z]`.
    pub(crate) fn latents(&mut self, data: Dataset) -> anyhow::Result<Dataset> {
        let mut latents = |split: Split| -> anyhow::Result<Split> {
            let size = split.images.size();
            if size != self.image {
                return Err(TrainError::ImageSize {
                    found: size.to_string(),
                    expected: self.image.to_string(),
                }
                .into());
            }
            let Images { count, pixels, .. } = split.images;
            let values = self.scaling.model_values(&pixels);
            let mu = self.model.encode(&values, None)?.mu;
            let images = Images {
                channels: 1,
                count,
                height: 1,
                width: self.model.vae().config().latent_dim,
                pixels: mu.into(),
            };
            Ok(Split { images, ..split })
        };
        Ok(Dataset {
            train: latents(data.train)?,
            test: latents(data.test)?,
            ..data
        })
    }

    /// What makes latents of images block by block, and how it sees the values of images.
    pub(crate) fn encoder(&mut self) -> anyhow::Result<(Encoder, Scaling)> {
        Ok((self.model.encoder()?, self.scaling))
    }

    /// Images of latents `[count, Z]`, with values as its model has them.
    pub(crate) fn images(&mut self, latents: &[f32]) -> anyhow::Result<Vec<f32>> {
        Ok(self.model.decode(latents, None)?)
    }
}
