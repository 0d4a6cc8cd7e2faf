"""Writes family_objectives.safetensors: five Adam steps of the objectives that make_family.py does not have.

Usage: python make_objectives.py family_objectives.safetensors
Needs: torch, numpy, safetensors.

The file is as that of make_family.py, with the settings of `DEFAULTS` below and one tensor more:

    prior.L [step, batch * L, latent]    draws from the prior, which InfoVAE compares z with

`eps.L` and `prior.L` are there for the number L of an image's draws, M * K of MIWAE and PIWAE.
"""
import math
import sys

import torch

import make_family as family
from make_family import BATCH, FAR, FLOWS, LATENT, LN_2PI, STEPS, draws, forward, kl_weight

DEFAULTS = {
    "outer_samples": 1,  # M of MIWAE and PIWAE, whose K is `samples`
    "elbo_weight": 0.0,  # beta of CIWAE
    "capacity": 0.0,  # nats
    "capacity_weight": 0.0,  # gamma
    "info_alpha": 0.0,
    "info_lambda": 0.0,
    "images": 1,  # of the training, N of beta-TC
}
family.DEFAULTS |= DEFAULTS

generator = torch.Generator().manual_seed(1802_04942)
for count in (4, 6):
    family.noise[count] = torch.randn(STEPS, BATCH * count, LATENT, generator=generator)
prior = {count: torch.randn(STEPS, BATCH * count, LATENT, generator=generator) for count in (1, 2)}


def bound(log_weights):
    """-ln of the mean of the weights of each row, as a mean over the rows."""
    return (math.log(log_weights.shape[1]) - torch.logsumexp(log_weights, 1)).mean()


def costs(f):
    """-ln w of every draw."""
    return -f["log_weights"]


def excess(f):
    """ln q(z | x) - ln p(z) of every draw."""
    return costs(f).flatten() - f["recon"]


def at_present_q(p, s, batch, at):
    """A pass in which q's parameters within ln q are constants."""
    return forward(p, s, batch, (at["mu"].detach(), at["logvar"].detach()))


def stl(f, s, step):
    return f["recon"].mean() + kl_weight(s, step) * excess(f).mean()


def stl_descended(p, s, batch, step, at):
    return (stl(at_present_q(p, s, batch, at), s, step),) * 2


def iwae(f, s, step):
    return bound(f["log_weights"])


def iwae_stl_descended(p, s, batch, step, at):
    """The weights are not constants: their part of the gradient is w/Σw times the log weights'."""
    w = torch.softmax(at["log_weights"].detach(), 1)
    loss = -(w * at_present_q(p, s, batch, at)["log_weights"]).sum(1).mean()
    return loss, loss


def miwae(f, s, step):
    """Row b * M + m has the K draws of the bound m of the image b."""
    return bound(f["log_weights"].reshape(BATCH * s["outer_samples"], s["samples"]))


def piwae_descended(p, s, batch, step, at):
    f = forward(p, s, batch)
    return miwae(f, s, step), iwae(f, s, step)


def ciwae(f, s, step):
    return s["elbo_weight"] * costs(f).mean() + (1 - s["elbo_weight"]) * bound(f["log_weights"])


def capacity(f, s, step):
    reached = s["capacity"] * (min(1.0, step / s["schedule_steps"]) if s["schedule_steps"] else 1.0)
    off = f["kl"].sum() - reached
    assert off.abs() > 0.1, off  # the slope of |x| at 0 is no number
    return f["recon"].mean() + s["capacity_weight"] * off.abs()


def beta_tc(f, s, step):
    """Chen et al. 2018, by minibatch-weighted sampling: every draw i against every image j."""
    z, m, v = f["z"][:, None], f["mu"][None], f["logvar"][None]
    pairs = -0.5 * (LN_2PI + v + (z - m) ** 2 * torch.exp(-v))
    count = math.log(BATCH * s["images"])
    log_q = torch.logsumexp(pairs.sum(2), 1) - count
    log_product = (torch.logsumexp(pairs, 1) - count).sum(1)
    own = torch.arange(BATCH).repeat_interleave(draws(s))
    log_own = pairs.sum(2)[torch.arange(len(own)), own]
    log_prior = -0.5 * (LN_2PI + f["z"] ** 2).sum(1)
    parts = [log_own - log_q, log_q - log_product, log_product - log_prior]
    torch.testing.assert_close(sum(parts), excess(f), rtol=1e-4, atol=1e-5)
    mi, tc, dwkl = (part.mean() for part in parts)
    return f["recon"].mean() + mi + s["beta"] * tc + dwkl


def mmd(a, b):
    """By the kernel of the authors' code, exp(-mean (a - b)² / Z), over all pairs."""
    kernel = lambda a, b: torch.exp(-((a[:, None] - b[None]) ** 2).mean(2) / LATENT).mean()
    return kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)


def info(f, s, step):
    alpha, weight = s["info_alpha"], s["info_alpha"] + s["info_lambda"] - 1
    own = mmd(f["z"], prior[draws(s)][step].to(f["z"].dtype))
    return f["recon"].mean() + (1 - alpha) * f["kl"].sum() + weight * own


family.ESTIMATORS |= {
    "stl": (stl, stl_descended),
    "iwae-stl": (iwae, iwae_stl_descended),
    "miwae": (miwae, None),
    "piwae": (miwae, piwae_descended),
    "ciwae": (ciwae, None),
    "capacity": (capacity, None),
    "beta-tc": (beta_tc, None),
    "info": (info, None),
}

PARTS = {
    "stl": {"estimator": "stl", "beta": 2.0, "samples": 2},
    "iwae-stl": {"estimator": "iwae-stl", "samples": 3},
    "miwae": {"estimator": "miwae", "outer_samples": 2, "samples": 3},
    "piwae": {"estimator": "piwae", "outer_samples": 3, "samples": 2},
    "ciwae": {"estimator": "ciwae", "elbo_weight": 0.3, "samples": 3},
    "capacity": {"estimator": "capacity", "capacity": 4.0, "capacity_weight": 20.0, "schedule_steps": 3},
    "beta-tc": {"estimator": "beta-tc", "beta": 6.0, "images": 19},
    "info": {"estimator": "info", "info_alpha": 0.4, "info_lambda": 50.0},
}
OTHERS = {
    "condition": "both", "likelihood": "laplace", "scale": "per-pixel", "activation": "tanh", "hidden": [7, 5],
}
CASES = {}
for name, parts in PARTS.items():
    CASES[name] = parts
    two = {"samples": 2} if "outer_samples" not in parts else {"outer_samples": 2, "samples": 2}
    CASES[f"{name}-both-laplace-per-pixel"] = parts | OTHERS | two
    if name not in ("stl", "iwae-stl", "beta-tc"):
        CASES[f"{name}-iaf"] = parts | two | FLOWS["iaf"]
CASES |= {
    "stl-warm-up": {"estimator": "stl", "schedule": "warm-up", "schedule_steps": 3},
    "capacity-full-planar": PARTS["capacity"] | {"schedule_steps": 0} | FLOWS["planar"],
    "info-without-kl": {"estimator": "info", "info_alpha": 1.0, "info_lambda": 100.0, "init": FAR},
}

if __name__ == "__main__":
    more = {f"prior.{count}": value for count, value in prior.items()}
    family.write(sys.argv[1], CASES, more)
