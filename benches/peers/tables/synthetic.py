"""Do synthetic rows keep what the table has? Question (c) of docs/results.md, "Tables".

    python3 synthetic.py --vae target/release/vae --data ../shared/data/mixed [--only toys|adult] [--ctgan VENV/bin/python]

Three tables whose answers are known, and Adult: 80 % of its rows without missing cells to learn from, as many synthetic rows,
and the rest to judge them by. With --ctgan, ctgan's TVAE as it comes does the same from the same rows. For Adult:

- accuracy: of scikit-learn's HistGradientBoostingClassifier, trained on synthetic rows and tested on real ones, in saying the
  sex and the marital status from the other columns;
- marginals: the mean over columns of the total variation distance of categories and of Kolmogorov and Smirnov's of numbers;
- correlations: the mean difference of Pearson's r over pairs of ordered columns, and of Cramér's V over pairs of categories.

"real" in the place of synthetic rows are the rows to learn from: the best that there is to reach.
"""

import argparse
import subprocess
import tempfile
import time
from itertools import combinations
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from imputation import load
from ours import Ours, print_table, read, write

# β below 1 makes z say nearly all of a row, and the fitted prior knows where in the latent there are rows.
TOYS = "--hidden 128 --latent 10 --beta 0.2 --lr 2e-3 --epochs 300".split()
ADULT = "--hidden 128 --latent 10 --beta 0.2 --lr 2e-3 --epochs 60 --batch-size 256".split()
COMPONENTS = {"toys": 10, "adult": 50}
TVAE_EPOCHS = 300

NAMES = "age workclass fnlwgt education marital occupation relationship race sex gain loss hours".split()
WORDS = "workclass education marital occupation relationship race sex".split()
NUMBERS = "age fnlwgt gain loss hours".split()
# Whole numbers that are mostly the same few: their distribution is one of words.
SPIKES = "gain loss hours".split()
TARGETS = "sex marital".split()


class Makers:
    """What makes synthetic rows of a table: name → rows."""

    def __init__(self, vae: Ours, ctgan):
        self.vae, self.ctgan = vae, ctgan

    def __call__(self, name, names, cells, words, count, told, settings, components):
        """Each maker's rows and its seconds."""
        path = write(self.vae.folder / f"{name}.csv", names, cells, words)
        start = time.time()
        run = self.vae.train(name, path, settings, told)
        self.vae.call("fit-prior", run, "--components", components)
        made = self.vae.folder / f"{name}-made.csv"
        self.vae.call("sample", run, "-n", count, "-o", made)
        yield "vae", read(made)[1], time.time() - start
        if self.ctgan:
            start = time.time()
            tvae = [self.ctgan, Path(__file__).with_name("tvae.py"), path, "-n", count, "-o", made, "--epochs", TVAE_EPOCHS]
            subprocess.run([*map(str, tvae), "--categories", ",".join(words)], check=True, capture_output=True)
            yield "TVAE", read(made)[1], time.time() - start


def toys():
    """Name, columns, cells, columns of words, and what must be kept."""
    equal = np.repeat(np.arange(3.0)[None], 150, 0).reshape(-1, 1)
    yield "equal", ["a", "b"], np.c_[equal, equal], ["a", "b"], lambda rows: f"{np.mean(rows[:, 0] == rows[:, 1]):.1%} equal"
    x = np.arange(1000.0)
    off = lambda rows: f"mean |2x − y| {np.mean(np.abs(2 * rows[:, 0] - rows[:, 1])):.1f}"
    yield "double", ["x", "y"], np.c_[x, 2 * x], [], off
    draws = np.random.default_rng(0)
    kind = draws.integers(0, 5, 1000)
    number = 10.0 * kind + draws.normal(size=1000)
    kept = lambda rows: f"{np.mean(np.rint(rows[:, 1] / 10) == rows[:, 0]):.1%} kept"
    yield "follows", ["kind", "number"], np.c_[kind, number], ["kind"], kept


