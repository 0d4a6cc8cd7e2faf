//! Using a model: encoding, decoding, sampling, reconstruction, classification.

mod autoencoder;
mod confusion;
pub mod disentangle;
mod fitted;
mod open;

pub use autoencoder::{Autoencoder, Encoded};
pub use confusion::{Confusion, most_probable};
pub use fitted::Fitted;
pub use open::{Device, Opened, open};
