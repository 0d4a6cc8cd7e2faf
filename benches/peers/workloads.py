"""What every peer measures: the workloads of `vae bench`, its models, and how steps are timed.

Nothing but the standard library, so that it can be imported where no framework is.
"""

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from typing import Callable

PIXELS = 28 * 28
# As many as MNIST's, and as `vae bench` uses.
IMAGES = 60_000
LEARNING_RATE = 1e-3
WINDOW_S = 0.5


@dataclass(frozen=True)
class Workload:
    """A model and its batch; the decoder mirrors the encoder."""

    hidden: tuple[int, ...]
    latent: int
    batch: int

    def layers(self, labels: int = 0) -> list[tuple[str, int, int]]:
        """Name, inputs and outputs of each linear layer, with so many labels beside x and z."""
        widths = [PIXELS + labels, *self.hidden]
        encoder = [(f"encoder{i}", a, b) for i, (a, b) in enumerate(zip(widths, widths[1:]))]
        heads = [(name, widths[-1], self.latent) for name in ("mu", "logvar")]
        widths = [self.latent + labels, *reversed(self.hidden), PIXELS]
        decoder = [(f"decoder{i}", a, b) for i, (a, b) in enumerate(zip(widths, widths[1:]))]
        return encoder + heads + decoder


WORKLOADS = {
    "s": Workload((32,), 16, 128),
    "m": Workload((400,), 20, 128),
    "l": Workload((1024, 1024), 64, 512),
}

# What `vae bench` takes for each.
MODELS = {
    "plain": [],
    "beta": ["--beta", "4"],
    "warmup": ["--kl-warmup", "2345"],
    "conditional": ["--condition", "both"],
    "iwae-5": ["--objective", "iwae", "--samples", "5", "--binarize", "dynamic"],
    "planar": ["--posterior", "planar"],
    "iaf": ["--posterior", "iaf"],
    "mixture": ["--prior", "mixture"],
    "vamp": ["--prior", "vamp"],
    "laplace": ["--likelihood", "laplace", "--scale", "per-pixel"],
    "twolayer": ["--stochastic-layers", "100,50", "--between", "100,100"],
}


def arguments(description: str) -> argparse.ArgumentParser:
    """The options that all peers share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--workload", default="s,m,l", help="which of s, m and l")
    parser.add_argument("--repeats", type=int, default=5, help="timed windows, of which the median counts")
    parser.add_argument("--threads", type=int, help="CPU threads [default: the framework's]")
    return parser


def chosen(names: str) -> dict[str, Workload]:
    """The workloads of a list separated by commas."""
    unknown = [name for name in names.split(",") if name not in WORKLOADS]
    if unknown:
        raise SystemExit(f"there is no workload {unknown[0]!r}; choose of s, m and l")
    return {name: WORKLOADS[name] for name in names.split(",")}


def say(**line: object) -> None:
    """One finding, as a line of JSON."""
    print(json.dumps(line), flush=True)


def time_steps(run: Callable[[int], None], repeats: int) -> dict[str, float]:
    """Microseconds a step, where `run(n)` runs n steps and waits for them.

    Doubles the number of steps until they fill a tenth of a window, and then takes the median of
    whole windows. Every number of steps is run once before it is timed: it may be compiled for.
    """
    steps = 1
    run(steps)
    while (took := _seconds(run, steps)) < WINDOW_S / 10:
        steps *= 2
        run(steps)
    steps = max(1, int(WINDOW_S / (took / steps)))
    run(steps)
    micros = [_seconds(run, steps) / steps * 1e6 for _ in range(repeats)]
    return {"median": statistics.median(micros), "min": min(micros), "max": max(micros)}


def _seconds(run: Callable[[int], None], steps: int) -> float:
    started = time.perf_counter()
    run(steps)
    return time.perf_counter() - started
