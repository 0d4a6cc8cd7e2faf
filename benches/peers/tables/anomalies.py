"""How well does −ln p(x) tell outliers in tables? Question (d) of docs/results.md, "Tables".

    python3 anomalies.py --vae target/release/vae --data ../shared/data/odds [--seeds 10] [--only cardio,wbc]

Nine of the ODDS sets as NAME.npz (X [N, D], y 1 for an outlier), split and standardised as PyOD's benchmark does: 60 % of the
rows at random to train on, outliers among them, the rest to score; the mean ROC AUC over so many seeds, beside PyOD's own
table. The setting is the same for all nine.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from ours import Ours, print_table

# PyOD's ROC AUC (its notebooks/roc.csv): PCA, KNN, IForest, AutoEncoder.
PYOD = {
    "cardio": (0.950, 0.724, 0.918, 0.817),
    "ionosphere": (0.796, 0.927, 0.853, 0.896),
    "letter": (0.528, 0.877, 0.638, 0.814),
    "mnist": (0.853, 0.848, 0.808, 0.864),
    "optdigits": (0.509, 0.371, 0.702, 0.598),
    "pendigits": (0.935, 0.749, 0.950, 0.782),
    "satellite": (0.599, 0.684, 0.693, 0.663),
    "vowels": (0.603, 0.968, 0.756, 0.924),
    "wbc": (0.916, 0.937, 0.952, 0.923),
}
SETTINGS = (
    "--hidden 128 --latent 8 --likelihood student-t --scale per-dimension --weight-decay 0.3 --batch-size 16 --epochs 100"
).split()


def area(vae, name, x, y, seed):
    """The ROC AUC of one split."""
    train, test, _, truth = train_test_split(x, y, test_size=0.4, random_state=np.random.RandomState(seed))
    scaler = StandardScaler().fit(train)
    paths = [vae.folder / f"{name}-{part}.npy" for part in ("train", "test")]
    for path, part in zip(paths, (train, test)):
        np.save(path, scaler.transform(part).astype(np.float32))
    run = vae.train(f"{name}-{seed}", paths[0], [*SETTINGS, "--table", "--seed", seed])
    scores = vae.folder / "scores.npy"
    vae.call("score", run, "--data", paths[1], "--table", "--threshold", 0, "-o", scores)
    return roc_auc_score(truth, np.load(scores))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vae", required=True, help="our binary")
    parser.add_argument("--data", required=True, type=Path, help="the folder with the sets")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", default=",".join(PYOD))
    parser.add_argument("--adapter", default="cpu")
    args = parser.parse_args()
    rows = []
    for name in args.only.split(","):
        start = time.time()
        found = np.load(args.data / f"{name}.npz")
        with tempfile.TemporaryDirectory() as folder:
            vae = Ours(args.vae, Path(folder), args.adapter)
            areas = [area(vae, name, found["X"].astype(float), found["y"].ravel(), seed) for seed in range(args.seeds)]
        mean, error = np.mean(areas), np.std(areas) / np.sqrt(max(len(areas) - 1, 1))
        rows.append([name, f"{mean:.3f} ± {error:.3f}", *(f"{auc:.3f}" for auc in PYOD[name])])
        print(*rows[-1], f"{time.time() - start:.0f} s", flush=True)
        rows[-1].append("yes" if mean >= PYOD[name][-1] else "no")
    print()
    print_table(["set", "vae", "PCA", "KNN", "IForest", "AutoEncoder", "at least the AutoEncoder's"], rows)


if __name__ == "__main__":
    main()
