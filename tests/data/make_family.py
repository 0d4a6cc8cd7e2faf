"""Writes family.safetensors: five Adam steps of every member of the VAE family, by PyTorch in float64.

Usage: python make_family.py family.safetensors
Needs: torch, numpy, safetensors.

A case is one set of objective, posterior, likelihood, scale and condition. The file's metadata has one entry, `cases`:
a JSON list of objects with each case's `name` and all settings of `DEFAULTS`. The tensors are

    images [step, batch, pixel] (bytes), labels [step, batch] (bytes), eps.L [step, batch * L, latent]
    init.NAME.SHAPE              the initial value of parameter NAME, where SHAPE is such as 7x12; shared
    CASE/init.NAME               what a case has instead of it
    CASE/images                  likewise of the images; counts are seen as they are, other bytes as 0 to 1
    CASE/losses [step, 3]        objective, reconstruction, KL: nats per image, before the update
    CASE/step0.mu, logvar        [batch, latent]
    CASE/step0.z, outputs        [batch * L, latent or output]; the outputs are `decoder.output`, as they are
    CASE/step0.scale             [batch * L, pixel], the clamped log scale (a Gaussian's log variance), if per pixel
    CASE/step0.recon             [batch * L], -log p(x | z)
    CASE/step0.kl                [latent], means over the batch, before any clamp; of a flow [1], the mean of
                                 ln q - ln p over the draws
    CASE/step0.log_weights       [batch, L], of IWAE and DReG
    CASE/step0.grad.NAME         what the first update follows
    CASE/final.NAME              after the last update

with sample l of example b in row b * L + l. `losses` and the metadata are exact; the rest is rounded to float32.
The objective of IWAE and DReG is the negative bound. Every case is checked twice before it is written: its
gradients against central differences, and all that is recorded against the same steps in float32. Of a flow
the log-determinants are also checked against those of the Jacobian by automatic differentiation.
"""
import json
import math
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

STEPS, BATCH, DIM, LATENT, CLASSES = 5, 6, 12, 3, 4
RATE, FREEDOM = 1e-3, 5.0  # of Adam; degrees of freedom of the Student-t
LN_2PI = math.log(2 * math.pi)
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}
# The tests' tolerances in ‖a - b‖ / ‖b‖. PyTorch's float32 has to stay below a third of them.
FORWARD, BACKWARD = 1e-5, 1e-4

DEFAULTS = {
    "hidden": [7],
    "activation": "relu",
    "likelihood": "bernoulli",  # continuous-bernoulli, squared-error, gaussian, laplace, student-t
    "scale": "unit",  # shared, per-dimension, per-pixel, optimal
    "levels": 256,  # of a categorical likelihood
    "encoder_input": "values",  # log1p
    "condition": "none",  # encoder, decoder, both
    "estimator": "elbo",  # iwae, dreg
    "samples": 1,  # L of the ELBO, K of the others
    "beta": 1.0,
    "schedule": "constant",  # warm-up, cyclical
    "schedule_steps": 0,  # length of the ramp, or of a cycle
    "free_bits": 0.0,  # nats per dimension
    "prior": "standard",  # or one of PRIORS
    "components": 0,  # of a prior that is a mixture
    "posterior": "gaussian",  # planar, radial, iaf
    "flow_steps": 0,  # maps
    "flow_hidden": 1,  # units of each network of iaf
    "flow_context": 1,  # values that these networks are given beside z
}

torch.manual_seed(1509_00519)
images = (torch.rand(STEPS, BATCH, DIM) * 1.8 - 0.4).clamp(0, 1).mul(255).round().to(torch.uint8)
labels = torch.randint(CLASSES, (STEPS, BATCH)).to(torch.uint8)
noise = {count: torch.randn(STEPS, BATCH * count, LATENT) for count in (1, 2, 3)}
# Objectives of other programs, by name: their value from a pass, and what both networks descend, as `objective` and
# `descended` have it, or None where that is their value.
ESTIMATORS = {}
# Initial values by name and shape. The first means are set so that the KL of some dimensions is below 0.15 nats.
shared = {"encoder.mu.bias.3": torch.tensor([0.9, -0.6, 0.1])}

