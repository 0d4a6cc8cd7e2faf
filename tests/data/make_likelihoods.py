"""Writes family_likelihoods.safetensors: likelihoods of counts and of levels and optimal scales, as make_family.py.

Usage: python make_likelihoods.py family_likelihoods.safetensors
Needs: torch, numpy, safetensors.

Poisson, negative binomial and categorical densities are those of torch.distributions; the zero-inflated negative
binomial is the sum of its two parts' probabilities, and the discretised logistic a quotient of hyperbolic functions.
All but Poisson's are computed in float64, since what float32 makes of ln Γ is no truth; what is around them is float32
where make_family.py checks with it.
"""
import math
import sys

import make_family as family
import torch
from torch.distributions import Categorical, NegativeBinomial, Poisson

DIM, BATCH, STEPS = family.DIM, family.BATCH, family.STEPS


def in_double(log_prob):
    """-log p(x | z) per row, from all that it depends on as float64."""

    def nll(s, outputs, scale, x, head):
        given = [v if v is None else v.double() for v in (outputs, scale, x, head)]
        return -log_prob(s, *given).sum(-1).to(outputs.dtype)

    return nll


def log_means(outputs, x):
    """The library of each row times the softmax of its outputs; scVI's library is observed."""
    return torch.log_softmax(outputs, -1) + x.sum(-1, keepdim=True).clamp(min=1).log()


def poisson(s, outputs, scale, x, head):
    return Poisson(log_means(outputs, x).exp()).log_prob(x)


def negative_binomial(s, outputs, scale, x, head):
    # Probabilities of success of logits ln μ - ln θ.
    return NegativeBinomial(scale.exp().expand_as(x), logits=log_means(outputs, x) - scale).log_prob(x)


def zero_inflated(s, outputs, scale, x, head):
    seen = torch.nn.functional.logsigmoid(-head) + negative_binomial(s, outputs, scale, x, head)
    both = torch.logaddexp(torch.nn.functional.logsigmoid(head), seen)
    return torch.where(x == 0, both, seen)


def categorical(s, outputs, scale, x, head):
    levels = torch.div((255 * x).round() * s["levels"], 256, rounding_mode="floor")
    return Categorical(logits=outputs.unflatten(-1, (DIM, s["levels"]))).log_prob(levels)


def discretised_logistic(s, outputs, scale, x, head):
    # σ(a) - σ(b) = sinh((a - b)/2) / (2 cosh(a/2) cosh(b/2)), where cosh is taken by its logarithm.
    m, size = outputs if s["scale"] == "unit" else torch.sigmoid(outputs), scale.exp()
    a, b, width = (x + 0.5 / 255 - m) / size, (x - 0.5 / 255 - m) / size, 1 / 255 / size
    lncosh = lambda u: u.abs() + torch.log1p(torch.exp(-2 * u.abs())) - math.log(2)
    between = torch.sinh(width / 2).log() - math.log(2) - lncosh(a / 2) - lncosh(b / 2)
    below, above = torch.nn.functional.logsigmoid(a), torch.nn.functional.logsigmoid(-b)
    return torch.where(x < 0.5 / 255, below, torch.where(x > 1 - 0.5 / 255, above, between))


def best_logvar(outputs, x):
    """As in the authors' code, where nothing is detached; their lower bound of -6 for log σ is soft."""
    return ((x - torch.sigmoid(outputs)) ** 2).mean().clamp(min=math.exp(-12)).log()


def best_log_scale(outputs, x):
    return (x - torch.sigmoid(outputs)).abs().mean().clamp(min=math.exp(-12)).log()


# A difference of two ln Γ of 2e4, about 2e5, is rounded by 2e-11, which a step of 1e-6 would make too much of.
COUNTS = {"counts": True, "scale": "log_theta", "most": 10.0, "step": 1e-5}
family.LIKELIHOODS |= {
    "poisson": {"counts": True, "nll": lambda *given: -poisson(*given).sum(-1)},
    "negative-binomial": COUNTS | {"nll": in_double(negative_binomial)},
    "zero-inflated-negative-binomial": COUNTS | {"nll": in_double(zero_inflated), "head": "zero_logit"},
    "categorical": {"outputs": lambda s: s["levels"], "nll": in_double(categorical)},
    "discretised-logistic": {"scale": "log_scale", "most": 7.0, "nll": in_double(discretised_logistic)},
    "gaussian": {"optimum": best_logvar},
    "laplace": {"optimum": best_log_scale},
}

