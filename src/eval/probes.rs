//! How much of an image's label its latent knows: classifiers of μ that know nothing of the image itself.

use super::{Autoencoder, Confusion, Fitted, Known, Measure, most_probable, nearest_classes};
use crate::executor::{Executor, ExecutorError};
use crate::graph::Activation;
use crate::model::{Classifier, InitialWeights};

/// μ of images with their labels, to fit classifiers to and to measure them with.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    /// μ, `[count, Z]`.
    pub mu: &'a [f32],
    /// A class for each.
    pub labels: &'a [u8],
}

/// The share of the test images whose label classifiers that were fitted to the training images say: the majority of
/// the five nearest neighbours, and a multinomial logistic regression, which runs on an executor that `open` makes for its
/// parameters. The seed decides its first weights and the order of its steps.
///
/// # Errors
/// Where the device fails.
///
/// # Panics
/// Where there are no images, or not as many labels.
pub fn probes<E: From<ExecutorError>>(
    [train, test]: [Labelled<'_>; 2],
    dims: usize,
    seed: u64,
    open: impl FnOnce(&Classifier) -> Result<Box<dyn Executor>, E>,
) -> Result<[Measure; 2], E> {
    let labels = [train, test].map(|of| of.labels).concat();
    let classes = usize::from(labels.iter().max().copied().unwrap_or(0)) + 1;
    let accuracy = |name: &str, found: &[u8]| {
        let errors = Confusion::of(test.labels, found, classes).error_rate();
        Measure::new(name, 100.0 * (1.0 - errors), "%")
    };
    let known = Known {
        points: train.mu,
        classes: train.labels,
    };
    let nearest = nearest_classes(known, test.mu, dims);
    let layers = [dims, classes];
    let classifier = Classifier::new(layers, &[], Activation::Relu, InitialWeights::Pytorch);
    let executor = open(&classifier)?;
    let mut fitted = Fitted::fit(classifier, executor, train.mu, train.labels, seed)?;
    let linear = most_probable(&fitted.log_q(test.mu)?, classes);
    Ok([
        accuracy("knn_accuracy", &nearest),
        accuracy("linear_accuracy", &linear),
    ])
}

impl Autoencoder {
    /// Whether μ of an image is found without its label, so that it can be asked for it.
    pub fn encodes_without_labels(&self) -> bool {
        let (_, inputs) = self.vae().encoder_graph(1);
        inputs.label.is_none()
    }
}