# Clamped from below and from above, some for one likelihood and not for another.
SCALES = torch.tensor([-8, -1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2, 5.5, 8, 9])
# Logits of the continuous Bernoulli at, near and far from 0, where its constant is 0/0: the first four exactly.
LOGITS = torch.tensor([0, 1e-3, -9e-3, 11e-3, 0.1, -0.5, 1, -2, 5, -10, 20, -30])
LOGIT_WEIGHTS = torch.empty(DIM, 7).uniform_(-0.3, 0.3) * (torch.arange(DIM) > 3)[:, None]

# Likelihoods of other programs, by name: `nll` in the place of the function below, which is also given the second
# outputs; `outputs` of a pixel, from the settings; `scale` and `most`, the name and the bound of the log scale; `head`,
# the name of the layer of second outputs; `counts`, whether images are; `optimum`, which gives the best log scale of a
# batch; `step`, that of the central differences. What a likelihood lacks is as it is for the others.
LIKELIHOODS = {}

CASES = {
    "elbo": {},
    "beta": {"beta": 4.0},
    "warm-up": {"schedule": "warm-up", "schedule_steps": 3},
    "cyclical": {"schedule": "cyclical", "schedule_steps": 4},
    "free-bits": {"free_bits": 0.15},
    "two-samples": {"samples": 2},
    "iwae": {"estimator": "iwae", "samples": 3},
    "dreg": {"estimator": "dreg", "samples": 3},
    "condition-encoder": {"condition": "encoder"},
    "condition-decoder": {"condition": "decoder"},
    "condition-both": {"condition": "both"},
    "squared-error": {"likelihood": "squared-error"},
    "continuous-bernoulli": {
        "likelihood": "continuous-bernoulli",
        "init": {"decoder.output.bias": torch.linspace(-2, 2, DIM)},  # else its reconstruction is about 0
    },
    "continuous-bernoulli-logits": {
        "likelihood": "continuous-bernoulli",
        "init": {"decoder.output.weight": LOGIT_WEIGHTS, "decoder.output.bias": LOGITS},
    },
}
for likelihood, name in {"gaussian": "logvar", "laplace": "log_scale", "student-t": "log_scale"}.items():
    for scale in ("unit", "shared", "per-dimension", "per-pixel"):
        CASES[f"{likelihood}-{scale}"] = {"likelihood": likelihood, "scale": scale}
    for scale, clamped in {"per-dimension": f"decoder.{name}", "per-pixel": f"decoder.{name}.bias"}.items():
        CASES[f"{likelihood}-{scale}-clamped"] = CASES[f"{likelihood}-{scale}"] | {"init": {clamped: SCALES}}
CASES |= {
    "iwae-both-laplace-per-pixel": {
        "estimator": "iwae", "samples": 3, "condition": "both", "likelihood": "laplace", "scale": "per-pixel",
        "activation": "tanh", "hidden": [7, 5],
    },
    "dreg-decoder-student-t-per-dimension": {
        "estimator": "dreg", "samples": 3, "condition": "decoder", "likelihood": "student-t",
        "scale": "per-dimension", "activation": "tanh", "hidden": [7, 5],
    },
    "beta-free-bits-encoder-gaussian-shared": {
        "beta": 4.0, "free_bits": 0.15, "condition": "encoder", "likelihood": "gaussian", "scale": "shared",
    },
}
# A planar map whose wᵀu is about -3, below the -1 at which it could not be inverted, and a radial one whose
# β before its constraint is below -α.
FOLDED = torch.tensor([1.5, -1.0, 0.5])
# Of a draw, the divergence is a difference of larger numbers: far from 0, its relative error says something.
FAR = {"encoder.mu.bias": torch.tensor([1.8, -1.4, 0.6])}
FLOWS = {
    "planar": {
        "posterior": "planar", "flow_steps": 3,
        "init": FAR | {"encoder.flow.1.w.bias": FOLDED, "encoder.flow.1.u.bias": -0.8 * FOLDED},
    },
    "radial": {
        "posterior": "radial", "flow_steps": 3,
        "init": FAR | {
            "encoder.flow.1.alpha.bias": torch.tensor([1.0]), "encoder.flow.1.beta.bias": torch.tensor([-2.0]),
        },
    },
    "iaf": {"posterior": "iaf", "flow_steps": 2, "flow_hidden": 5, "flow_context": 4, "init": FAR},
}
for flow, parts in FLOWS.items():
    CASES |= {
        flow: parts,
        f"{flow}-beta-two-samples": parts | {"beta": 4.0, "samples": 2},
        f"{flow}-iwae": parts | {"estimator": "iwae", "samples": 3},
        f"{flow}-both": parts | {"condition": "both"},
    }
