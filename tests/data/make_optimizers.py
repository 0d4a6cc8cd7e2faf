"""Writes optimizers.safetensors: fifty steps of a small VAE by PyTorch's AdamW in float64, with its
schedules, its clipping and its parameter groups, in several ways.

Usage: python make_optimizers.py OUT.safetensors
Needs: torch, safetensors.

Ten passes over the images in their order, in batches of 13 whose last has 8. The noise is this crate's
(Philox4x32-10 and Box-Muller, `src/rng.rs`), so that every way to run a pass can be compared. The file
has the images (bytes), the initial parameters, and of each case the losses (total, reconstruction, KL;
nats per image, before the update), the rates, the gradients' norms, and the final parameters.
"""
import math
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, MultiStepLR, SequentialLR

torch.set_default_dtype(torch.float64)
IMAGES, BATCH, DIM, HIDDEN, LATENT, PASSES = 60, 13, 37, 19, 3, 10
STEPS = PASSES * math.ceil(IMAGES / BATCH)
SEED, NOISE = 0, 2  # the key, and the stream
RATE, WARMUP, CLIP = 1e-2, 6, 2.0


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p, q = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [q >> 32 ^ c[1] ^ k[0], q & 0xFFFFFFFF, p >> 32 ^ c[3] ^ k[1], p & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def noise(step, rows):
    values = []
    for block in range(math.ceil(rows * LATENT / 4)):
        words = philox([block, step, NOISE, 0], [SEED, 0])
        for a, b in (words[:2], words[2:]):
            radius = math.sqrt(-2 * math.log(((a >> 8) + 1) / 2**24))
            angle = 2 * math.pi * (b >> 8) / 2**24
            values += [radius * math.cos(angle), radius * math.sin(angle)]
    return torch.tensor(values[: rows * LATENT]).reshape(rows, LATENT)


def warmed_up(optimizer, after):
    before = LinearLR(optimizer, 1 / WARMUP, 1.0, WARMUP - 1)
    return SequentialLR(optimizer, [before, after], [WARMUP])


def cosine(optimizer):
    """From the end of the warm-up to the last step."""
    return warmed_up(optimizer, CosineAnnealingLR(optimizer, STEPS - 1 - WARMUP, RATE / 100))


def line(optimizer):
    return LinearLR(optimizer, 1.0, 0.0, STEPS - 1)


def table(optimizer):
    """The beginning of Burda et al. (2015): 10^(-1/7) of the rate after 1 pass and after 3 more."""
    per_pass = STEPS // PASSES
    return MultiStepLR(optimizer, [per_pass, 4 * per_pass], 10 ** (-1 / 7))


def together(name):
    return {}


def without_decay_of_biases(name):
    return {"weight_decay": 0} if name.endswith("bias") else {}


def frozen_encoder(name):
    return None if name.startswith("encoder") else {}


def frozen_decoder(name):
    """The encoder's biases do not decay."""
    return None if name.startswith("decoder") else without_decay_of_biases(name)


def slow_decoder(name):
    """At a tenth of the rate and without decay."""
    return {"lr": RATE / 10, "weight_decay": 0} if name.startswith("decoder") else {}


CASES = {
    # name: (schedule, weight decay, clipping, what differs for a parameter, or None where it is frozen)
    "cosine": (cosine, 0, None, together),
    "linear": (line, 0, None, together),
    "table": (table, 0, None, together),
    "clipped": (None, 0, CLIP, together),
    "decayed": (None, 0.3, None, together),
    "all": (cosine, 0.3, CLIP, together),
    "decayed-weights": (None, 0.3, None, without_decay_of_biases),
    "frozen-encoder": (line, 0.3, CLIP, frozen_encoder),
    "frozen-decoder": (None, 0.3, None, frozen_decoder),
    "slow-decoder": (table, 0.3, CLIP, slow_decoder),
}

torch.manual_seed(1511_05101)
images = (torch.rand(IMAGES, DIM) * 1.6 - 0.6).clamp(0, 1).mul(255).round()
sizes = {
    "encoder.hidden.0": (HIDDEN, DIM),
    "encoder.mu": (LATENT, HIDDEN),
    "encoder.logvar": (LATENT, HIDDEN),
    "decoder.hidden.0": (HIDDEN, LATENT),
    "decoder.output": (DIM, HIDDEN),
}
initial = {}
for name, (fan_out, fan_in) in sizes.items():
    for suffix, shape in {"weight": (fan_out, fan_in), "bias": (fan_out,)}.items():
        values = torch.empty(shape).uniform_(-(fan_in**-0.5), fan_in**-0.5)
        initial[f"{name}.{suffix}"] = values.float().double()


def run(schedule, weight_decay, clip_norm, of):
    parameters = {name: p.clone() for name, p in initial.items()}
    groups = {}
    for name, p in parameters.items():
        own = of(name)
        p.requires_grad_(own is not None)
        if own is not None:
            groups.setdefault(str(own), {"params": [], **own})["params"].append(p)
    linear = lambda v, name: F.linear(v, parameters[f"{name}.weight"], parameters[f"{name}.bias"])
    optimizer = torch.optim.AdamW(list(groups.values()), lr=RATE, weight_decay=weight_decay)
    scheduler = schedule and schedule(optimizer)
    losses, rates, norms = [], [], []
    for step in range(STEPS):
        first = step % (STEPS // PASSES) * BATCH
        x = images[first : first + BATCH] / 255
        h = torch.tanh(linear(x, "encoder.hidden.0"))
        mu, logvar = linear(h, "encoder.mu"), linear(h, "encoder.logvar")
        z = mu + torch.exp(logvar / 2) * noise(step, len(x))
        logits = linear(torch.tanh(linear(z, "decoder.hidden.0")), "decoder.output")
        recon = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum() / len(x)
        optimizer.zero_grad()
        (recon + kl).backward()
        most = math.inf if clip_norm is None else clip_norm
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), most).detach())
        losses.append(torch.stack([recon + kl, recon, kl]).detach())
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if scheduler:
            scheduler.step()
    out = {"losses": torch.stack(losses), "rates": torch.tensor(rates), "norms": torch.stack(norms)}
    return out | {f"final.{name}": p.detach().float() for name, p in parameters.items()}


tensors = {"images": images.to(torch.uint8)}
tensors |= {f"init.{name}": p.float() for name, p in initial.items()}
for case, settings in CASES.items():
    tensors |= {f"{case}/{name}": value for name, value in run(*settings).items()}
    norms = tensors[f"{case}/norms"]
    print(f"{case}: norms {norms.min():.3} to {norms.max():.3}, {(norms > CLIP).sum()} of {STEPS} above {CLIP}")
save_file({name: value.contiguous() for name, value in tensors.items()}, sys.argv[1])
