"""Our binary, and tables as the files that it reads and writes."""

import os
import subprocess
from pathlib import Path

import numpy as np


class Ours:
    """`vae` with the runs of one measurement in a folder of its own."""

    def __init__(self, binary: str, folder: Path, adapter: str = "cpu"):
        self.binary, self.folder, self.adapter = binary, folder, adapter

    def call(self, command: str, *args) -> str:
        """Standard output of a command, which must succeed."""
        words = [self.binary, command, *map(str, args), "--adapter", self.adapter]
        # A progress bar is no concern of a log.
        done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}\n{done.stderr}")
        return done.stdout

    def train(self, name: str, table: Path, settings, kinds=None) -> Path:
        """A run on all rows of a table but one, which is held out; `kinds` says of a column what it is where its contents do
        not."""
        run = self.folder / name
        kinds = [word for column, kind in (kinds or {}).items() for word in ("--column", f"{column}={kind}")]
        self.call("train", "--data", table, "--out", run, "--holdout", 1, *settings, *kinds)
        return run


def write(path: Path, names, cells, words=()) -> Path:
    """A CSV with a header; NaN is an empty cell, and the columns of `words` have w1, w2, … in the place of codes."""
    with open(path, "w") as file:
        print(*names, sep=",", file=file)
        for row in cells:
            print(*(cell(value, name in words) for name, value in zip(names, row)), sep=",", file=file)
    return path


def cell(value: float, is_word: bool) -> str:
    if np.isnan(value):
        return ""
    if value == int(value):
        return f"{'w' * is_word}{value:.0f}"
    return repr(float(value))


def read(path: Path):
    """The names and the cells of a CSV with a header, back from what `write` made of them."""
    with open(path) as file:
        names = file.readline().strip().split(",")
        cells = [[number(text) for text in line.rstrip("\n").split(",")] for line in file]
    return names, np.array(cells)


def number(text: str) -> float:
    return float(text.removeprefix("w")) if text else np.nan


def print_table(header, rows) -> None:
    """Prints a table in Markdown."""
    for row in [header, ["---"] * len(header), *rows]:
        print("|", " | ".join(row), "|", flush=True)
