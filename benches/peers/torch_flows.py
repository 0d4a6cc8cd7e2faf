"""Flows of `workloads.MODELS` in PyTorch: the same maps as `vae`'s, in the forms that were fastest on a CPU."""

import torch
from torch.nn import functional

from torch_models import Vae
from workloads import Workload


class Flow(Vae):
    """z is what a chain of maps makes of a Gaussian's draw; the divergence is that of the draw."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = pixels.float() / 255
        h = self.hidden(x)
        mu, logvar = self.mu(h), self.logvar(h)
        eps = torch.randn_like(mu)
        z, log_det = self.chain(mu + torch.exp(0.5 * logvar) * eps, h)
        # ln q(z | x) − ln p(z), in which (z₀ − μ)² / σ² is ε².
        excess = 0.5 * (z * z - eps * eps - logvar).sum() - log_det.sum()
        return (self.nll(self.decode(z), x) + excess) / x.shape[0]

    def hidden(self, h: torch.Tensor) -> torch.Tensor:
        """The encoder's last hidden layer."""
        for layer in self.encoder:
            h = functional.relu(layer(h))
        return h

    def chain(self, z: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """z after all maps, and the sum of the maps' ln |det| for each row."""
        raise NotImplementedError


class Planar(Flow):
    """Ten planar maps, their parameters from the encoder (Rezende and Mohamed 2015)."""

    MAPS = 10

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        inputs, latent = workload.hidden[-1], workload.latent
        # One layer for each kind of parameter of all maps.
        self.u, self.w, self.b = (torch.nn.Linear(inputs, self.MAPS * size) for size in (latent, latent, 1))

    def chain(self, z: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        u, w = (layer(h).view(len(h), self.MAPS, -1) for layer in (self.u, self.w))
        b = self.b(h)
        wu = (w * u).sum(-1)
        u = u + ((functional.softplus(wu) - 1 - wu) / (w * w).sum(-1)).unsqueeze(-1) * w
        wu = (w * u).sum(-1)
        log_det = torch.zeros(len(h), device=h.device)
        for t in range(self.MAPS):
            a = torch.tanh((w[:, t] * z).sum(-1) + b[:, t])
            log_det = log_det + torch.log((1 + wu[:, t] * (1 - a * a)).abs() + 1e-8)
            z = z + u[:, t] * a.unsqueeze(-1)
        return z, log_det


class Masked(torch.nn.Linear):
    """A linear layer with a mask over its weights."""

    def __init__(self, mask: torch.Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, self.weight * self.mask, self.bias)


class Iaf(Flow):
    """Two inverse autoregressive maps with networks of 320 units and a context of 100 (Kingma et al. 2016)."""

    MAPS, UNITS, CONTEXT, FORGET = 2, 320, 100, 1.5

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        self.context = torch.nn.Linear(workload.hidden[-1], self.CONTEXT)
        degrees = torch.arange(1, workload.latent + 1)
        units = torch.arange(self.UNITS) % (workload.latent - 1) + 1
        reads, is_read = (units[:, None] >= degrees).float(), (degrees[:, None] > units).float()
        networks = (
            torch.nn.ModuleDict({
                "hidden": Masked(reads),
                "context": torch.nn.Linear(self.CONTEXT, self.UNITS),
                "mean": Masked(is_read),
                "gate": Masked(is_read),
            })
            for _ in range(self.MAPS)
        )
        self.networks = torch.nn.ModuleList(networks)

    def chain(self, z: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        context = self.context(h)
        log_det = torch.zeros(len(h), device=h.device)
        for number, network in enumerate(self.networks):
            if number > 0:
                z = z.flip(-1)
            a = functional.relu(network["hidden"](z) + network["context"](context))
            gate = network["gate"](a) + self.FORGET
            share = torch.sigmoid(gate)
            z = share * z + (1 - share) * network["mean"](a)
            log_det = log_det + functional.logsigmoid(gate).sum(-1)
        return z, log_det


FLOWS = {"planar": Planar, "iaf": Iaf}
