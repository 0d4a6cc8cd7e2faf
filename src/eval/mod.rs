//! Using a model: encoding, decoding, sampling, reconstruction.

mod autoencoder;
mod open;

pub use autoencoder::{Autoencoder, Encoded};
pub use open::{Device, Opened, open};
