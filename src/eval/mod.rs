//! Using a model: encoding, decoding, sampling, reconstruction, classification; and measuring it.

mod annealed;
mod autoencoder;
mod bound;
mod coder;
mod confusion;
pub mod disentangle;
mod fitted;
mod input;
mod latent;
mod mean;
mod measures;
mod neighbours;
mod open;
mod pca;
mod pixels;
mod points;
mod probes;
mod run;
mod score;
pub mod synthetic;
mod table;

pub use annealed::{Annealed, Annealing};
pub use autoencoder::{Autoencoder, Encoded};
pub use bound::Bounds;
pub use coder::{CodeError, Decoder, Encoder};
pub use confusion::{Confusion, most_probable};
pub use fitted::Fitted;
pub use input::InputError;
pub use latent::{AGGREGATED, active_units, variances};
pub use mean::Mean;
pub use measures::{Measure, Measures, NATS, numbers};
pub use neighbours::{Known, NEIGHBOURS, nearest_classes};
pub use open::{Device, Opened, open};
pub use pca::Pca;
pub use pixels::{mean_psnr, psnr, squared_errors, ssim};
pub use points::{
    PriorMoments, descending, kl_by_dimension, lerp, normal_quantile, normal_quantiles, slerp,
};
pub use probes::{Labelled, probes};
pub use score::{Contributions, Explainer, ScoreBy, ScoreError, Scorer, auroc, quantile};
pub use table::Drawing;
