//! Using a model: encoding, decoding, sampling, reconstruction, classification.

mod autoencoder;
mod confusion;
mod fitted;
mod latent;
mod open;
mod pca;

pub use autoencoder::{Autoencoder, Encoded};
pub use confusion::{Confusion, most_probable};
pub use fitted::Fitted;
pub use latent::{
    PriorMoments, descending, kl_by_dimension, lerp, normal_quantile, normal_quantiles, slerp,
};
pub use open::{Device, Opened, open};
pub use pca::Pca;
