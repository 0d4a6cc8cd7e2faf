//! A trained run, opened for use.

use std::path::Path;

use vae_wgpu::checkpoint::{Checkpoint, RunDir};
use vae_wgpu::data::Source;
use vae_wgpu::eval::Autoencoder;
use vae_wgpu::gpu::AdapterChoice;
use vae_wgpu::train::{TrainError, check_architecture, load_parameters};

use super::config::RunConfig;
use super::options;

/// Names the file in an error that lies in the file.
pub(crate) fn of_checkpoint(error: TrainError, path: &Path) -> anyhow::Error {
    let is_the_files = matches!(
        error,
        TrainError::Foreign { .. } | TrainError::OtherSettings { .. }
    );
    let error = anyhow::Error::new(error);
    if is_the_files {
        error.context(path.display().to_string())
    } else {
        error
    }
}

/// A run's model and what it was trained on.
pub(crate) struct TrainedRun {
    pub(crate) dir: RunDir,
    pub(crate) config: RunConfig,
    pub(crate) model: Autoencoder,
}

impl TrainedRun {
    /// Opens a run's last checkpoint on an adapter; `seed` is the key of samples.
    pub(crate) fn open(path: &Path, adapter: &AdapterChoice, seed: u64) -> anyhow::Result<Self> {
        let dir = RunDir::open(path)?;
        let config: RunConfig = dir.read_config()?;
        let [height, width] = config.data.image;
        let vae = config.training.vae(height.saturating_mul(width))?;
        let path = dir.last_checkpoint();
        let checkpoint = Checkpoint::load(&path)?;
        check_architecture(&checkpoint, &config.training, config.data.image)
            .map_err(|error| of_checkpoint(error, &path))?;
        let mut executor = options::open(adapter, vae.parameters(), seed)?;
        load_parameters(&mut *executor, checkpoint).map_err(|error| of_checkpoint(error, &path))?;
        Ok(Self {
            dir,
            config,
            model: Autoencoder::new(vae, executor),
        })
    }

    /// The data that the run was trained on.
    pub(crate) fn source(&self) -> Source {
        self.config.data.source()
    }
}
