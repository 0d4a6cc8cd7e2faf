"""Writes tables.safetensors: five Adam steps of models of tables, by PyTorch in float64.

Usage: python make_tables.py tables.safetensors
Needs: torch, numpy, safetensors.

A case is a layout (numbers, counts, the words of each category, whether cells are missing), a likelihood of numbers, its
scale, an objective and its draws. The file's metadata has one entry, `cases`: a JSON list of objects with each case's
`name` and settings. The tensors of a case are

    CASE/x [step, batch, width]          rows: numbers, counts, categories as a 1 among zeros, the mask
    CASE/eps [step, batch * K, latent]
    CASE/init.NAME, CASE/final.NAME      parameters before the first step and after the last
    CASE/losses [step, 3]                objective, reconstruction, KL: nats a row, before the update
    CASE/step0.mu, logvar, z, outputs    of the first step, as they are
    CASE/step0.grad.NAME                 what the first update follows
    CASE/step0.mean [batch * K, values]  E[x | z]
    CASE/step0.cells [batch * K, columns]  -log p of each cell that is there
    CASE/step0.imputed [batch, values]   the mean of E[x | z] by the importance weights of the K draws

`losses` are exact, the rest is rounded to float32. Densities are those of torch.distributions, column by column. What
float32 makes of the same steps has to stay below a third of the tests' tolerances.
"""
import json
import math
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.distributions import Categorical, Laplace, NegativeBinomial, Normal, StudentT

STEPS, BATCH, HIDDEN, LATENT, RATE = 5, 6, 7, 3, 1e-3
FORWARD, BACKWARD = 1e-5, 1e-4
SCALES = {"gaussian": ("logvar", 6.0), "student-t": ("log_scale", 5.0), "laplace": ("log_scale", 5.0)}

MIXED = {"numbers": 3, "counts": 2, "categories": [2, 3, 5], "masked": True}
CASES = {
    "numbers": MIXED | {"counts": 0, "categories": [], "masked": False, "scale": "unit"},
    "numbers-student-t-iwae": MIXED
    | {"counts": 0, "categories": [], "likelihood": "student-t", "scale": "per-pixel", "objective": "iwae"},
    "categories": MIXED | {"numbers": 0, "counts": 0},
    "mixed": MIXED,
    "mixed-laplace": MIXED | {"masked": False, "likelihood": "laplace", "scale": "shared"},
    "mixed-student-t-iwae": MIXED | {"likelihood": "student-t", "scale": "per-pixel", "objective": "iwae"},
}
DEFAULTS = {"likelihood": "gaussian", "scale": "per-dimension", "objective": "elbo"}


def columns(s):
    return s["numbers"] + s["counts"] + len(s["categories"])


def values(s):
    return s["numbers"] + s["counts"] + sum(s["categories"])


def rows(s):
    """Rows with zeros in the place of cells that are missing, and the mask."""
    shape = (STEPS, BATCH)
    cells = [torch.randn(*shape, 1) for _ in range(s["numbers"])]
    cells += [torch.poisson(torch.rand(*shape, 1) * 5**i) for i in range(1, s["counts"] + 1)]
    cells += [F.one_hot(torch.randint(k, shape), k).float() for k in s["categories"]]
    if not s["masked"]:
        return torch.cat(cells, -1)
    mask = (torch.rand(*shape, columns(s)) < 0.7).float()
    mask[:, 0] = 1.0
    mask[0, 1] = 0.0  # a row of which nothing is known
    return torch.cat([cell * mask[..., i : i + 1] for i, cell in enumerate(cells)] + [mask], -1)


def parameters(s):
    """Name, shape and fan-in of every parameter; a fan-in of 0 is for one that starts at 0."""
    width = values(s) + columns(s) * s["masked"]
    layers = [("encoder.hidden.0", HIDDEN, width), ("encoder.mu", LATENT, HIDDEN), ("encoder.logvar", LATENT, HIDDEN)]
    layers += [("decoder.hidden.0", HIDDEN, LATENT), ("decoder.output", values(s), HIDDEN)]
    scale = f"decoder.{SCALES[s['likelihood']][0]}"
    if s["scale"] == "per-pixel":
        layers.append((scale, s["numbers"], HIDDEN))
    for name, fan_out, fan_in in layers:
        yield f"{name}.weight", (fan_out, fan_in), fan_in
        yield f"{name}.bias", (fan_out,), fan_in
    if s["numbers"] and s["scale"] in ("shared", "per-dimension"):
        yield scale, (1 if s["scale"] == "shared" else s["numbers"],), 0
    if s["counts"]:
        yield "decoder.log_theta", (s["counts"],), 0


def initial(s):
    start = {}
    for name, shape, fan_in in parameters(s):
        bound = fan_in**-0.5 if fan_in else 0.4
        start[name] = torch.empty(shape).uniform_(-bound, bound)
    return start


def seen(s, x):
    """Counts by ln(1 + x)."""
    first, last = s["numbers"], s["numbers"] + s["counts"]
    return torch.cat([x[:, :first], torch.log1p(x[:, first:last]), x[:, last:]], -1)


