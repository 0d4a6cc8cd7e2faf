//! A training that a command begins or goes on with, as often as the command is given.

use std::path::Path;

use vae_wgpu::checkpoint::RunDir;

use super::one;
use super::{Args, Trained};
use crate::cli::config::RunConfig;
use crate::cli::console;
use crate::cli::eval::epochs_of;
use crate::cli::failure::Usage;
use crate::cli::job::{Job, Shared};
use crate::cli::progress::Reporter;

/// The setting that a run may be given more of.
const EPOCHS: &str = "epochs";

/// Trains what the flags say to its end in this folder: from its beginning, or from where the run there stands. A
/// run there of other settings or of other data is refused, but for more epochs.
pub(crate) fn to_the_end(
    args: &Args,
    folder: &Path,
    shared: Option<&Shared>,
) -> anyhow::Result<Trained> {
    let mut args = args.clone();
    match RunDir::open(folder) {
        Err(_) => args.out = Some(folder.to_owned()),
        Ok(dir) => {
            let job = Job::fresh(&args)?;
            let config: RunConfig = dir.read_config()?;
            if !job.is_of(&config) {
                return Err(Usage(format!(
                    "the run {} was trained on other data ({}); give --out another folder",
                    folder.display(),
                    config.data.source
                ))
                .into());
            }
            let asked = job.settings_beside(&config.training);
            let mut differences = config.training.differences(&asked).into_iter();
            if let Some(other) = differences.find(|of| of.setting != EPOCHS) {
                return Err(Usage(format!(
                    "the run {} has other settings than are asked for ({key} = {} there, {key} = {} asked for); give \
                     --out another folder",
                    folder.display(),
                    other.own,
                    other.other,
                    key = other.setting
                ))
                .into());
            }
            if epochs_of(&dir)? >= asked.epochs {
                console::line(&format!("{} is trained already", folder.display()));
                return Ok(Trained::ToTheEnd);
            }
            args.overrides.epochs = Some(asked.epochs);
            args.preset = None;
            args.config = None;
            args.resume = Some(folder.to_owned());
        }
    }
    let mut reporter = Reporter::new(args.log_every)?;
    Ok(one::train(&args, shared, &mut reporter, false)?.how)
}
