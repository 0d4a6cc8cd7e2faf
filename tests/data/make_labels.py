"""Writes family_labels.safetensors: five Adam steps of models with labels in part, by PyTorch in float64.

Usage: python make_labels.py family_labels.safetensors
Needs: torch, numpy, safetensors; make_family.py beside it.

A case is as of make_family.py, whose networks, likelihoods and flows it has. The file's metadata has `cases`, a JSON
list with each case's `name`, all settings of `make_family.DEFAULTS` and `weight`, which the classifier's cross entropy
counts. The tensors are

    images, labelled.images [step, batch, pixel] (bytes), labelled.labels [step, batch] (bytes)
    eps.L [step, batch * classes * L, latent], labelled.eps.L [step, batch * L, latent]
    CASE/init.NAME               the initial value of parameter NAME
    CASE/losses [step, 9]        objective, then the terms of TERMS: means over the batch, before the update
    CASE/step0.log_q [batch, class], step0.bound [batch]
    CASE/step0.grad.NAME         what the first update follows
    CASE/final.NAME              after the last update

with class c of image b in rows (b * classes + c) * L and on. The bound is computed by enumeration: for each class by
itself, the whole batch with that class. `losses` are exact; the rest is rounded to float32. Every case's gradients
are checked against central differences, and all that is recorded against the same steps in float32.
"""
import json
import math
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import make_family as family
from make_family import BATCH, CLASSES, DIM, LATENT, RATE, STEPS

TERMS = ["recon", "kl", "kl_label", "bound", "labelled_nll", "labelled_kl", "cross_entropy", "error"]
FORWARD, BACKWARD = family.FORWARD, family.BACKWARD
family.ACTIVATIONS |= {"softplus": F.softplus, "sigmoid": torch.sigmoid}

CASES = {
    "m2": {"activation": "softplus"},
    "m2-two-layers": {"hidden": [7, 5], "activation": "tanh", "weight": 6.0},
    "m2-beta-two-samples": {"beta": 4.0, "samples": 2, "weight": 0.3},
    "m2-warm-up": {"schedule": "warm-up", "schedule_steps": 3},
    "m2-decoder": {"condition": "decoder", "activation": "softplus"},
    "m2-laplace-per-pixel": {"likelihood": "laplace", "scale": "per-pixel", "activation": "softplus"},
    "m2-planar": {"posterior": "planar", "flow_steps": 2, "activation": "tanh", "samples": 2},
}

torch.manual_seed(1406_5298)
images, labelled_images = (
    (torch.rand(STEPS, BATCH, DIM) * 1.8 - 0.4).clamp(0, 1).mul(255).round().to(torch.uint8) for _ in range(2)
)
labels = torch.randint(CLASSES, (STEPS, BATCH)).to(torch.uint8)
noise = {count: torch.randn(STEPS, BATCH * CLASSES * count, LATENT) for count in (1, 2)}
labelled_noise = {count: torch.randn(STEPS, BATCH * count, LATENT) for count in (1, 2)}


def parameters_of(s):
    yield from family.parameters_of(s)
    fan_in = DIM
    for name, units in [*((f"classifier.hidden.{i}", u) for i, u in enumerate(s["hidden"])), ("classifier.output", CLASSES)]:
        yield f"{name}.weight", (units, fan_in), fan_in
        yield f"{name}.bias", (units,), fan_in
        fan_in = units


def initial(s):
    """PyTorch's default for a linear layer, but for weights of the classifier: three times as large, so that its
    probabilities differ."""
    values = {}
    for name, shape, fan_in in parameters_of(s):
        bound = fan_in**-0.5 if fan_in else 0.0
        values[name] = torch.empty(shape).uniform_(-bound, bound) * (3 if name.startswith("classifier") else 1)
    return values


def log_q(p, s, x):
    for i in range(len(s["hidden"])):
        x = F.linear(x, p[f"classifier.hidden.{i}.weight"], p[f"classifier.hidden.{i}.bias"])
        x = family.ACTIVATIONS[s["activation"]](x)
    return torch.log_softmax(F.linear(x, p["classifier.output.weight"], p["classifier.output.bias"]), -1)


def of_label(p, s, x, y, eps):
    """Reconstruction and divergence of each image, means over its samples."""
    heads = family.forward(p, s | {"estimator": "iwae"}, (x, y, eps))
    mean = lambda rows: rows.view(len(x), s["samples"]).mean(1)
    recon = mean(heads["recon"])
    if s["flow_steps"]:
        return recon, mean(-heads["log_weights"].view(-1) - heads["recon"])
    kl = 0.5 * (heads["mu"] ** 2 + heads["logvar"].exp() - 1 - heads["logvar"])
    return recon, kl.sum(1)


