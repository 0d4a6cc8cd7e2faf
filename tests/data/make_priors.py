"""Writes family_priors.safetensors: the cases of the priors that are trained, in the form of `make_family.py`.

Usage: python make_priors.py family_priors.safetensors
Needs: torch, numpy, safetensors.

mixture      (Tomczak and Welling 2018, section 2) p(z) = 1/N Σ N(z; m, v): `prior.mean`, `prior.logvar` [N, latent]
vamp         (the same, equation 9) p(z) = 1/N Σ q(z | u) with u clamped to [0, 1] where pixels are from there:
             `prior.pseudo_inputs` [N, pixel], of which some are outside
conditional  p(z | y) = N(z; μ, σ²): `prior.mu.weight`, `prior.logvar.weight` [latent, classes]

The KL of a mixture is the mean of ln q - ln p over the draws; that of the prior of a label is in closed form where
the posterior is a Gaussian.
"""
import math
import sys

import torch
import torch.distributions as D

import make_family as family
from make_family import BATCH, CLASSES, DIM, FAR, FLOWS, LATENT


def log_mixture(z, mean, logvar):
    each = D.Independent(D.Normal(mean, torch.exp(logvar / 2)), 1).log_prob(z[:, None])
    return torch.logsumexp(each, 1) - math.log(len(mean))


def of_mixture(s):
    yield "prior.mean", (s["components"], LATENT), 0
    yield "prior.logvar", (s["components"], LATENT), 0


def mixture(p, s, z, y, q):
    return log_mixture(z, p["prior.mean"], p["prior.logvar"]), None


def of_vamp(s):
    yield "prior.pseudo_inputs", (s["components"], DIM), 0


def vamp(p, s, z, y, q):
    u = p["prior.pseudo_inputs"]
    if s["likelihood"] in ("bernoulli", "continuous-bernoulli"):
        u = u.clamp(0, 1)
    _, mean, logvar = family.encode(p, s, u, None)
    return log_mixture(z, mean, logvar), None


def of_conditional(s):
    yield "prior.mu.weight", (LATENT, CLASSES), 0
    yield "prior.logvar.weight", (LATENT, CLASSES), 0


def conditional(p, s, z, y, q):
    of = lambda y: D.Normal(y @ p["prior.mu.weight"].T, torch.exp(y @ p["prior.logvar.weight"].T / 2))
    mu, logvar, labels = q
    closed = None
    if not s["flow_steps"]:
        closed = D.kl_divergence(D.Normal(mu, torch.exp(logvar / 2)), of(labels))
    return D.Independent(of(y), 1).log_prob(z), closed


family.PRIORS |= {
    "mixture": (of_mixture, mixture), "vamp": (of_vamp, vamp), "conditional": (of_conditional, conditional),
}

COUNT = 5
torch.manual_seed(1705_07120)
MIXED = FAR | {"prior.mean": 1.5 * torch.randn(COUNT, LATENT), "prior.logvar": torch.randn(COUNT, LATENT) - 1}
# Narrow components far from 0: what the sum of the density's parts loses to cancellation shows here.
NARROW = FAR | {
    "prior.mean": FAR["encoder.mu.bias"] + 0.3 * torch.randn(COUNT, LATENT),
    "prior.logvar": torch.empty(COUNT, LATENT).uniform_(-4, -2),
}
INPUTS = torch.empty(COUNT, DIM).uniform_(-0.3, 1.3)
# An encoder that tells images apart, so that the divergence from the mixture of its own components is not near 0.
SHARP = {units: {"encoder.mu.weight": times * torch.randn(LATENT, units)} for units, times in ((7, 1), (5, 3))}
PSEUDO = FAR | {"prior.pseudo_inputs": INPUTS, "encoder.logvar.bias": torch.tensor([-1.0, -2.0, -1.5])}
LABELLED = FAR | {
    "prior.mu.weight": torch.randn(LATENT, CLASSES), "prior.logvar.weight": 0.7 * torch.randn(LATENT, CLASSES),
}
MIXTURE = {"prior": "mixture", "components": COUNT, "init": MIXED}
VAMP = {"prior": "vamp", "components": COUNT, "init": PSEUDO | SHARP[7]}
CONDITIONAL = {"prior": "conditional", "condition": "both", "init": LABELLED}

CASES = {}
for name, parts in {"mixture": MIXTURE, "vamp": VAMP, "conditional": CONDITIONAL}.items():
    CASES |= {
        name: parts,
        f"{name}-two-samples": parts | {"samples": 2, "beta": 4.0},
        f"{name}-iwae": parts | {"estimator": "iwae", "samples": 3},
        f"{name}-dreg": parts | {"estimator": "dreg", "samples": 3},
        f"{name}-decoder-laplace-per-pixel": parts | {
            "condition": "decoder", "likelihood": "laplace", "scale": "per-pixel", "activation": "tanh",
            "hidden": [7, 5],
        } | ({"init": PSEUDO | SHARP[5]} if name == "vamp" else {}),
    }
CASES |= {
    "mixture-narrow": MIXTURE | {"init": NARROW},
    "mixture-one": {"prior": "mixture", "components": 1, "init": {k: v[:1] if "prior" in k else v for k, v in MIXED.items()}},
    "mixture-both": MIXTURE | {"condition": "both"},
    "mixture-planar": FLOWS["planar"] | MIXTURE | {"init": FLOWS["planar"]["init"] | MIXED},
    "mixture-iaf-iwae": FLOWS["iaf"] | MIXTURE | {"estimator": "iwae", "samples": 2},
    "conditional-radial": FLOWS["radial"] | CONDITIONAL | {"init": FLOWS["radial"]["init"] | LABELLED},
    "conditional-free-bits": CONDITIONAL | {"free_bits": 1.9},
}

if __name__ == "__main__":
    family.write(sys.argv[1], CASES)
