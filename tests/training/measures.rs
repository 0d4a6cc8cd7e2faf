//! Measures of a model, on every executor, against NumPy, SciPy, scikit-image and scikit-learn in float64.

use std::path::PathBuf;

use safetensors::SafeTensors;
use vae_wgpu::eval::{Autoencoder, Known, nearest_classes, squared_errors, ssim, variances};
use vae_wgpu::executor::{Rows, Snapshot};
use vae_wgpu::model::{Likelihood, Vae, VaeConfig};

use crate::support::harness::{Open, Test, tests};
use crate::truth::{FORWARD, close};

/// The neighbours of images are asked for from this one on.
const BEFORE: usize = 10;

pub(crate) fn tests() -> Vec<Test> {
    let mut list = tests![executors: measures_are_those_in_float64, more_draws_are_no_worse];
    let name = "measures::those_of_the_mnist_reference_are_those_in_float64";
    list.push(match std::env::var_os("VAE_MEASURES") {
        Some(_) => Test::executors(name, |open| {
            let path = std::env::var_os("VAE_MEASURES").unwrap_or_default();
            check(open, &path.into());
        }),
        None => Test::ignored(name, "VAE_MEASURES names no file of make_measures.py"),
    });
    list
}

fn measures_are_those_in_float64(open: &Open) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    check(open, &root.join("tests/data/measures.safetensors"));
}

/// A model on an executor with the parameters of a file, and its images.
fn model(open: &Open, file: &SafeTensors<'_>) -> (Autoencoder, Vec<f32>) {
    let shape = |name: &str| file.tensor(name).unwrap().shape().to_vec();
    let hidden = shape("model.encoder.hidden.0.weight");
    let vae = Vae::new(VaeConfig {
        input_dim: hidden[1],
        hidden: vec![hidden[0]],
        latent_dim: shape("eps")[2],
        likelihood: Likelihood::Bernoulli,
        ..VaeConfig::default()
    });
    let vae = vae.unwrap();
    let specs = vae.parameters();
    let mut executor = open(specs.clone(), 3);
    let parameters = specs.iter().map(|spec| {
        let tensor = file.tensor(&format!("model.{}", spec.name)).unwrap();
        bytemuck::pod_collect_to_vec::<u8, f32>(tensor.data())
    });
    let parameters: Vec<_> = parameters.collect();
    let zeros: Vec<_> = parameters.iter().map(|of| vec![0.0; of.len()]).collect();
    let (m, v) = (zeros.clone(), zeros);
    executor.restore(&Snapshot { parameters, m, v }).unwrap();
    let bytes = file.tensor("images").unwrap().data().to_vec();
    let rows = Rows::new(bytes, vae.config().input_dim);
    let images = rows.floats(0..rows.count());
    (Autoencoder::new(vae, executor), images)
}

/// Bounds are sums of some hundred values of f32, whose rounding errors add like those of forward values; ten times as much
/// is allowed where a difference of such sums is taken. The estimate of ln p(x) is the largest of fifty weights
/// and what is near to it, and has the error of one of them.
fn check(open: &Open, path: &PathBuf) {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let expected = |name: &str| -> Vec<f64> {
        bytemuck::pod_collect_to_vec(file.tensor(name).unwrap().data())
    };
    let (mut model, images) = model(open, &file);
    let (dim, dims) = (
        model.vae().config().input_dim,
        model.vae().config().latent_dim,
    );
    let eps: Vec<f32> = bytemuck::pod_collect_to_vec(file.tensor("eps").unwrap().data());
    let count = images.len() / dim;

    // One draw of each image for the ELBO, all fifty for the likelihood.
    let of_image = eps.len() / count;
    let first: Vec<f32> = eps
        .chunks(of_image)
        .flat_map(|eps| &eps[..dims])
        .copied()
        .collect();
    let one = model.bounds_of_draws(&images, None, &first).unwrap();
    let all = model.bounds_of_draws(&images, None, &eps).unwrap();
    let found = one.negative_elbo().zip(&one.kl).zip(&all.nll);
    let found: Vec<f32> = found
        .flat_map(|((elbo, &kl), &nll)| [elbo, kl, nll].map(|value| value as f32))
        .collect();
    let single = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
    close("bounds", &found, &single(&expected("bounds")), FORWARD);
    let kl_each = one.kl_each.unwrap();
    close(
        "kl of dimensions",
        &single(&kl_each),
        &single(&expected("kl_each")),
        FORWARD,
    );

    let encoded = model.encode(&images, None).unwrap();
    let found = single(&variances(&encoded.mu, dims));
    close(
        "variances",
        &found,
        &single(&expected("variances")),
        FORWARD,
    );
    let z = encoded.mu.iter().zip(&encoded.logvar).zip(&first);
    let z: Vec<f32> = z
        .map(|((mu, logvar), eps)| mu + (0.5 * logvar).exp() * eps)
        .collect();
    let information = model.mutual_information(&z, &encoded).unwrap().unwrap();
    // A difference of densities of some ten nats, of which the aggregate's is computed by products that cancel.
    let expected_information = expected("information")[0];
    let off = (information.value - expected_information).abs();
    assert!(
        off < 1e-3,
        "{}, not {expected_information}",
        information.value
    );

    let means = model.reconstruct(&images, None).unwrap();
    let errors: Vec<_> = squared_errors(&images, &means, dim).collect();
    close(
        "squared errors",
        &single(&errors),
        &single(&expected("mse")),
        FORWARD,
    );
    let side = (dim as f64).sqrt() as usize;
    let pairs = images.chunks(dim).zip(means.chunks(dim));
    let structures: Vec<_> = pairs
        .map(|(a, b)| ssim(a, b, [side, side].into()).unwrap())
        .collect();
    // Local variances are differences of means of squares, near 1e-2 of them.
    close(
        "ssim",
        &single(&structures),
        &single(&expected("ssim")),
        1e2 * FORWARD,
    );

    let classes: Vec<u8> = (0..count).map(|image| (image % 3) as u8).collect();
    let neighbours = expected("neighbours");
    for image in BEFORE..count {
        let known = Known {
            points: &encoded.mu[..image * dims],
            classes: &classes[..image],
        };
        let point = &encoded.mu[image * dims..][..dims];
        let found = nearest_classes(known, point, dims);
        assert_eq!(f64::from(found[0]), neighbours[image], "image {image}");
    }
}

/// The bound of K draws is in the mean no better than that of 2·K (Burda et al. 2016); both are measured with the errors
/// that they report, which the seed decides.
fn more_draws_are_no_worse(open: &Open) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(root.join("tests/data/measures.safetensors")).unwrap();
    let (mut model, images) = model(open, &SafeTensors::deserialize(&bytes).unwrap());
    let rows = Rows::new(images, model.vae().config().input_dim);
    let mut measure = |samples| {
        let found = model
            .measures(&rows, [13, 13].into(), samples, &mut |_| {})
            .unwrap();
        let nll = found.list.iter().find(|of| of.name == "nll").cloned();
        (nll.unwrap(), found)
    };
    let few = [2, 4, 8, 16, 32, 65].map(|samples| measure(samples).0);
    for pair in few.windows(2) {
        let [worse, better] = pair else {
            unreachable!("windows of two")
        };
        let error = worse.error.unwrap();
        assert!(
            better.value <= worse.value + error,
            "{} of {worse:?}",
            better.value
        );
    }
    assert!(few[5].value < few[0].value - 1.0, "{few:?}");
    assert_eq!(measure(65), measure(65));
}
