"""Writes family_hierarchy.safetensors: five Adam steps of hierarchies of latents, by PyTorch in float64.

Usage: python make_hierarchy.py family_hierarchy.safetensors
Needs: torch, numpy, safetensors.

The file is like that of make_family.py. A case further has

    above                        dimensions of the stochastic layers above z_1, from below
    between                      for each of these the units of the hidden layers below it
    ladder                       whether they are inferred from the top down

    CASE/step0.layers            of each layer the mean of ln q - ln p over the draws, if there is a layer above z_1

Of its noise `eps.L [step, batch * L, 7]` each layer has its own columns, those of z_1 first. All densities are
those of Gaussians as written by Burda et al. 2016 and Sønderby et al. 2016, term by term. A warm-up is tried with a
ladder alone: else the first gradient of the networks between stochastic layers is 0.
"""
import math
import sys

import torch
import torch.nn.functional as F

import make_family as family
from make_family import ACTIVATIONS, BATCH, CLASSES, DIM, LATENT, LN_2PI, STEPS

# As many columns as the widest case has dimensions.
WIDTH = 7
torch.manual_seed(1602_02282)
family.noise = {count: torch.randn(STEPS, BATCH * count, WIDTH) for count in (1, 2, 3)}

# Of a draw, the divergence is a difference of larger numbers: far from 0, its relative error says something.
FAR_1 = {"encoder.mu.bias": torch.tensor([1.8, -1.4, 0.6])}
FAR_2 = FAR_1 | {"encoder.2.mu.bias": torch.tensor([-2.1, 1.6])}
FAR_3 = FAR_2 | {"encoder.3.mu.bias": torch.tensor([1.7, -1.9])}
ONE = {"above": [], "between": [], "ladder": False, "init": FAR_1}
TWO = {"above": [2], "between": [[5]], "ladder": False, "init": FAR_2}
# Of so few rectifiers none would be positive.
THREE = {"above": [2, 2], "between": [[5, 4], [6]], "ladder": False, "activation": "tanh", "init": FAR_3}
LADDER_2 = TWO | {"ladder": True}
LADDER_3 = THREE | {"ladder": True}
IWAE = {"estimator": "iwae", "samples": 3}
LAPLACE = {"likelihood": "laplace", "scale": "per-pixel", "activation": "tanh", "hidden": [7, 5]}
CASES = {
    "one-layer": ONE,
    "two-layers": TWO,
    "two-layers-iwae": TWO | IWAE,
    "two-layers-both": TWO | {"condition": "both"},
    "two-layers-encoder": TWO | {"condition": "encoder"},
    "two-layers-beta-two-samples": TWO | {"beta": 4.0, "samples": 2},
    "two-layers-laplace-per-pixel": TWO | LAPLACE,
    "three-layers": THREE,
    "three-layers-iwae-both-laplace-per-pixel": THREE | IWAE | LAPLACE | {"condition": "both"},
    "ladder-2": LADDER_2,
    "ladder-2-iwae": LADDER_2 | IWAE,
    "ladder-2-both": LADDER_2 | {"condition": "both"},
    "ladder-2-decoder-two-samples": LADDER_2 | {"condition": "decoder", "samples": 2},
    "ladder-3": LADDER_3,
    "ladder-3-warm-up": LADDER_3 | {"schedule": "warm-up", "schedule_steps": 3},
    "ladder-3-iwae-both-laplace-per-pixel": LADDER_3 | IWAE | LAPLACE | {"condition": "both"},
}

parameters_of_one_layer = family.parameters_of


def parameters_of(s):
    yield from parameters_of_one_layer(s)
    up, down = (CLASSES * (s["condition"] in (side, "both")) for side in ("encoder", "decoder"))
    below, units = LATENT, s["hidden"][-1]
    for number, (latent, hidden) in enumerate(zip(s["above"], s["between"]), 2):
        ways = {
            "encoder": ((units if s["ladder"] else below) + up, hidden, latent),
            "decoder": (latent + down, hidden[::-1], below),
        }
        for side, (fan_in, between, outputs) in ways.items():
            layers = [(f"hidden.{i}", width) for i, width in enumerate(between)]
            for name, fan_out in layers:
                yield f"{side}.{number}.{name}.weight", (fan_out, fan_in), fan_in
                yield f"{side}.{number}.{name}.bias", (fan_out,), fan_in
                fan_in = fan_out
            for head in ("mu", "logvar"):
                yield f"{side}.{number}.{head}.weight", (outputs, fan_in), fan_in
                yield f"{side}.{number}.{head}.bias", (outputs,), fan_in
        below, units = latent, hidden[-1]