CASES["iaf-iwae-both-laplace-per-pixel"] = CASES["iaf"] | {
    "estimator": "iwae", "samples": 2, "condition": "both", "likelihood": "laplace", "scale": "per-pixel",
    "activation": "tanh", "hidden": [7, 5], "flow_steps": 3,
}


# What other programs that make cases add: by the prior's name, its parameters as `parameters_of` has them, and
# ln p(z) of each row from the parameters, the settings, z, the labels and what encodes images: mu and logvar.
PRIORS = {}


def flow_layers(s, fan_in):
    """Name, outputs and inputs of the layers of a flow, from the encoder's last hidden layer."""
    if s["posterior"] == "iaf":
        yield "encoder.context", s["flow_context"], fan_in
    for t in range(s["flow_steps"]):
        if s["posterior"] == "iaf":
            layers = {
                "hidden": (s["flow_hidden"], LATENT), "context": (s["flow_hidden"], s["flow_context"]),
                "mean": (LATENT, s["flow_hidden"]), "gate": (LATENT, s["flow_hidden"]),
            }
        else:
            heads = {"planar": {"u": LATENT, "w": LATENT, "b": 1}, "radial": {"center": LATENT, "alpha": 1, "beta": 1}}
            layers = {name: (outputs, fan_in) for name, outputs in heads[s["posterior"]].items()}
        for name, shape in layers.items():
            yield f"encoder.flow.{t}.{name}", *shape


def planar(z, u, w, b):
    """Rezende and Mohamed 2015, section 4.1 and appendix A.1."""
    wu = (w * u).sum(-1, keepdim=True)
    u = u + (F.softplus(wu) - 1 - wu) * w / (w**2).sum(-1, keepdim=True)
    a = torch.tanh((w * z).sum(-1, keepdim=True) + b)
    log_det = torch.log((1 + (u * w).sum(-1, keepdim=True) * (1 - a**2)).abs()).squeeze(-1)
    return z + u * a, log_det


def radial(z, center, alpha, beta):
    """Rezende and Mohamed 2015, section 4.1 and appendix A.2; the paper's α > 0 is a softplus."""
    alpha = F.softplus(alpha)
    beta = -alpha + F.softplus(beta)
    r = (z - center).norm(dim=-1, keepdim=True)
    h, slope = 1 / (alpha + r), -1 / (alpha + r) ** 2
    log_det = (LATENT - 1) * torch.log(1 + beta * h) + torch.log(1 + beta * h + beta * slope * r)
    return z + beta * h * (z - center), log_det.squeeze(-1)


def iaf(z, c, p, t, s):
    """Kingma et al. 2016: a MADE with a context, of which every other one sees the dimensions in reverse order."""
    name, units = f"encoder.flow.{t}", s["flow_hidden"]
    degree, reach = torch.arange(1, LATENT + 1), torch.arange(units) % (LATENT - 1) + 1
    reads, is_read = (reach[:, None] >= degree).to(z.dtype), (degree[:, None] > reach).to(z.dtype)
    turned = lambda v, axis: v.flip(axis) if t % 2 else v
    of = lambda layer, part: p[f"{name}.{layer}.{part}"]
    z = turned(z, -1)
    a = F.linear(z, turned(of("hidden", "weight"), 1) * reads, of("hidden", "bias"))
    a = ACTIVATIONS[s["activation"]](a + F.linear(c, of("context", "weight"), of("context", "bias")))
    mean, gate = (
        F.linear(a, turned(of(layer, "weight"), 0) * is_read, turned(of(layer, "bias"), 0)) for layer in ("mean", "gate")
    )
    gate = gate + 1.5
    z = torch.sigmoid(gate) * z + (1 - torch.sigmoid(gate)) * mean
    return turned(z, -1), F.logsigmoid(gate).sum(-1)


