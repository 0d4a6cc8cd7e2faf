"""A whole training as a user would start it, for the time from process start to the end.

    python torch_train.py --data DIR --epochs 1 --device cuda --out model.pt

The model of the preset `blog` on a folder of IDX files; after each epoch the loss on the test
images and a checkpoint, as `vae train` does (which also draws pictures at its end).
"""

import argparse
import gzip
from pathlib import Path

import torch

from torch_models import Vae
from torch_step import Training, without_tf32
from workloads import PIXELS, WORKLOADS


def read_images(folder: Path, name: str, device: str) -> torch.Tensor:
    """Bytes `[count, PIXELS]` of an IDX file, compressed or not."""
    path = folder / name
    data = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(name + ".gz").read_bytes())
    return torch.frombuffer(bytearray(data[16:]), dtype=torch.uint8).reshape(-1, PIXELS).to(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    without_tf32()
    train = read_images(args.data, "train-images-idx3-ubyte", args.device)
    test = read_images(args.data, "t10k-images-idx3-ubyte", args.device)
    training = Training(Vae, WORKLOADS["s"], (train,), fused=True, graph=False)
    for epoch in range(1, args.epochs + 1):
        training.order = torch.randperm(len(train), device=train.device)
        training.total.zero_()
        for rows in training.order.split(training.batch):
            training.update(rows)
        with torch.no_grad():
            sums = [training.loss(batch) * len(batch) for batch in test.split(training.batch)]
        train_loss = training.total.item() / -(-len(train) // training.batch)
        print(f"epoch {epoch}  loss {train_loss:.2f}  test {(sum(sums) / len(test)).item():.2f}")
        torch.save({"model": training.model.state_dict(), "adam": training.adam.state_dict()}, args.out)


if __name__ == "__main__":
    main()
