"""Writes a table of overdispersed counts as IDX files of i32, for likelihoods of counts.

Usage: python make_counts.py FOLDER
Needs: numpy.

FOLDER gets train-images-idx3-ubyte with 4000 rows and t10k-images-idx3-ubyte with 1000, each row an image of 1 x 100
pixels. A row is one of five types, of which each column has a rate of its own, with a library of some hundreds of
counts; a count is drawn of a Poisson whose rate is a Gamma's of the shape 2, a negative binomial of theta = 2.
"""
import struct
import sys
from pathlib import Path

import numpy

rng = numpy.random.default_rng(7)
rates = rng.lognormal(0, 1, (5, 100))
rates /= rates.sum(1, keepdims=True)
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name, rows in {"train": 4000, "t10k": 1000}.items():
    mean = rates[rng.integers(5, size=rows)] * rng.lognormal(6, 0.3, (rows, 1))
    counts = rng.poisson(mean * rng.gamma(2, 1 / 2, mean.shape))
    header = struct.pack(">BBBBIII", 0, 0, 0x0C, 3, rows, 1, 100)
    (folder / f"{name}-images-idx3-ubyte").write_bytes(header + counts.astype(">i4").tobytes())