def chain(z, h, p, s, linear):
    """The maps of a flow, one after the other: z and the sum of the log-determinants."""
    log_det = torch.zeros(len(z), dtype=z.dtype)
    context = linear(h, "encoder.context") if s["posterior"] == "iaf" else None
    for t in range(s["flow_steps"]):
        if s["posterior"] == "iaf":
            z, own = iaf(z, context, p, t, s)
        else:
            map, heads = {"planar": (planar, "u w b"), "radial": (radial, "center alpha beta")}[s["posterior"]]
            z, own = map(z, *(linear(h, f"encoder.flow.{t}.{head}") for head in heads.split()))
        log_det = log_det + own
    return z, log_det


def check_determinants(start, log_det, maps):
    """Of the whole chain, row by row, against the Jacobian of the end by the beginning."""
    for row in range(len(start)):
        only = lambda z: maps(torch.cat([start[:row], z[None], start[row + 1 :]]))[0][row]
        sign, exact = torch.linalg.slogdet(torch.autograd.functional.jacobian(only, start[row]))
        assert sign > 0
        torch.testing.assert_close(log_det[row], exact, rtol=1e-10, atol=1e-12)


def parameters_of(s):
    """Name, shape and fan-in of every parameter; a fan-in of 0 is for one that starts at 0."""
    layers = []
    fan_in = DIM + CLASSES * (s["condition"] in ("encoder", "both"))
    for i, units in enumerate(s["hidden"]):
        layers.append((f"encoder.hidden.{i}", units, fan_in))
        fan_in = units
    layers += [("encoder.mu", LATENT, fan_in), ("encoder.logvar", LATENT, fan_in)]
    layers += flow_layers(s, fan_in)
    fan_in = LATENT + CLASSES * (s["condition"] in ("decoder", "both"))
    for i, units in enumerate(reversed(s["hidden"])):
        layers.append((f"decoder.hidden.{i}", units, fan_in))
        fan_in = units
    own = LIKELIHOODS.get(s["likelihood"], {})
    layers.append(("decoder.output", DIM * own["outputs"](s) if "outputs" in own else DIM, fan_in))
    scale = scale_name(s)
    if s["scale"] == "per-pixel":
        layers.append((scale, DIM, fan_in))
    if "head" in own:
        layers.append((f"decoder.{own['head']}", DIM, fan_in))
    for name, fan_out, fan_in in layers:
        yield f"{name}.weight", (fan_out, fan_in), fan_in
        yield f"{name}.bias", (fan_out,), fan_in
    if s["scale"] in ("shared", "per-dimension"):
        yield scale, (1 if s["scale"] == "shared" else DIM,), 0
    if s["prior"] != "standard":
        yield from PRIORS[s["prior"]][0](s)


def scale_name(s):
    if "scale" in LIKELIHOODS.get(s["likelihood"], {}):
        return f"decoder.{LIKELIHOODS[s['likelihood']]['scale']}"
    return "decoder.logvar" if s["likelihood"] == "gaussian" else "decoder.log_scale"


def initial(s, overrides):
    """PyTorch's default for a linear layer: uniform to 1/√fan-in, weights and biases."""
    values = {}
    for name, shape, fan_in in parameters_of(s):
        key = f"{name}.{'x'.join(map(str, shape))}"
        if key not in shared:
            bound = fan_in**-0.5 if fan_in else 0.0
            shared[key] = torch.empty(shape).uniform_(-bound, bound)
        values[name] = overrides.get(name, shared[key])
        assert values[name].shape == shape, name
    return values


def draws(s):
    """Draws of z for an image."""
    return s["samples"] * s.get("outer_samples", 1)