def measure_toys(makers):
    rows = []
    for name, names, cells, words, kept in toys():
        told = {column: "category" if column in words else "number" for column in names}
        made = makers(name, names, cells, words, 1000, told, TOYS, COMPONENTS["toys"])
        rows += [[name, maker, kept(found), f"{seconds:.0f} s"] for maker, found, seconds in made]
    print_table(["table", "rows of", "kept", "time"], rows)


def accuracy(train, test, target):
    """Of a classifier of a column from all others."""
    column = NAMES.index(target)
    others = [other for other in range(len(NAMES)) if other != column]
    are_words = [NAMES[other] in WORDS for other in others]
    model = HistGradientBoostingClassifier(max_iter=50, categorical_features=are_words, random_state=0)
    return model.fit(train[:, others], train[:, column]).score(test[:, others], test[:, column])


def distance(name, real, made):
    """The total variation distance of a column of words, Kolmogorov and Smirnov's of numbers."""
    values = np.unique(np.r_[real, made])
    shares = [np.searchsorted(np.sort(cells), values, "right") / len(cells) for cells in (real, made)]
    if name in WORDS:
        return np.abs(np.diff(shares[0], prepend=0) - np.diff(shares[1], prepend=0)).sum() / 2
    return np.abs(shares[0] - shares[1]).max()


def cramer(a, b):
    """Cramér's V of two columns of words."""
    [rows, a], [columns, b] = np.unique(a, return_inverse=True), np.unique(b, return_inverse=True)
    seen = np.zeros((len(rows), len(columns)))
    np.add.at(seen, (a, b), 1)
    expected = np.outer(seen.sum(1), seen.sum(0)) / len(a)
    return np.sqrt(((seen - expected) ** 2 / expected).sum() / len(a) / max(min(seen.shape) - 1, 1))


def judge(test, made):
    """Accuracies, marginals and the two correlations."""
    column = {name: index for index, name in enumerate(NAMES)}
    ordered = [column[name] for name in (*NUMBERS, "education")]
    words = [column[name] for name in WORDS]
    pearson = np.abs(np.corrcoef(test[:, ordered].T) - np.corrcoef(made[:, ordered].T))[np.triu_indices(len(ordered), 1)]
    cramers = [abs(cramer(test[:, a], test[:, b]) - cramer(made[:, a], made[:, b])) for a, b in combinations(words, 2)]
    marginals = [distance(name, test[:, column[name]], made[:, column[name]]) for name in NAMES]
    found = [accuracy(made, test, target) for target in TARGETS]
    return [f"{value:.3f}" for value in (*found, np.mean(marginals), np.mean(pearson), np.mean(cramers))]


def measure_adult(makers, folder):
    table, _, _ = load(folder, "adult")
    table = table[~np.isnan(table).any(1)]
    order = np.random.default_rng(0).permutation(len(table))
    cut = len(table) * 8 // 10
    train, test = table[order[:cut]], table[order[cut:]]
    rows = [["real", *judge(test, train), ""]]
    told = {name: "category" if name in WORDS + SPIKES else "number" for name in NAMES}
    for maker, made, seconds in makers("adult", NAMES, train, WORDS, cut, told, ADULT, COMPONENTS["adult"]):
        rows.append([maker, *judge(test, made), f"{seconds:.0f} s"])
        print(*rows[-1], flush=True)
    print_table(["rows of", *TARGETS, "marginals", "Pearson", "Cramér", "time"], rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vae", required=True, help="our binary")
    parser.add_argument("--data", type=Path, help="the folder with HI-VAE's files, for Adult")
    parser.add_argument("--ctgan", help="a Python that has ctgan")
    parser.add_argument("--only", choices=["toys", "adult"])
    parser.add_argument("--adapter", default="cpu")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        makers = Makers(Ours(args.vae, Path(folder), args.adapter), args.ctgan)
        if args.only != "adult":
            measure_toys(makers)
        if args.only != "toys":
            measure_adult(makers, args.data)


if __name__ == "__main__":
    main()