def terms(p, s, batch):
    """The terms as means, ln q and the bound of each image."""
    x, xl, yl, eps, eps_l = batch
    lq = log_q(p, s, x)
    q = lq.exp()
    eps = eps.view(BATCH, CLASSES, s["samples"], LATENT)
    recon, kl = torch.zeros(BATCH, dtype=x.dtype), torch.zeros(BATCH, dtype=x.dtype)
    for c in range(CLASSES):
        y = F.one_hot(torch.full((BATCH,), c), CLASSES).to(x.dtype)
        of_c = of_label(p, s, x, y, eps[:, c].reshape(-1, LATENT))
        recon, kl = recon + q[:, c] * of_c[0], kl + q[:, c] * of_c[1]
    kl_label = (q * (lq + math.log(CLASSES))).sum(1)
    bound = recon + kl + kl_label
    recon_l, kl_l = of_label(p, s, xl, F.one_hot(yl, CLASSES).to(x.dtype), eps_l)
    lql = log_q(p, s, xl)
    wrong = (lql.argmax(1) != yl).to(x.dtype)
    values = [recon, kl, kl_label, bound, recon_l + math.log(CLASSES), kl_l, F.nll_loss(lql, yl, reduction="none"), wrong]
    return {name: value.mean() for name, value in zip(TERMS, values)}, lq, bound


def objective(t, s, step):
    w = family.kl_weight(s, step)
    return t["recon"] + w * t["kl"] + t["kl_label"] + t["labelled_nll"] + w * t["labelled_kl"] + s["weight"] * t["cross_entropy"]


def run(s, start, dtype):
    p = {name: value.to(dtype, copy=True).requires_grad_() for name, value in start.items()}
    adam = torch.optim.Adam(p.values(), lr=RATE)
    losses, out = [], {}
    for step in range(STEPS):
        batch = [images[step].to(dtype) / 255, labelled_images[step].to(dtype) / 255, labels[step].long(),
                 noise[s["samples"]][step].to(dtype), labelled_noise[s["samples"]][step].to(dtype)]
        t, lq, bound = terms(p, s, batch)
        loss = objective(t, s, step)
        losses.append(torch.stack([loss, *t.values()]).detach())
        adam.zero_grad()
        loss.backward()
        if step == 0:
            out |= {"step0.log_q": lq.detach(), "step0.bound": bound.detach()}
            out |= {f"step0.grad.{name}": v.grad.clone() for name, v in p.items()}
            if dtype == torch.float64:
                check_gradients(p, s, batch)
        adam.step()
    out["losses"] = torch.stack(losses)
    return out | {f"final.{name}": v.detach().clone() for name, v in p.items()}


def check_gradients(p, s, batch, h=1e-6):
    """Of each parameter the element of the greatest gradient, against a central difference."""
    constant = {name: v.detach() for name, v in p.items()}
    for name, v in p.items():
        element, values = v.grad.abs().argmax(), []
        for sign in (1, -1):
            moved = constant[name].clone()
            moved.view(-1)[element] += sign * h
            values.append(objective(terms(constant | {name: moved}, s, batch)[0], s, 0))
        difference, gradient = ((values[0] - values[1]) / (2 * h)).item(), v.grad.view(-1)[element].item()
        off = abs(difference - gradient)
        # A warm-up begins at 0, where some gradients are those of the reconstruction alone, but none is 0.
        assert gradient != 0 and off <= 1e-6 * abs(gradient) + 1e-8, (name, difference, gradient)


def main(path):
    tensors, settings = {}, []
    for case, changes in CASES.items():
        s = family.DEFAULTS | {"condition": "both", "weight": 1.0} | changes
        settings.append({"name": case} | s)
        start = initial(s)
        exact, single = (run(s, start, dtype) for dtype in (torch.float64, torch.float32))
        worst = {}
        for name, value in exact.items():
            backward = name.startswith(("step0.grad.", "final."))
            pairs = zip(single[name].flatten(), value.flatten()) if name == "losses" else [(single[name], value)]
            for a, b in pairs:
                # Errors are counted: they agree exactly, and may all be 0.
                off = float((a.double() - b).abs()) if b.norm() == 0 else family.relative_error(a, b)
                worst[backward] = max(worst.get(backward, 0.0), off)
            tensors[f"{case}/{name}"] = value if name == "losses" else value.float()
        tensors |= {f"{case}/init.{name}": value.clone() for name, value in start.items()}
        assert worst[False] < FORWARD / 3 and worst[True] < BACKWARD / 3, (case, worst)
        print(f"{case}: {exact['losses'][0].tolist()}; float32 is off by {worst[False]:.0e}, {worst[True]:.0e}")
    tensors |= {"images": images, "labelled.images": labelled_images, "labelled.labels": labels}
    tensors |= {f"eps.{count}": value for count, value in noise.items()}
    tensors |= {f"labelled.eps.{count}": value for count, value in labelled_noise.items()}
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    save_file(tensors, path, metadata={"cases": json.dumps(settings)})


if __name__ == "__main__":
    main(sys.argv[1])