def nll(s, outputs, scale, x):
    """-log p(x | z) per row; `scale` is log σ² of a Gaussian and the log scale of others, clamped."""
    likelihood = s["likelihood"]
    if likelihood in ("bernoulli", "continuous-bernoulli"):
        # -x log λ - (1 - x) log(1 - λ) with λ = sigmoid(outputs)
        rows = F.softplus(outputs) - x * outputs
        if likelihood == "continuous-bernoulli":
            # less log C, where C = 2 artanh(1 - 2λ) / (1 - 2λ) = l / tanh(l / 2) of the logit l, and 2 at 0
            near = outputs.abs() < 1e-4 if outputs.dtype == torch.float64 else outputs.abs() < 1e-2
            away = torch.where(near, 1.0, outputs)
            rows = rows - torch.where(near, math.log(2) + outputs**2 / 12, torch.log(away / torch.tanh(away / 2)))
        return rows.sum(-1)
    if likelihood == "squared-error":
        return ((x - torch.sigmoid(outputs)) ** 2).sum(-1)
    # With a trained scale the mean is a sigmoid; with unit scale it is the output itself.
    error = x - (outputs if s["scale"] == "unit" else torch.sigmoid(outputs))
    if likelihood == "gaussian":
        rows = 0.5 * (LN_2PI + scale + error**2 / torch.exp(scale))
    elif likelihood == "laplace":
        rows = math.log(2) + scale + error.abs() / torch.exp(scale)
    else:
        half = (FREEDOM + 1) / 2
        constant = math.lgamma(half) - math.lgamma(FREEDOM / 2) - 0.5 * math.log(FREEDOM * math.pi)
        rows = scale - constant + half * torch.log1p((error / torch.exp(scale)) ** 2 / FREEDOM)
    return rows.sum(-1)


def hidden(h, name, p, s):
    """A hidden layer. make_network.py has others, as it has what follows."""
    return ACTIVATIONS[s["activation"]](F.linear(h, p[f"{name}.weight"], p[f"{name}.bias"]))


def begin(step, s, dtype):
    """What comes before each step."""


def end(p, s, batches, out):
    """What comes after the last."""


def encode(p, s, x, y):
    """The encoder's last hidden layer, and mu and logvar."""
    linear = lambda v, name: F.linear(v, p[f"{name}.weight"], p[f"{name}.bias"])
    seen = torch.log1p(x) if s["encoder_input"] == "log1p" else x
    h = torch.cat([seen, y], -1) if s["condition"] in ("encoder", "both") else seen
    for i in range(len(s["hidden"])):
        h = hidden(h, f"encoder.hidden.{i}", p, s)
    return h, linear(h, "encoder.mu"), linear(h, "encoder.logvar")


def forward(p, s, batch, q=None, best=None, of_prior=None):
    """From the images to all that an objective is made of; q(z | x) has the parameters `q` where they are given, an
    optimal scale is `best`, and p(z) is made of the parameters `of_prior`.
    """
    x, y, eps = batch
    linear = lambda v, name: F.linear(v, p[f"{name}.weight"], p[f"{name}.bias"])
    repeat = lambda v: v.repeat_interleave(draws(s), 0)  # row b * L + l

    h, mu, logvar = encode(p, s, x, y)
    start = repeat(mu) + torch.exp(repeat(logvar) / 2) * eps
    maps = lambda z, h=h: chain(z, repeat(h), p, s, linear)
    z, log_det = maps(start)

    h = torch.cat([z, repeat(y)], -1) if s["condition"] in ("decoder", "both") else z
    for i in range(len(s["hidden"])):
        h = hidden(h, f"decoder.hidden.{i}", p, s)
    outputs, scale = linear(h, "decoder.output"), torch.zeros(())
    own = LIKELIHOODS.get(s["likelihood"], {})
    most = own.get("most", 6.0 if s["likelihood"] == "gaussian" else 5.0)
    if s["scale"] == "per-pixel":
        scale = linear(h, scale_name(s)).clamp(-most, most)
    elif s["scale"] == "optimal":
        scale = own["optimum"](outputs, repeat(x)) if best is None else best
        if s["estimator"] != "elbo":  # best for the reconstructions, not for the weights: a constant
            scale = scale.detach()
    elif s["scale"] != "unit":
        scale = p[scale_name(s)].clamp(-most, most)
    if "nll" in own:
        head = linear(h, f"decoder.{own['head']}") if "head" in own else None
        recon = own["nll"](s, outputs, scale, repeat(x), head)
    else:
        recon = nll(s, outputs, scale, repeat(x))

    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar)
    out = {"mu": mu, "logvar": logvar, "z": z, "outputs": outputs, "recon": recon, "kl": kl.mean(0)}
    m, v = map(repeat, q or (mu, logvar))
    log_prior = -0.5 * (LN_2PI + z**2).sum(-1)
    if s["prior"] != "standard":
        log_prior, closed = PRIORS[s["prior"]][1](of_prior or p, s, z, repeat(y), (mu, logvar, y))
        out["kl"] = None if closed is None else closed.mean(0)
    log_q = -0.5 * (LN_2PI + v + (start - m) ** 2 * torch.exp(-v)).sum(-1) - log_det
    if s["flow_steps"] or out["kl"] is None:
        out["kl"] = (log_q - log_prior).mean(0, keepdim=True)
    if s["flow_steps"]:
        if z.dtype == torch.float64 and z.requires_grad:  # not in each of the central differences
            check_determinants(start.detach(), log_det, maps)
    if s["scale"] in ("per-pixel", "optimal"):
        out["scale"] = scale
    if s["estimator"] != "elbo":
        out["log_weights"] = (log_prior - recon - log_q).view(BATCH, draws(s))
    return out