def log_normal(z, mu, logvar):
    return -0.5 * (LN_2PI + logvar + (z - mu) ** 2 * torch.exp(-logvar)).sum(-1)


def product(one, other):
    """Sønderby et al. 2016, equations 11 and 12: of two Gaussians given by mu and logvar, in their precisions."""
    (m, v), (n, w) = one, other
    precision = torch.exp(-v) + torch.exp(-w)
    return (m * torch.exp(-v) + n * torch.exp(-w)) / precision, -torch.log(precision)


def forward(p, s, batch, q=None, **given):
    x, y, eps = batch
    linear = lambda v, name: F.linear(v, p[f"{name}.weight"], p[f"{name}.bias"])
    repeat = lambda v: v.repeat_interleave(s["samples"], 0)  # row b * L + l
    into = {side: s["condition"] in (side, "both") for side in ("encoder", "decoder")}

    def hidden(side, number, v):
        """Hidden layers of the encoder or the decoder of a number, with as many rows of labels as of v."""
        name = side if number == 1 else f"{side}.{number}"
        label = y if len(v) == len(y) else repeat(y)
        h = torch.cat([v, label], -1) if into[side] else v
        for i in range(len(s["hidden"] if number == 1 else s["between"][number - 2])):
            h = ACTIVATIONS[s["activation"]](linear(h, f"{name}.hidden.{i}"))
        return h, name

    def gaussian(side, number, v):
        h, name = hidden(side, number, v)
        return linear(h, f"{name}.mu"), linear(h, f"{name}.logvar")

    draw = lambda q, e: q[0] + torch.exp(q[1] / 2) * e
    depth = 1 + len(s["above"])
    eps = eps.split([LATENT, *s["above"], WIDTH - LATENT - sum(s["above"])], -1)[:depth]
    z, qs, ps = [None] * depth, [None] * depth, [None] * depth
    first = gaussian("encoder", 1, x)
    if s["ladder"]:
        d, estimates = hidden("encoder", 1, x)[0], [first]
        for number in range(2, depth + 1):
            d, name = hidden("encoder", number, d)
            estimates.append((linear(d, f"{name}.mu"), linear(d, f"{name}.logvar")))
        estimates = [tuple(map(repeat, estimate)) for estimate in estimates]
        qs[-1] = estimates[-1]
        z[-1] = draw(qs[-1], eps[-1])
        for l in reversed(range(depth - 1)):
            ps[l] = gaussian("decoder", l + 2, z[l + 1])
            qs[l] = product(estimates[l], ps[l])
            z[l] = draw(qs[l], eps[l])
    else:
        qs[0] = tuple(map(repeat, first))
        z[0] = draw(qs[0], eps[0])
        for l in range(1, depth):
            qs[l] = gaussian("encoder", l + 1, z[l - 1])
            z[l] = draw(qs[l], eps[l])
            ps[l - 1] = gaussian("decoder", l + 1, z[l])
    ps[-1] = (torch.zeros_like(z[-1]), torch.zeros_like(z[-1]))
    layers = torch.stack([log_normal(z, *q) - log_normal(z, *p) for z, q, p in zip(z, qs, ps)])

    h, _ = hidden("decoder", 1, z[0])
    outputs, scale = linear(h, "decoder.output"), torch.zeros(())
    if s["scale"] == "per-pixel":
        scale = linear(h, family.scale_name(s)).clamp(-5.0, 5.0)
    recon = family.nll(s, outputs, scale, repeat(x))
    out = {"mu": first[0], "logvar": first[1], "z": z[0], "outputs": outputs, "recon": recon}
    out["kl"] = layers.sum(0).mean(0, keepdim=True)
    out["layers"] = layers.mean(1)
    if s["scale"] == "per-pixel":
        out["scale"] = scale
    if s["estimator"] != "elbo":
        out["log_weights"] = (-recon - layers.sum(0)).view(BATCH, s["samples"])
    return out


family.parameters_of, family.forward = parameters_of, forward

if __name__ == "__main__":
    family.write(sys.argv[1], CASES)
