"""Synthetic rows of ctgan's TVAE as it comes: reads a CSV with a header, writes another.

    VENV/bin/python tvae.py TABLE.csv -n ROWS -o SYNTHETIC.csv --categories a,b --epochs 300

Run by synthetic.py with the Python that has ctgan (`pip install ctgan`), whose pandas may not be the other peers'.
"""

import argparse
import time

import pandas
import torch
from ctgan import TVAE

parser = argparse.ArgumentParser()
parser.add_argument("table")
parser.add_argument("-n", type=int, required=True)
parser.add_argument("-o", required=True)
parser.add_argument("--categories", default="", help="columns of words, by name")
parser.add_argument("--epochs", type=int, default=300)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

torch.set_num_threads(1)
table = pandas.read_csv(args.table)
tvae = TVAE(epochs=args.epochs, enable_gpu=False)
tvae.set_random_state(args.seed)
start = time.time()
tvae.fit(table, [name for name in args.categories.split(",") if name])
print(f"TVAE: {args.epochs} epochs in {time.time() - start:.0f} s")
tvae.sample(args.n).to_csv(args.o, index=False)
