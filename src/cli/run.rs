//! A trained run, opened for use.

use std::path::Path;

use anyhow::Context;
use vae_wgpu::checkpoint::{Checkpoint, RunDir};
use vae_wgpu::data::Source;
use vae_wgpu::eval::{self, Autoencoder};
use vae_wgpu::gpu::AdapterChoice;
use vae_wgpu::train::load_parameters;

use super::config::RunConfig;
use super::console;

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
        let vae = config.training.vae(height * width)?;
        let checkpoint = Checkpoint::load(&dir.last_checkpoint())?;
        let opened = eval::open(adapter, vae.parameters(), seed)?;
        if let Some(warning) = &opened.warning {
            console::warning(warning);
        }
        let mut executor = opened.executor;
        load_parameters(&mut *executor, checkpoint)
            .with_context(|| format!("{}", dir.last_checkpoint().display()))?;
        Ok(Self {
            dir,
            config,
            model: Autoencoder::new(vae, executor),
        })
    }

    /// The data that the run was trained on.
    pub(crate) fn source(&self) -> Source {
        match self.config.data.source.parse() {
            Ok(source) => source,
            Err(never) => match never {},
        }
    }
}
