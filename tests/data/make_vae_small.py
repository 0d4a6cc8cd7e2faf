"""Writes vae_small.safetensors: ten Adam steps of three small VAEs, computed by PyTorch in float64.

Usage: python make_vae_small.py OUT.safetensors
Needs: torch, numpy, safetensors.

Sizes are odd on purpose. Each case stores, under its name: the images (bytes), the noise, initial
parameters, the forward values and gradients of the first step, the ten losses (total,
reconstruction, KL; nats per image, before the update) and the final parameters.
"""
import math
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)
STEPS, BATCH, DIM = 10, 13, 37

CASES = {
    # name: (hidden layers, latent, activation, likelihood)
    "relu-bernoulli": ([23], 5, torch.relu, "bernoulli"),
    "tanh-gaussian": ([19, 11], 3, torch.tanh, "gaussian"),
    "sigmoid-squared": ([17], 7, torch.sigmoid, "squared-error"),
}


def negative_log_likelihood(outputs, x, likelihood):
    if likelihood == "bernoulli":
        return F.binary_cross_entropy_with_logits(outputs, x, reduction="sum") / BATCH
    if likelihood == "gaussian":
        return (0.5 * (outputs - x) ** 2 + 0.5 * math.log(2 * math.pi)).sum() / BATCH
    return ((torch.sigmoid(outputs) - x) ** 2).sum() / BATCH


def run(hidden, latent, activation, likelihood):
    sizes = {}
    fan_in = DIM
    for i, units in enumerate(hidden):
        sizes[f"encoder.hidden.{i}"], fan_in = (units, fan_in), units
    sizes["encoder.mu"] = sizes["encoder.logvar"] = (latent, fan_in)
    fan_in = latent
    for i, units in enumerate(reversed(hidden)):
        sizes[f"decoder.hidden.{i}"], fan_in = (units, fan_in), units
    sizes["decoder.output"] = (DIM, fan_in)

    parameters = {}
    for name, (fan_out, fan_in) in sizes.items():
        bound = fan_in**-0.5
        for suffix, shape in {"weight": (fan_out, fan_in), "bias": (fan_out,)}.items():
            values = torch.empty(shape).uniform_(-bound, bound).float().double()
            parameters[f"{name}.{suffix}"] = values.requires_grad_()

    images = (torch.rand(STEPS, BATCH, DIM) * 1.6 - 0.6).clamp(0, 1).mul(255).round()
    eps = torch.randn(STEPS, BATCH, latent).float().double()
    out = {"images": images.to(torch.uint8), "eps": eps}
    out |= {f"init.{name}": p.detach().clone() for name, p in parameters.items()}
    linear = lambda v, name: F.linear(v, parameters[f"{name}.weight"], parameters[f"{name}.bias"])
    adam = torch.optim.Adam(parameters.values(), lr=1e-2)
    losses = []
    for step in range(STEPS):
        x = h = images[step] / 255
        for i in range(len(hidden)):
            h = activation(linear(h, f"encoder.hidden.{i}"))
        mu, logvar = linear(h, "encoder.mu"), linear(h, "encoder.logvar")
        z = h = mu + torch.exp(logvar / 2) * eps[step]
        for i in range(len(hidden)):
            h = activation(linear(h, f"decoder.hidden.{i}"))
        outputs = linear(h, "decoder.output")
        recon = negative_log_likelihood(outputs, x, likelihood)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum() / BATCH
        adam.zero_grad()
        (recon + kl).backward()
        losses.append(torch.stack([recon + kl, recon, kl]).detach())
        if step == 0:
            forward = {"mu": mu, "logvar": logvar, "z": z, "outputs": outputs}
            out |= {f"step0.{name}": value.detach() for name, value in forward.items()}
            out |= {f"step0.grad.{name}": p.grad.clone() for name, p in parameters.items()}
        adam.step()
    out["losses"] = torch.stack(losses)
    out |= {f"final.{name}": p.detach().clone() for name, p in parameters.items()}
    return out


torch.manual_seed(1312_6114)
tensors = {}
for case, settings in CASES.items():
    for name, value in run(*settings).items():
        if value.dtype == torch.float64 and name != "losses":
            value = value.float()
        tensors[f"{case}/{name}"] = value.contiguous()
save_file(tensors, sys.argv[1])
