"""JAX's time for the steps that `vae bench` times, as lines of JSON.

    python jax_step.py --threads 2

One jitted `lax.scan` over many steps, its state donated: nothing passes through the host between
them. The same layers, initialisation, loss and Adam as the others; f32 throughout, without TF32.
"""

import math
import os
import sys
from functools import partial

from workloads import IMAGES, LEARNING_RATE, PIXELS, Workload, arguments, chosen, say, time_steps

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    args = parser.parse_args()
    if args.threads and hasattr(os, "sched_setaffinity"):
        # XLA takes as many threads as it may run on; it has no option for their number.
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[: args.threads])
    os.environ.setdefault("JAX_PLATFORMS", args.device)
    # Others use the GPU too.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    try:
        import jax
    except ImportError as error:
        raise SystemExit(f"JAX is missing in {sys.executable}: {error}")
    jax.config.update("jax_default_matmul_precision", "highest")
    device = jax.devices()[0]
    say(kind="versions", framework="jax", version=jax.__version__, device=device.device_kind)
    images = images_like_digits(jax)
    for name, workload in chosen(args.workload).items():
        times = time_steps(Training(jax, workload, images).run, args.repeats)
        say(kind="step", framework="jax", variant="scan", workload=name, step_us=times)


def images_like_digits(jax):
    """Bytes `[IMAGES, PIXELS]` with a black border, and black half the time within."""
    body = jax.random.randint(jax.random.key(1), (IMAGES, 20, 20), -256, 256)
    body = body.clip(0).astype("uint8")
    return jax.numpy.pad(body, ((0, 0), (4, 4), (4, 4))).reshape(IMAGES, PIXELS)


def initial(jax, workload: Workload, key):
    """Weights and biases from U(±1/√inputs), as PyTorch's `Linear`."""
    parameters = {}
    for index, (name, inputs, outputs) in enumerate(workload.layers()):
        keys = jax.random.split(jax.random.fold_in(key, index))
        uniform = partial(jax.random.uniform, minval=-1 / math.sqrt(inputs), maxval=1 / math.sqrt(inputs))
        parameters[name] = (uniform(keys[0], (inputs, outputs)), uniform(keys[1], (outputs,)))
    return parameters


def loss(jax, depth: int, parameters, pixels, key):
    """The negative ELBO of a batch of bytes, averaged over it."""
    jnp = jax.numpy

    def linear(name, x):
        weight, bias = parameters[name]
        return x @ weight + bias

    x = pixels.astype("float32") / 255
    h = x
    for index in range(depth):
        h = jax.nn.relu(linear(f"encoder{index}", h))
    mu, logvar = linear("mu", h), linear("logvar", h)
    h = mu + jnp.exp(0.5 * logvar) * jax.random.normal(key, mu.shape)
    for index in range(depth):
        h = jax.nn.relu(linear(f"decoder{index}", h))
    logits = linear(f"decoder{depth}", h)
    nll = jnp.maximum(logits, 0) - logits * x + jnp.log1p(jnp.exp(-jnp.abs(logits)))
    kl = 0.5 * (mu * mu + jnp.exp(logvar) - 1 - logvar)
    return (nll.sum() + kl.sum()) / x.shape[0]


class Training:
    """A training's state; `run` goes on by so many steps."""

    def __init__(self, jax, workload: Workload, images) -> None:
        self.jax, self.images, self.batch = jax, images, workload.batch
        parameters = initial(jax, workload, jax.random.key(2))
        # Arrays of their own: what is donated must not be donated twice.
        m, v = (jax.tree.map(jax.numpy.zeros_like, parameters) for _ in range(2))
        self.state = (parameters, m, v, jax.numpy.zeros((), "int32"))
        self.order = jax.random.permutation(jax.random.key(3), IMAGES)
        gradient = jax.value_and_grad(partial(loss, jax, len(workload.hidden)))
        self.scan = jax.jit(partial(self._scan, gradient), static_argnums=3, donate_argnums=0)

    def run(self, steps: int) -> None:
        """Runs steps, an epoch's at most in one call, and waits for them."""
        left = steps
        while left > 0:
            now = min(left, IMAGES // self.batch)
            self.state, losses = self.scan(self.state, self.images, self.order, now)
            left -= now
        losses.block_until_ready()

    def _scan(self, gradient, state, images, order, steps: int):
        jax, jnp = self.jax, self.jax.numpy

        def step(state, rows):
            parameters, m, v, count = state
            key = jax.random.fold_in(jax.random.key(4), count)
            value, d = gradient(parameters, images[rows], key)
            count += 1
            m = jax.tree.map(lambda m, d: BETA1 * m + (1 - BETA1) * d, m, d)
            v = jax.tree.map(lambda v, d: BETA2 * v + (1 - BETA2) * d * d, v, d)
            rate = LEARNING_RATE / (1 - BETA1**count)
            correction = jnp.sqrt(1 - BETA2**count)
            parameters = jax.tree.map(
                lambda p, m, v: p - rate * m / (jnp.sqrt(v) / correction + EPS), parameters, m, v
            )
            return (parameters, m, v, count), value

        return jax.lax.scan(step, state, order[: steps * self.batch].reshape(steps, self.batch))


if __name__ == "__main__":
    main()
