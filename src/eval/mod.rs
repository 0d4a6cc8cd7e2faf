//! Using and measuring a model: encoding, decoding, sampling, reconstruction, the ELBO.

mod autoencoder;
mod open;

pub use autoencoder::{Autoencoder, Encoded};
pub use open::{Opened, open};
