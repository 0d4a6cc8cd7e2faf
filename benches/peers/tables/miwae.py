"""The setting of MIWAE's notebook on scikit-learn's breast cancer. Question (b) of docs/results.md, "Tables".

    python3 miwae.py --vae target/release/vae [--seeds 0,1] [--torch]

Mattei and Frellsen, *MIWAE: Deep Generative Modelling and Imputation of Incomplete Data Sets* (2019), notebook for
TensorFlow 2: the table is standardised, half of its cells are taken away under NumPy's seed 1234, and the error is the mean
square over those cells; theirs is 0.287 after 501 epochs. With --torch the notebook's model is trained here as well.
"""

import argparse
import math
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

from ours import Ours, print_table, read, write

EPOCHS = 501
LATENT, UNITS, SAMPLES, BATCH, RATE = 10, 128, 20, 32, 2e-4
# The notebook's, but for the encoder's input (our mask beside zeros), q(z | x) (our Gaussian), and the scale and the degrees of
# freedom of Student's t (ours one for each column, and five).
SETTINGS = (
    f"--hidden {UNITS},{UNITS} --latent {LATENT} --likelihood student-t --scale per-dimension --objective iwae "
    f"--samples {SAMPLES} --lr {RATE} --batch-size {BATCH} --epochs {EPOCHS}"
).split()


def load():
    """The standardised table [569, 30] and which of its cells are taken away."""
    table = load_breast_cancer(return_X_y=True)[0]
    table = (table - table.mean(0)) / table.std(0)
    np.random.seed(1234)
    hole = np.zeros(table.size, bool)
    hole[np.random.choice(table.size, table.size // 2, replace=False)] = True
    return table, hole.reshape(table.shape)


def iterative(holed, **how):
    """scikit-learn's IterativeImputer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return IterativeImputer(random_state=0, **how).fit_transform(holed)


def ours(vae, holed, seed):
    """`vae train` on the table with its holes, and `vae impute` of the same by 10,000 draws of z."""
    names = [f"c{column + 1}" for column in range(holed.shape[1])]
    path = write(vae.folder / "holed.csv", names, holed)
    run = vae.train(f"run-{seed}", path, [*SETTINGS, "--seed", seed], {name: "number" for name in names})
    vae.call("impute", run, path, "--samples", 10_000, "-o", vae.folder / "filled.csv")
    return read(vae.folder / "filled.csv")[1]


def torch_twin(holed, seed):
    """The notebook's model in PyTorch, filled by as many draws."""
    import torch
    from torch.distributions import Normal, StudentT
    from torch.nn import functional

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    there = torch.tensor(~np.isnan(holed), dtype=torch.float32)
    zeros = torch.tensor(np.nan_to_num(holed), dtype=torch.float32)
    columns = holed.shape[1]

    def network(widths):
        layers = []
        for inputs, outputs in zip(widths, widths[1:]):
            linear = torch.nn.Linear(inputs, outputs)
            # He's initial weights as TensorFlow draws them: a normal cut off at two deviations, then of variance 2 / inputs.
            deviation = math.sqrt(2 / inputs) / 0.87962566
            torch.nn.init.trunc_normal_(linear.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
            torch.nn.init.zeros_(linear.bias)
            layers += [linear, torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1])

    encoder = network([columns, UNITS, UNITS, UNITS, 3 * LATENT])
    decoder = network([LATENT, UNITS, UNITS, 3 * columns])
    constant = torch.nn.Parameter(torch.zeros(columns))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters(), constant], lr=RATE)

    def weigh(x, mask, draws):
        """ln of the importance weights [draws, B] and the mean of x under each z [draws, B, columns]."""
        mean, scale, freedom = encoder(x + constant * (1 - mask)).chunk(3, -1)
        posterior = StudentT(3 + functional.softplus(freedom), mean, functional.softplus(scale))
        z = posterior.rsample((draws,))
        mean, scale, freedom = decoder(z).chunk(3, -1)
        density = StudentT(3 + functional.softplus(freedom), mean, functional.softplus(scale) + 0.001)
        weights = (density.log_prob(x) * mask).sum(-1) + Normal(0.0, 1.0).log_prob(z).sum(-1)
        return weights - posterior.log_prob(z).sum(-1), mean

    for _ in range(EPOCHS):
        for batch in torch.randperm(len(zeros)).split(BATCH):
            weights, _ = weigh(zeros[batch], there[batch], SAMPLES)
            loss = math.log(SAMPLES) - torch.logsumexp(weights, 0).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        filled = []
        for row in range(len(zeros)):
            weights, mean = weigh(zeros[row : row + 1], there[row : row + 1], 10_000)
            filled.append((torch.softmax(weights, 0)[..., None] * mean).sum(0)[0].numpy())
    return np.stack(filled)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vae", required=True, help="our binary")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--torch", action="store_true", help="train the notebook's model in PyTorch, too: minutes a seed")
    parser.add_argument("--adapter", default="cpu")
    args = parser.parse_args()
    table, hole = load()
    holed = np.where(hole, np.nan, table)
    rows = []

    def measure(name, fill, *of):
        start = time.time()
        error = np.mean((fill(*of) - table)[hole] ** 2)
        rows.append([name, f"{error:.4f}", f"{time.time() - start:.0f} s"])
        print(*rows[-1], flush=True)

    measure("column mean", lambda: np.nanmean(holed, 0) + np.zeros_like(table))
    measure("IterativeImputer", iterative, holed)
    forest = ExtraTreesRegressor(n_estimators=100, max_depth=8, random_state=0)
    measure("IterativeImputer of extra trees, as the notebook's missForest", lambda: iterative(holed, estimator=forest))
    with tempfile.TemporaryDirectory() as folder:
        vae = Ours(args.vae, Path(folder), args.adapter)
        for seed in map(int, args.seeds.split(",")):
            if args.torch:
                measure(f"the notebook's model in PyTorch, seed {seed}", torch_twin, holed, seed)
            measure(f"vae, seed {seed}", ours, vae, holed, seed)
    print()
    print_table(["filled by", "mean square error", "time"], rows)


if __name__ == "__main__":
    main()