def cells(s, outputs, scale, p, x):
    """-log p and E[x | z] of each cell, there or not."""
    n, c = s["numbers"], s["counts"]
    size = torch.exp(scale / 2) if s["likelihood"] == "gaussian" else torch.exp(scale)
    nll, mean, start = [], [], n + c
    for i in range(n):
        m, own = outputs[:, i], (size[:, i] if size.dim() == 2 else size)
        of = {"gaussian": Normal, "laplace": Laplace}.get(s["likelihood"])
        of = of(m, own) if of else StudentT(5.0, m, own)
        nll.append(-of.log_prob(x[:, i])), mean.append(m[:, None])
    for i in range(c):
        log_mean, log_theta = outputs[:, n + i], p["decoder.log_theta"][i]
        of = NegativeBinomial(log_theta.exp().expand_as(log_mean), logits=log_mean - log_theta)
        nll.append(-of.log_prob(x[:, n + i])), mean.append(log_mean.exp()[:, None])
    for k in s["categories"]:
        of = Categorical(logits=outputs[:, start : start + k])
        nll.append(-of.log_prob(x[:, start : start + k].argmax(-1))), mean.append(of.probs)
        start += k
    return torch.stack(nll, -1), torch.cat(mean, -1)


def forward(p, s, x, eps):
    linear = lambda v, name: F.linear(v, p[f"{name}.weight"], p[f"{name}.bias"])
    draws = len(eps) // len(x)
    repeat = lambda v: v.repeat_interleave(draws, 0)
    h = torch.relu(linear(seen(s, x), "encoder.hidden.0"))
    mu, logvar = linear(h, "encoder.mu"), linear(h, "encoder.logvar")
    z = repeat(mu) + torch.exp(repeat(logvar) / 2) * eps
    h = torch.relu(linear(z, "decoder.hidden.0"))
    outputs, (name, most) = linear(h, "decoder.output"), SCALES[s["likelihood"]]
    scale = torch.zeros(())
    if s["numbers"] and s["scale"] != "unit":
        scale = linear(h, f"decoder.{name}") if s["scale"] == "per-pixel" else p[f"decoder.{name}"].expand(len(z), s["numbers"])
        scale = scale.clamp(-most, most)
    nll, mean = cells(s, outputs, scale, p, repeat(x))
    mask = repeat(x[:, values(s) :]) if s["masked"] else torch.ones_like(nll)
    nll = torch.where(mask == 1, nll, 0.0)
    recon = nll.sum(-1)
    log_prior, log_q = Normal(0.0, 1.0).log_prob(z).sum(-1), Normal(repeat(mu), torch.exp(repeat(logvar) / 2)).log_prob(z).sum(-1)
    log_weights = (log_prior - recon - log_q).view(len(x), draws)
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)
    objective = recon.mean() + kl.mean()
    if s["objective"] == "iwae":
        objective = (math.log(draws) - torch.logsumexp(log_weights, 1)).mean()
    share = torch.softmax(log_weights, 1)[..., None]
    imputed = (share * mean.view(len(x), draws, -1)).sum(1)
    out = {"mu": mu, "logvar": logvar, "z": z, "outputs": outputs, "mean": mean, "cells": nll, "imputed": imputed}
    return objective, torch.stack([objective, recon.mean(), kl.mean()]), out


def run(s, start, x, eps, dtype):
    p = {name: value.to(dtype, copy=True).requires_grad_() for name, value in start.items()}
    adam = torch.optim.Adam(p.values(), lr=RATE)
    out, losses = {}, []
    for step in range(STEPS):
        objective, terms, found = forward(p, s, x[step].to(dtype), eps[step].to(dtype))
        adam.zero_grad()
        objective.backward()
        if step == 0:
            out |= {f"step0.{name}": value.detach() for name, value in found.items()}
            out |= {f"step0.grad.{name}": v.grad.clone() for name, v in p.items()}
        losses.append(terms.detach())
        adam.step()
    return out | {"losses": torch.stack(losses)} | {f"final.{name}": v.detach() for name, v in p.items()}


def relative_error(a, b):
    return ((a.double() - b).norm() / b.norm()).item()


if __name__ == "__main__":
    torch.manual_seed(1807_03653)
    tensors, settings = {}, []
    for case, changes in CASES.items():
        s = DEFAULTS | changes
        s["samples"] = 3 if s["objective"] == "iwae" else 1
        x, start, eps = rows(s), initial(s), torch.randn(STEPS, BATCH * s["samples"], LATENT)
        exact, single = (run(s, start, x, eps, dtype) for dtype in (torch.float64, torch.float32))
        worst = [0.0, 0.0]
        for name, value in exact.items():
            backward = name.startswith(("step0.grad.", "final."))
            worst[backward] = max(worst[backward], relative_error(single[name], value))
            tensors[f"{case}/{name}"] = value if name == "losses" else value.float()
        assert worst[False] < FORWARD / 3 and worst[True] < BACKWARD / 3, (case, worst)
        print(f"{case}: {exact['losses'][0].tolist()}; float32 is off by {worst[False]:.0e}, {worst[True]:.0e}")
        tensors |= {f"{case}/x": x, f"{case}/eps": eps} | {f"{case}/init.{name}": v for name, v in start.items()}
        settings.append({"name": case} | s)
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    save_file(tensors, sys.argv[1], metadata={"cases": json.dumps(settings)})