def kl_weight(s, step):
    if s["schedule"] == "warm-up":
        return s["beta"] * min(1.0, step / s["schedule_steps"])
    if s["schedule"] == "cyclical":  # Fu et al. 2019: a ramp over the first half of each cycle
        return s["beta"] * min(1.0, step % s["schedule_steps"] / s["schedule_steps"] / 0.5)
    return s["beta"]


def objective(f, s, step):
    if s["estimator"] in ESTIMATORS:
        return ESTIMATORS[s["estimator"]][0](f, s, step)
    if s["estimator"] != "elbo":  # Burda et al. 2016
        return (math.log(s["samples"]) - torch.logsumexp(f["log_weights"], 1)).mean()
    # Kingma et al. 2016: a dimension whose mean KL is below λ counts λ
    kl = f["kl"].clamp(min=s["free_bits"]) if s["free_bits"] else f["kl"]
    return f["recon"].mean() + kl_weight(s, step) * kl.sum()


def descended(p, s, batch, step, at, present):
    """What the encoder's parameters descend, and what all others do; `at` is the pass at the present values, and
    `present` are the parameters' there.

    For DReG (Tucker et al. 2018) these are sums of log weights with constant coefficients, softmax w of the log
    weights for the decoder and w² for the encoder, which the log weights' q does not pass on to. Where the prior is
    made of the encoder's parameters, they are p's there, with the coefficient w.
    """
    _, other = ESTIMATORS.get(s["estimator"], (None, None))
    if other:
        return other(p, s, batch, step, at)
    best = at["scale"].detach() if s["scale"] == "optimal" and s["estimator"] != "elbo" else None
    if s["estimator"] != "dreg":
        return (objective(forward(p, s, batch, best=best), s, step),) * 2
    w = torch.softmax(at["log_weights"].detach(), 1)
    q = at["mu"].detach(), at["logvar"].detach()
    of = lambda p, of_prior: forward(p, s, batch, q, best, of_prior)["log_weights"]
    by_z = (w**2 * of(p, present)).sum(1) + (w * of(present, p)).sum(1)
    return -by_z.mean(), -(w * of(p, p)).sum(1).mean()