# Of means from below 1 to some tens, and of a row that has none.
counts = torch.poisson(torch.rand(STEPS, BATCH, DIM) ** 3 * torch.logspace(-1, 1.8, DIM)).to(torch.uint8)
counts[0, 1] = 0
# An encoder that sees tens of counts as they are, and weights of samples that are tens of nats apart, leave gradients
# that are small differences, of which float32 has too few digits.
few = counts.clamp(max=4)
few[0, 1, 0] = 1  # of a row without counts nothing that its label alone reaches has a gradient
# Clamped from below and from above, and on both sides of ln 8, where the formula changes.
THETAS = torch.tensor([-12, -8, -4, -1, 0, 1, 2, 2.05, 2.1, 4, 9.5, 11])
SIZES = torch.tensor([-9, -7, -5, -4, -3, -2.5, -2, -1, 0, 1, 6, 8])
# Far on both sides of 0.
ZEROS = torch.tensor([-20.0, -9, -5, -3, -2, -1, 0, 1, 2, 4, 8, 15])

BOTH = {"condition": "both", "estimator": "iwae", "samples": 3}
CASES = {
    "gaussian-optimal": {"likelihood": "gaussian", "scale": "optimal"},
    "gaussian-optimal-two-samples": {"likelihood": "gaussian", "scale": "optimal", "samples": 2, "beta": 2.0},
    "gaussian-optimal-iwae-both": BOTH | {"likelihood": "gaussian", "scale": "optimal"},
    "gaussian-optimal-dreg": {"likelihood": "gaussian", "scale": "optimal", "estimator": "dreg", "samples": 2},
    "laplace-optimal": {"likelihood": "laplace", "scale": "optimal"},
    "poisson": {"likelihood": "poisson"},
    "poisson-log1p": {"likelihood": "poisson", "encoder_input": "log1p"},
    "poisson-log1p-iwae-both": BOTH | {"likelihood": "poisson", "encoder_input": "log1p"},
    "categorical-2": {"likelihood": "categorical", "levels": 2},
    "categorical-5-iwae-both": BOTH | {"likelihood": "categorical", "levels": 5},
    "categorical-256": {"likelihood": "categorical", "levels": 256},
    "discretised-logistic-per-pixel-iwae-both": BOTH | {"likelihood": "discretised-logistic", "scale": "per-pixel"},
}
for scale in ("unit", "shared", "per-dimension", "per-pixel"):
    CASES[f"discretised-logistic-{scale}"] = {"likelihood": "discretised-logistic", "scale": scale}
    for name in ("negative-binomial", "zero-inflated-negative-binomial"):
        CASES[f"{name}-{scale}"] = {"likelihood": name, "scale": scale, "encoder_input": "log1p"}
CASES["discretised-logistic-clamped"] = CASES["discretised-logistic-per-pixel"] | {
    "init": {"decoder.log_scale.bias": SIZES}
}
CASES["negative-binomial-clamped"] = CASES["negative-binomial-per-dimension"] | {
    "init": {"decoder.log_theta": THETAS}
}
CASES["zero-inflated-negative-binomial-clamped"] = CASES["zero-inflated-negative-binomial-per-pixel"] | {
    "init": {"decoder.log_theta.bias": THETAS, "decoder.zero_logit.bias": ZEROS}
}
CASES["zero-inflated-negative-binomial-per-pixel-iwae-both"] = (
    CASES["zero-inflated-negative-binomial-per-pixel"] | BOTH
)
# Every unit of the decoder is active for more rows than that of no counts: what only that row or a sample without weight
# reaches has a gradient of rounding alone, which Adam makes as large as any other.
ACTIVE = {"decoder.hidden.0.bias": torch.full((7,), 1.0)}
for case in CASES.values():
    if family.LIKELIHOODS[case["likelihood"]].get("counts"):
        case["init"] = case.get("init", {}) | ACTIVE
        case["own_images"] = few if "estimator" in case or "encoder_input" not in case else counts

if __name__ == "__main__":
    family.write(sys.argv[1], CASES)
