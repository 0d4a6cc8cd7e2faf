"""The models of `workloads.MODELS` in PyTorch; `forward` is the loss of a batch, in nats an image.

Each says what it does differently from `plain`, in the form that was fastest of the usual ones on a CPU.
"""

import math
from dataclasses import replace

import torch
from torch.nn import functional

from workloads import PIXELS, Workload


class Vae(torch.nn.Module):
    """`plain`: takes bytes `[batch, pixels]` and, where there are `labels`, those as one-hot rows."""

    labels = 0

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        layers = {name: torch.nn.Linear(*sizes) for name, *sizes in workload.layers(self.labels)}
        self.mu, self.logvar = layers.pop("mu"), layers.pop("logvar")
        depth = len(workload.hidden)
        *hidden, self.output = layers.values()
        self.encoder, self.decoder = (torch.nn.ModuleList(half) for half in (hidden[:depth], hidden[depth:]))

    def prepare(self, step: int) -> None:
        """What the host does before a step, numbered from 0."""

    def forward(self, pixels: torch.Tensor, label: torch.Tensor | None = None) -> torch.Tensor:
        x = pixels.float() / 255
        mu, logvar = self.encode(beside(x, label))
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        nll = self.nll(self.decode(beside(z, label)), x)
        kl = 0.5 * torch.sum(mu * mu + logvar.exp() - 1 - logvar)
        return (nll + self.weighted(kl)) / x.shape[0]

    def encode(self, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """μ and log σ² of z."""
        for layer in self.encoder:
            h = functional.relu(layer(h))
        return self.mu(h), self.logvar(h)

    def decode(self, h: torch.Tensor) -> torch.Tensor:
        """The decoder's last hidden layer."""
        for layer in self.decoder:
            h = functional.relu(layer(h))
        return h

    def nll(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """−ln p(x | z), summed over the batch, from that layer."""
        return functional.binary_cross_entropy_with_logits(self.output(h), x, reduction="sum")

    def weighted(self, kl: torch.Tensor) -> torch.Tensor:
        """The divergence as it counts."""
        return kl


def beside(values: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
    """The label's columns behind the others."""
    return values if label is None else torch.cat([values, label], -1)


class Beta(Vae):
    """The divergence counts fourfold (Higgins et al. 2017)."""

    def weighted(self, kl: torch.Tensor) -> torch.Tensor:
        return 4 * kl


class WarmUp(Vae):
    """The divergence's weight rises from 0 to 1 over the first steps."""

    STEPS = 2345

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        # On the device, where compiled and captured steps read it anew.
        self.register_buffer("kl_weight", torch.zeros(()))

    def prepare(self, step: int) -> None:
        self.kl_weight.fill_(min(1.0, step / self.STEPS))

    def weighted(self, kl: torch.Tensor) -> torch.Tensor:
        return self.kl_weight * kl


class Conditional(Vae):
    """Labels beside x and z (Sohn et al. 2015)."""

    labels = 10


class Iwae(Vae):
    """The bound of five importance samples, on pixels drawn anew each time (Burda et al. 2016)."""

    SAMPLES = 5

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        grey = pixels.float() / 255
        # A quarter of torch.bernoulli's time.
        x = (torch.rand_like(grey) < grey).float()
        mu, logvar = self.encode(x)
        eps = torch.randn(self.SAMPLES, *mu.shape, device=mu.device)
        z = mu + torch.exp(0.5 * logvar) * eps
        logits = self.output(self.decode(z))
        nll = functional.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)
        # ln q(z | x) − ln p(z), in which (z − μ)² / σ² is ε².
        excess = 0.5 * (z * z - eps * eps - logvar).sum(-1)
        bound = torch.logsumexp(-nll - excess, 0) - math.log(self.SAMPLES)
        return -bound.mean()


class Mixture(Vae):
    """The prior is a mixture of Gaussians with trained means and variances."""

    COMPONENTS = 100

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        shape = self.COMPONENTS, workload.latent
        self.mean, self.log_variance = (torch.nn.Parameter(of(shape)) for of in (torch.randn, torch.zeros))

    def components(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.mean, self.log_variance

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = pixels.float() / 255
        mu, logvar = self.encode(x)
        eps = torch.randn_like(mu)
        z = mu + torch.exp(0.5 * logvar) * eps
        nll = self.nll(self.decode(z), x)
        m, v = self.components()
        # In ln q(z | x) − ln p(z) the constant cancels, and (z − μ)² / σ² is ε².
        each = -0.5 * ((z[:, None] - m) ** 2 * torch.exp(-v) + v).sum(-1)
        prior = torch.logsumexp(each, 1) - math.log(self.COMPONENTS)
        excess = -0.5 * (eps * eps + logvar).sum(-1) - prior
        return (nll + excess.sum()) / x.shape[0]


class Vamp(Mixture):
    """The components are what the encoder says of trained pseudo-inputs (Tomczak and Welling 2018)."""

    def __init__(self, workload: Workload) -> None:
        Vae.__init__(self, workload)
        self.pseudo_inputs = torch.nn.Parameter(torch.rand(self.COMPONENTS, PIXELS))

    def components(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.encode(self.pseudo_inputs.clamp(0, 1))


class Laplace(Vae):
    """Laplace distributions; a second head has the logarithm of each pixel's scale."""

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        self.log_scale = torch.nn.Linear(self.output.in_features, self.output.out_features)

    def nll(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        mean, log_b = torch.sigmoid(self.output(h)), self.log_scale(h).clamp(-5, 5)
        return ((x - mean).abs() * torch.exp(-log_b) + log_b).sum() + x.numel() * math.log(2)


class TwoLayer(Vae):
    """Two stochastic layers with two hidden ones between them (Burda et al. 2016)."""

    DIMENSIONS, BETWEEN = (100, 50), (100, 100)

    def __init__(self, workload: Workload) -> None:
        lower, upper = self.DIMENSIONS
        super().__init__(replace(workload, latent=lower))
        self.up, self.mu2, self.logvar2 = self.way(lower, self.BETWEEN, upper)
        self.down, self.prior_mu, self.prior_logvar = self.way(upper, self.BETWEEN[::-1], lower)

    @staticmethod
    def way(inputs: int, hidden: tuple[int, ...], outputs: int) -> tuple[torch.nn.Module, ...]:
        """Hidden layers and two heads."""
        layers = []
        for units in hidden:
            layers += [torch.nn.Linear(inputs, units), torch.nn.ReLU()]
            inputs = units
        return torch.nn.Sequential(*layers), *(torch.nn.Linear(inputs, outputs) for _ in range(2))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = pixels.float() / 255
        mu, logvar = self.encode(x)
        eps = torch.randn_like(mu)
        z = mu + torch.exp(0.5 * logvar) * eps
        h = self.up(z)
        mu2, logvar2 = self.mu2(h), self.logvar2(h)
        eps2 = torch.randn_like(mu2)
        z2 = mu2 + torch.exp(0.5 * logvar2) * eps2
        h = self.down(z2)
        prior_mu, prior_logvar = self.prior_mu(h), self.prior_logvar(h)
        nll = self.nll(self.decode(z), x)
        # ln q − ln p of each layer's draw, in which (z − μ)² / σ² is ε².
        excess = prior_logvar - logvar + (z - prior_mu) ** 2 * torch.exp(-prior_logvar) - eps * eps
        excess2 = z2 * z2 - eps2 * eps2 - logvar2
        return (nll + 0.5 * (excess.sum() + excess2.sum())) / x.shape[0]


MODELS = {
    "plain": Vae,
    "beta": Beta,
    "warmup": WarmUp,
    "conditional": Conditional,
    "iwae-5": Iwae,
    "mixture": Mixture,
    "vamp": Vamp,
    "laplace": Laplace,
    "twolayer": TwoLayer,
}