def run(s, start, dtype, images=images):
    p = {name: value.to(dtype, copy=True).requires_grad_() for name, value in start.items()}
    one_hot = F.one_hot(labels.long(), CLASSES)
    adam = torch.optim.Adam(p.values(), lr=RATE)
    losses, out, batches = [], {}, []
    for step in range(STEPS):
        begin(step, s, dtype)
        batch = [v[step].to(dtype) for v in (images, one_hot, noise[draws(s)])]
        if not LIKELIHOODS.get(s["likelihood"], {}).get("counts"):
            batch[0] = batch[0] / 255
        batches.append(batch)
        f = forward(p, s, batch)
        losses.append(torch.stack([objective(f, s, step), f["recon"].mean(), f["kl"].sum()]).detach())
        present = {name: v.detach() for name, v in p.items()}
        for encodes, loss in zip((True, False), descended(p, s, batch, step, f, present)):
            names = [name for name in p if name.startswith("encoder") == encodes]
            gradients = torch.autograd.grad(loss, [p[name] for name in names], retain_graph=True)
            for name, gradient in zip(names, gradients):
                p[name].grad = gradient
        if s["free_bits"]:
            above = f["kl"].detach() / s["free_bits"] - 1
            assert above.abs().min() > 0.02 and above.min() < 0 < above.max(), above
        if step == 0:
            out |= {f"step0.{name}": value.detach() for name, value in f.items()}
            out |= {f"step0.grad.{name}": v.grad.clone() for name, v in p.items()}
            if dtype == torch.float64:
                check_gradients(p, s, batch, f, LIKELIHOODS.get(s["likelihood"], {}).get("step", 1e-6))
        adam.step()
    out["losses"] = torch.stack(losses)
    end(p, s, batches, out)
    return out | {f"final.{name}": v.detach().clone() for name, v in p.items()}


def check_gradients(p, s, batch, at, h):
    """Of each parameter the element of the greatest gradient, against a central difference."""
    constant = {name: v.detach() for name, v in p.items()}
    for name, v in p.items():
        element = v.grad.abs().argmax()
        values = []
        for sign in (1, -1):
            moved = constant[name].clone()
            moved.view(-1)[element] += sign * h
            pair = descended(constant | {name: moved}, s, batch, 0, at, constant)
            values.append(pair[not name.startswith("encoder")])
        difference, gradient = ((values[0] - values[1]) / (2 * h)).item(), v.grad.view(-1)[element].item()
        assert gradient != 0 and abs(difference - gradient) <= 1e-6 * abs(gradient) + 1e-8, (name, difference)
    if s["estimator"] == "dreg":  # the decoder's are those of the bound itself
        names = [name for name in p if not name.startswith("encoder")]
        for name, g in zip(names, torch.autograd.grad(objective(at, s, 0), [p[name] for name in names])):
            torch.testing.assert_close(p[name].grad, g, rtol=1e-10, atol=1e-12)


def relative_error(a, b):
    assert b.norm() > 0
    return ((a.double() - b).norm() / b.norm()).item()


def write(path, cases, more={}):
    """Makes these cases and writes them with all that they share, and with more tensors."""
    tensors, settings = {}, []
    for case, changes in cases.items():
        overrides, own = changes.get("init", {}), changes.get("own_images", images)
        s = DEFAULTS | {name: value for name, value in changes.items() if name not in ("init", "own_images")}
        settings.append({"name": case} | s)
        start = initial(s, overrides)
        exact, single = (run(s, start, dtype, own) for dtype in (torch.float64, torch.float32))
        worst = {}
        for name, value in exact.items():
            backward = name.startswith(("step0.grad.", "final."))
            pairs = zip(single[name].flatten(), value.flatten()) if name == "losses" else [(single[name], value)]
            worst[backward] = max([worst.get(backward, 0.0)] + [relative_error(a, b) for a, b in pairs])
            tensors[f"{case}/{name}"] = value if name == "losses" else value.float()
        tensors |= {f"{case}/init.{name}": value.clone() for name, value in overrides.items()}
        tensors |= {f"{case}/images": own.clone()} if own is not images else {}
        assert worst[False] < FORWARD / 3 and worst[True] < BACKWARD / 3, (case, worst)
        print(f"{case}: {exact['losses'][0].tolist()}; float32 is off by {worst[False]:.0e}, {worst[True]:.0e}")
    tensors |= {f"init.{key}": value for key, value in shared.items()} | {"images": images, "labels": labels}
    tensors |= {f"eps.{count}": value for count, value in noise.items()}
    tensors |= more
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    save_file(tensors, path, metadata={"cases": json.dumps(settings)})


if __name__ == "__main__":
    write(sys.argv[1], CASES)
