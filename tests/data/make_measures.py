"""Writes measures.safetensors: what measures of a small VAE are, computed in float64 with NumPy and scikit-image.

Usage: python make_measures.py OUT.safetensors [REFERENCE.safetensors IMAGES.idx]
Needs: numpy, safetensors, scikit-image, scikit-learn.

Without a reference the model is one of random weights, 169-31-3 with a ReLU and Bernoulli pixels. Of a file with
`final.*` parameters, such as the ten recorded steps of MNIST, it is the model of these, measured with the first 64
images of an IDX file. Stored are the parameters, the images (bytes), the noise `eps [images, 50, Z]`, and:

  bounds       [images, 3]: -ELBO and KL in closed form with the first draw of each image, -ln p(x) by 50 draws
  kl_each      [Z]: the mean divergence of each dimension
  variances    [Z]: of mu over the images, with n in the denominator
  information  [1]: the mean of ln q(z | x) - ln q(z) of the first draws
  mse, ssim    [images]: of reconstructions from mu
  neighbours   [images]: the majority of the five nearest of the images before it (from the tenth on), by mu, with
               labels 0, 1, 2, 0, ...
"""
import sys

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.special import logsumexp
from skimage.metrics import structural_similarity
from sklearn.neighbors import KNeighborsClassifier

SAMPLES, BEFORE = 50, 10
rng = np.random.default_rng(20)

if len(sys.argv) > 2:
    tensors = load_file(sys.argv[2])
    weights = {name[6:]: v for name, v in tensors.items() if name.startswith("final.")}
    images = np.fromfile(sys.argv[3], np.uint8, offset=16).reshape(-1, 784)[:64]
    side = 28
else:
    side, hidden, latent = 13, 31, 3
    sizes = {"encoder.hidden.0": (hidden, side * side), "encoder.mu": (latent, hidden),
             "encoder.logvar": (latent, hidden), "decoder.hidden.0": (hidden, latent),
             "decoder.output": (side * side, hidden)}
    weights = {}
    for name, (fan_out, fan_in) in sizes.items():
        # Larger than an initialisation, so that the latent says something.
        weights[f"{name}.weight"] = rng.uniform(-2, 2, (fan_out, fan_in)).astype(np.float32) / np.sqrt(fan_in).astype(np.float32)
        weights[f"{name}.bias"] = rng.uniform(-1, 1, fan_out).astype(np.float32)
    images = (255 * rng.random((40, side * side)) ** 2).astype(np.uint8)

w = {name: v.astype(np.float64) for name, v in weights.items()}
linear = lambda v, name: v @ w[f"{name}.weight"].T + w[f"{name}.bias"]
relu = lambda v: np.maximum(v, 0)
x = images / 255.0
h = relu(linear(x, "encoder.hidden.0"))
mu, logvar = linear(h, "encoder.mu"), linear(h, "encoder.logvar")
count, latent = mu.shape
eps = rng.standard_normal((count, SAMPLES, latent)).astype(np.float32)
z = mu[:, None] + np.exp(0.5 * logvar)[:, None] * eps
decode = lambda z: linear(relu(linear(z, "decoder.hidden.0")), "decoder.output")
logits = decode(z)
recon = (np.logaddexp(0, logits) - logits * x[:, None]).sum(-1)
density = lambda z, m, v: -0.5 * (v + (z - m) ** 2 / np.exp(v) + np.log(2 * np.pi))
log_q = density(z, mu[:, None], logvar[:, None]).sum(-1)
log_p = density(z, 0.0, 0.0).sum(-1)
kl_each = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)
kl = kl_each.sum(-1)
nll = np.log(SAMPLES) - logsumexp(-recon + log_p - log_q, axis=1)
first = z[:, 0]
pairs = density(first[:, None], mu[None], logvar[None]).sum(-1)
information = (log_q[:, 0] - (logsumexp(pairs, axis=1) - np.log(count))).mean()
means = 1 / (1 + np.exp(-decode(mu)))
ssim = [structural_similarity(a.reshape(side, side), b.reshape(side, side), gaussian_weights=True, sigma=1.5,
                              use_sample_covariance=False, data_range=1.0) for a, b in zip(x, means)]
labels = np.arange(count) % 3
neighbours = np.zeros(count)
for i in range(BEFORE, count):
    neighbours[i] = KNeighborsClassifier(5, algorithm="brute").fit(mu[:i], labels[:i]).predict(mu[i : i + 1])[0]

save_file(
    {f"model.{name}": v.astype(np.float32) for name, v in weights.items()}
    | {
        "images": images,
        "eps": eps,
        "bounds": np.stack([recon[:, 0] + kl, kl, nll], 1),
        "kl_each": kl_each.mean(0),
        "variances": mu.var(0),
        "information": np.array([information]),
        "mse": ((x - means) ** 2).mean(-1),
        "ssim": np.array(ssim),
        "neighbours": neighbours,
    },
    sys.argv[1],
)
print("bounds", (recon[:, 0] + kl).mean(), kl.mean(), nll.mean(), "information", information,
      "mse", ((x - means) ** 2).mean(), "ssim", np.mean(ssim), "active", (mu.var(0) > 0.01).sum())
