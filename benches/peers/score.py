"""Anomaly scores by PyTorch, on the data, architectures and settings that docs/results.md gives `vae score`.

    python score.py make --mnist DIR --out data     # the files that both read
    python score.py mnist --data data --seeds 3     # AUROC of the 9s, and of noise, after training on the digits 0 to 8
    python score.py cancer --data data --seeds 10   # AUROC of malignant rows after training on benign ones

A score is -log p(x) by importance sampling, with K draws of z from q(z | x).
"""

import argparse
import gzip
import math
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn import functional

NOISE = 10


def idx(path: Path, header: int) -> np.ndarray:
    """The bytes of an IDX file behind its header."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)[header:]


def make(mnist: Path, out: Path, seeds: int) -> None:
    """MNIST's test images with as many of uniform noise, labelled 10; the rows of each split, malignant ones labelled 1."""
    out.mkdir(parents=True, exist_ok=True)
    images = idx(mnist / "t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = idx(mnist / "t10k-labels-idx1-ubyte.gz", 8)
    noise = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    np.savez(out / "noise.npz", images=np.concatenate([images, noise]),
             labels=np.concatenate([labels, np.full(len(noise), NOISE, np.uint8)]))
    for seed in range(seeds):
        train, test, is_malignant = cancer_split(seed)
        np.savez(out / f"cancer-{seed}.npz", x_train=train, y_train=np.zeros(len(train), np.uint8),
                 x_test=test, y_test=is_malignant.astype(np.uint8))


def cancer_split(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """80 % of the benign rows to train on; the others and all malignant ones, which are said to be, to measure with."""
    data = load_breast_cancer()
    benign, malignant = data.data[data.target == 1], data.data[data.target == 0]
    benign = benign[np.random.default_rng(seed).permutation(len(benign))]
    count = round(0.8 * len(benign))
    train, test = benign[:count], np.concatenate([benign[count:], malignant])
    return train, test, np.arange(len(test)) >= len(benign) - count


class Vae(nn.Module):
    """A hidden layer on either side, ReLU; Bernoullis, or Gaussians with a trained deviation for each value."""

    def __init__(self, width: int, hidden: int, latent: int, gaussian: bool) -> None:
        super().__init__()
        self.encoder, self.mu, self.logvar = nn.Linear(width, hidden), nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.decoder, self.output = nn.Linear(latent, hidden), nn.Linear(hidden, width)
        self.log_scale = nn.Parameter(torch.zeros(width)) if gaussian else None

    def terms(self, x: torch.Tensor, draws: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """-log p(x | z) and log q(z | x) - log p(z) of each draw `[draws, n]`, and KL in closed form `[n]`."""
        h = functional.relu(self.encoder(x))
        mu, logvar = self.mu(h), self.logvar(h)
        eps = torch.randn(draws, *mu.shape)
        z = mu + torch.exp(0.5 * logvar) * eps
        output = self.output(functional.relu(self.decoder(z)))
        if self.log_scale is None:
            nll = functional.binary_cross_entropy_with_logits(output, x.expand_as(output), reduction="none")
        else:
            nll = 0.5 * ((x - output) * torch.exp(-self.log_scale)) ** 2 + self.log_scale + 0.5 * math.log(2 * math.pi)
        excess = 0.5 * (z**2 - logvar - eps**2).sum(-1)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)
        return nll.sum(-1), excess, kl

    @torch.no_grad()
    def score(self, x: torch.Tensor, draws: int) -> np.ndarray:
        """-log p(x) of each row, in nats."""
        scores = []
        for rows in x.split(max(1, 20_000 // draws)):
            nll, excess, _ = self.terms(rows, draws)
            scores.append(math.log(draws) - torch.logsumexp(-nll - excess, 0))
        return torch.cat(scores).numpy()


def trained(x: torch.Tensor, model: Vae, epochs: int, batch: int, lr: float) -> Vae:
    """By Adam on the ELBO, one draw of each row."""
    adam = torch.optim.Adam(model.parameters(), lr)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch):
            nll, _, kl = model.terms(x[rows], 1)
            loss = nll[0].mean() + kl.mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
    return model


def report(name: str, areas: list[float]) -> None:
    print(f"{name}: AUROC {np.mean(areas):.4f} ± {np.std(areas):.4f} of {len(areas)} seeds", flush=True)


def mnist(data: Path, mnist_dir: Path, seeds: int, draws: int) -> None:
    train = idx(mnist_dir / "train-images-idx3-ubyte.gz", 16).reshape(-1, 784)
    train = torch.tensor(train[idx(mnist_dir / "train-labels-idx1-ubyte.gz", 8) < 9]).float() / 255
    file = np.load(data / "noise.npz")
    test, labels = torch.tensor(file["images"].reshape(-1, 784)).float() / 255, file["labels"]
    nines, noise = [], []
    for seed in range(seeds):
        torch.manual_seed(seed)
        scores = trained(train, Vae(784, 400, 20, False), 10, 128, 1e-3).score(test, draws)
        digits = labels < NOISE
        nines.append(roc_auc_score(labels[digits] == 9, scores[digits]))
        known = labels != 9
        noise.append(roc_auc_score(labels[known] == NOISE, scores[known]))
        print(f"seed {seed}: nines {nines[-1]:.4f}, noise {noise[-1]:.4f}", flush=True)
    report("9 from 0 to 8", nines)
    report("noise from 0 to 8", noise)


def cancer(seeds: int, draws: int) -> None:
    areas = []
    for seed in range(seeds):
        train, test, is_malignant = cancer_split(seed)
        mean, deviation = train.mean(0), train.std(0)
        train, test = (train - mean) / deviation, (test - mean) / deviation
        torch.manual_seed(seed)
        model = trained(torch.tensor(train).float(), Vae(train.shape[1], 64, 8, True), 200, 32, 1e-3)
        areas.append(roc_auc_score(is_malignant, model.score(torch.tensor(test).float(), draws)))
    report("malignant from benign", areas)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["make", "mnist", "cancer"])
    parser.add_argument("--mnist", type=Path, default=Path("mnist"))
    parser.add_argument("--data", "--out", type=Path, default=Path("data"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    match args.what:
        case "make":
            make(args.mnist, args.data, args.seeds)
        case "mnist":
            mnist(args.data, args.mnist, args.seeds, args.samples)
        case "cancer":
            cancer(args.seeds, args.samples)


if __name__ == "__main__":
    main()
