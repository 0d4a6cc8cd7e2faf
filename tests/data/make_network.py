"""Writes family_network.safetensors: the family with every activation, normalisation, dropout and residual
connections, by PyTorch in float64.

Usage: python make_network.py family_network.safetensors
Needs: torch, numpy, safetensors.

The file is as make_family.py says; a case's settings have besides

    norm, dropout, residual      what hidden layers have

and its tensors

    CASE/final.NAME              also of the running means and variances of batch normalisations, after the last step
    CASE/eval.losses [3]         objective, reconstruction, KL of the first batch in evaluation mode, after the last step
    CASE/eval.outputs            the decoder's outputs of it

Normalisations are torch.nn's modules. Which outputs a step drops is computed by Philox as src/rng.rs has it, with the
key 0, from step, layer and element; what dropping does is torch.nn.functional.dropout's definition.
"""
import functools
import sys

import make_family as family
import numpy as np
import torch
import torch.nn.functional as F

family.DEFAULTS |= {"norm": "none", "dropout": 0.0, "residual": False}
family.ACTIVATIONS |= {
    "sigmoid": torch.sigmoid, "leaky-relu": F.leaky_relu, "elu": F.elu, "softplus": F.softplus, "gelu": F.gelu,
    "silu": F.silu,
}
STREAM = 12  # of dropout, in src/rng.rs
BOTH = ("encoder", "decoder")

CASES = {name: {"activation": name, "hidden": [7, 5]} for name in family.ACTIVATIONS}
CASES |= {
    "batch": {"norm": "batch"},
    "batch-deep": {"norm": "batch", "activation": "elu", "hidden": [7, 5], "samples": 2},
    "layer": {"norm": "layer"},
    "layer-deep": {"norm": "layer", "activation": "gelu", "hidden": [7, 5], "samples": 2},
    "dropout": {"dropout": 0.25},
    "dropout-deep": {"dropout": 0.6, "activation": "tanh", "hidden": [7, 5], "samples": 2},
    "residual": {"residual": True, "hidden": [7, 7]},
    "residual-one-of-two": {"residual": True, "hidden": [7, 7, 5], "activation": "softplus"},
    "batch-iwae-both": {"norm": "batch", "estimator": "iwae", "samples": 3, "condition": "both"},
    "batch-dropout-residual-planar": {
        "norm": "batch", "dropout": 0.3, "residual": True, "hidden": [7, 7], "activation": "silu",
        "posterior": "planar", "flow_steps": 2, "init": family.FAR,
    },
    "layer-dropout-residual-dreg-laplace": {
        "norm": "layer", "dropout": 0.3, "residual": True, "hidden": [7, 7], "activation": "leaky-relu",
        "estimator": "dreg", "samples": 3, "condition": "decoder", "likelihood": "laplace", "scale": "per-pixel",
    },
    "batch-dropout-iaf-iwae": {
        "norm": "batch", "dropout": 0.2, "posterior": "iaf", "flow_steps": 1, "flow_hidden": 5, "flow_context": 4,
        "estimator": "iwae", "samples": 2, "init": family.FAR,
    },
}

# Of the step that is taken: its number, whether it trains, and each running statistic before and after it.
now = {"step": 0, "training": True, "before": {}, "after": {}}


def norm_tensors(s):
    """Names and shapes of parameters, and of states."""
    parameters, states = [], []
    if s["norm"] == "none":
        return parameters, states
    for side, units in zip(BOTH, (s["hidden"], s["hidden"][::-1])):
        for i, count in enumerate(units):
            name = f"{side}.hidden.{i}.norm"
            parameters += [(f"{name}.weight", count), (f"{name}.bias", count)]
            if s["norm"] == "batch":
                states += [(f"{name}.running_mean", count), (f"{name}.running_var", count)]
    return parameters, states


of_layers = family.parameters_of


def parameters_of(s):
    for name, shape, fan_in in of_layers(s):
        # A bias before batch normalisation would have no effect: Ioffe and Szegedy 2015, section 3.2.
        if not (s["norm"] == "batch" and name.split(".")[1] == "hidden" and name.endswith(".bias")):
            yield name, shape, fan_in
    parameters, _ = norm_tensors(s)
    for name, count in parameters:
        yield name, (count,), 0


def start(s):
    """First values that are not the modules' own, so that each counts."""
    parameters, states = norm_tensors(s)
    for name, count in parameters + states:
        low, high = {"weight": (0.5, 1.5), "bias": (-0.5, 0.5), "running_mean": (-0.3, 0.3), "running_var": (0.5, 2.0)}[
            name.split(".")[-1]
        ]
        key = f"{name}.{count}"
        if key not in family.shared:
            family.shared[key] = torch.empty(count).uniform_(low, high)
    return {name: family.shared[f"{name}.{count}"] for name, count in states}


@functools.cache
def philox(counter, key=(0, 0)):
    """Salmon et al. 2011: ten rounds of Philox4x32."""
    c, k = [int(v) for v in counter], list(key)
    for _ in range(10):
        a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def uniforms(shape, number):
    """Of the draw of this number at the present step."""
    count = int(np.prod(shape))
    words = [word for block in range(-(-count // 4)) for word in philox((block, now["step"], STREAM, number))]
    values = np.array(words[:count]) >> 8
    return torch.tensor(values / 2**24).reshape(shape)


def hidden(h, name, p, s):
    """Linear map, normalisation, non-linearity, dropout, and the input where it is added."""
    side, _, index = name.split(".")
    y = F.linear(h, p[f"{name}.weight"], p.get(f"{name}.bias"))
    if s["norm"] == "layer":
        module = torch.nn.LayerNorm(y.shape[1], dtype=y.dtype)
    if s["norm"] == "batch":
        module = torch.nn.BatchNorm1d(y.shape[1], dtype=y.dtype).train(now["training"])
        for state in ("running_mean", "running_var"):
            getattr(module, state).copy_(now["before"][f"{name}.norm.{state}"])
    if s["norm"] != "none":
        own = {part: p[f"{name}.norm.{part}"] for part in ("weight", "bias")}
        y = torch.func.functional_call(module, own, y)
    if s["norm"] == "batch" and now["training"]:
        # Of the step's first pass: others are made for differences of gradients.
        for state in ("running_mean", "running_var"):
            now["after"].setdefault(f"{name}.norm.{state}", getattr(module, state).clone())
    y = family.ACTIVATIONS[s["activation"]](y)
    if s["dropout"] and now["training"]:
        number = int(index) + len(s["hidden"]) * BOTH.index(side)
        y = torch.where(uniforms(y.shape, number) < s["dropout"], 0.0, y / (1 - s["dropout"]))
    return h + y if s["residual"] and index != "0" and h.shape == y.shape else y


def begin(step, s, dtype):
    states = start(s) if step == 0 else now["after"]
    now.update(step=step, training=True, before={name: v.to(dtype) for name, v in states.items()}, after={})


def end(p, s, batches, out):
    out |= {f"final.{name}": v for name, v in now["after"].items()}
    now.update(step=0, training=False, before=now["after"])
    with torch.no_grad():
        f = family.forward(p, s, batches[0])
        out["eval.losses"] = torch.stack([family.objective(f, s, 0), f["recon"].mean(), f["kl"].sum()])
        out["eval.outputs"] = f["outputs"]


def initial(s, overrides):
    start(s)
    return of_family(s, overrides)


of_family = family.initial
family.parameters_of, family.hidden, family.begin, family.end = parameters_of, hidden, begin, end
family.initial = initial

if __name__ == "__main__":
    family.write(sys.argv[1], CASES)
