"""How well are the cells filled that HI-VAE's files take away? Question (a) of docs/results.md, "Tables".

    python3 imputation.py --vae target/release/vae --data ../shared/data/mixed [--only adult|wine]

Adult and Wine as HI-VAE (Nazábal et al. 2018) publishes them: NAME.csv.gz without a header, NAME-types.csv and
NAME-missing20.csv.gz, the row and the column, from 1, of every cell to take away. The error of a column is over those cells
alone, as HI-VAE defines it: of numbers and counts √mean((x − x̂)²) / (max − min), of categories the share of wrong words, of
ordinals mean|x − x̂| / levels. A kind's error is the mean over its columns.
"""

import argparse
import csv
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

from ours import Ours, print_table, read, write

# What `vae train` is told, the same for both tables.
SETTINGS = "--hidden 128 --latent 10 --epochs 60 --batch-size 128".split()
CODED = ("cat", "ordinal")


def load(folder: Path, name: str):
    """The table [N, columns], NaN where a cell is missing from the start; each column's type and levels; which cells to take
    away, without those."""
    table = np.loadtxt(folder / f"{name}.csv.gz", delimiter=",")
    with open(folder / f"{name}-types.csv") as file:
        kinds = [(row["type"], int(row["nclass"] or 0)) for row in csv.DictReader(file)]
    hole = np.zeros(table.shape, bool)
    row, column = np.loadtxt(folder / f"{name}-missing20.csv.gz", delimiter=",", dtype=int).T - 1
    hole[row, column] = True
    return table, kinds, hole & ~np.isnan(table)


def errors(table, filled, kinds, hole):
    """The mean error of each kind of column."""
    by_kind = {}
    for column, (kind, levels) in enumerate(kinds):
        truth, guess = table[hole[:, column], column], filled[hole[:, column], column]
        if kind == "cat":
            error = np.mean(truth != guess)
        elif kind == "ordinal":
            error = np.mean(np.abs(truth - guess)) / levels
        else:
            error = np.sqrt(np.mean((truth - guess) ** 2)) / (np.nanmax(table[:, column]) - np.nanmin(table[:, column]))
        by_kind.setdefault(kind if kind in CODED else "number", []).append(error)
    return {kind: float(np.mean(of_kind)) for kind, of_kind in by_kind.items()}


def mean_or_mode(table, kinds, hole):
    """The mean of a number's cells that are there, the most frequent of the others'."""
    filled = table.copy()
    for column, (kind, _) in enumerate(kinds):
        there = table[~hole[:, column] & ~np.isnan(table[:, column]), column]
        values, counts = np.unique(there, return_counts=True)
        filled[hole[:, column], column] = values[counts.argmax()] if kind in CODED else there.mean()
    return filled


def iterative(table, kinds, hole):
    """scikit-learn's IterativeImputer as it comes, of standardised numbers and of one column a word but the last.

    With a column for every word each is one less the others, in a missing cell one less their means: the mode.
    """
    parts, back = [], []
    for column, (kind, _) in enumerate(kinds):
        cells = np.where(hole[:, column], np.nan, table[:, column])
        if kind == "cat":
            words = np.unique(cells[~np.isnan(cells)])
            part = np.where(np.isnan(cells)[:, None], np.nan, cells[:, None] == words[:-1])
            back.append(lambda found, words=words: words[np.c_[found, 1 - found.sum(1)].argmax(1)])
        else:
            mean, deviation = np.nanmean(cells), np.nanstd(cells)
            low, high = np.nanmin(cells), np.nanmax(cells)
            part = ((cells - mean) / deviation)[:, None]
            back.append(lambda found, m=mean, d=deviation: found[:, 0] * d + m)
            if kind == "ordinal":
                back[-1] = lambda found, m=mean, d=deviation, l=low, h=high: np.clip(np.rint(found[:, 0] * d + m), l, h)
        parts.append(part)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = IterativeImputer(random_state=0).fit_transform(np.concatenate(parts, 1))
    ends = np.cumsum([part.shape[1] for part in parts])[:-1]
    guesses = [back[i](part) for i, part in enumerate(np.split(found, ends, 1))]
    return np.where(hole, np.stack(guesses, 1), table)


def ours(vae, name, table, kinds, hole):
    """`vae train` on the table with its holes, and `vae impute` of the same."""
    names = [f"c{column + 1}" for column in range(len(kinds))]
    words = {name for name, (kind, _) in zip(names, kinds) if kind in CODED}
    path = write(vae.folder / f"{name}.csv", names, np.where(hole, np.nan, table), words)
    told = {name: "category" if name in words else "number" for name in names}
    run = vae.train(name, path, SETTINGS, told)
    filled = vae.folder / f"{name}-filled.csv"
    vae.call("impute", run, path, "-o", filled)
    return np.where(hole, read(filled)[1], table)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vae", required=True, help="our binary")
    parser.add_argument("--data", required=True, type=Path, help="the folder with HI-VAE's files")
    parser.add_argument("--only", choices=["adult", "wine"])
    parser.add_argument("--adapter", default="cpu")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        vae = Ours(args.vae, Path(folder), args.adapter)
        for name in [args.only] if args.only else ["wine", "adult"]:
            table, kinds, hole = load(args.data, name)
            ways = {"mean or mode": mean_or_mode, "IterativeImputer": iterative, "vae": lambda *of: ours(vae, name, *of)}
            for way, fill in ways.items():
                start = time.time()
                found = errors(table, fill(table, kinds, hole), kinds, hole)
                of_kinds = [f"{found[kind]:.4f}" if kind in found else "" for kind in ("number", "cat", "ordinal")]
                rows.append([name, way, *of_kinds, f"{time.time() - start:.0f} s"])
    print_table(["table", "filled by", "numbers", "categories", "ordinal", "time"], rows)


if __name__ == "__main__":
    main()
