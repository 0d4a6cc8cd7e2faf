"""Whether weights mean in PyTorch what they mean here, both ways.

Usage: python check_pytorch.py [PATH/TO/vae]

Trains small models on images that it makes, runs the code of docs/pytorch.md as it stands there on their weights, and
compares μ, log σ² and E[x | z] with those of the run; then takes PyTorch's state dict back into a run, whose parameters have to
be the same bits. Needs: torch, numpy, safetensors.
"""
import os, re, struct, subprocess, sys, tempfile
import numpy as np, torch
from safetensors.numpy import load_file as load_numpy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VAE = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else f"{ROOT}/target/release/vae"
TOLERANCE = 1e-5


def vae(command):
    subprocess.run([VAE, *command.split(), "--quiet"], check=True)


def write_images(path, images):
    with open(path, "wb") as file:
        file.write(struct.pack(">4I", 0x0803, *images.shape) + images.tobytes())


def blobs(count, seed):
    """Images of a bright blob each, [count, 28, 28]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:28, :28]
    centre, width = rng.uniform(6, 22, (2, count, 1, 1)), rng.uniform(2, 5, (count, 1, 1))
    return (255 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / width**2)).astype(np.uint8)


def compare(what, found, expected):
    difference = np.abs(found.detach().numpy() - expected).max()
    print(f"{what:40} off by {difference:.1e} at most")
    assert difference <= TOLERANCE, what


def main():
    page = open(f"{ROOT}/docs/pytorch.md").read()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    os.chdir(tempfile.mkdtemp())
    os.mkdir("blobs")
    images = blobs(100, 1)
    write_images("blobs/train-images-idx3-ubyte", blobs(600, 0))
    write_images("blobs/t10k-images-idx3-ubyte", images)
    x = torch.from_numpy(images.reshape(100, 784).astype(np.float32) / 255)
    module, load, save, other = blocks
    for hidden, latent in [([400], 20), ([64, 32], 8)]:
        sizes = f"--hidden {','.join(map(str, hidden))} --latent {latent}"
        run = f"run-{len(hidden)}"
        vae(f"train --data blobs --adapter cpu --epochs 2 --out {run} {sizes}")
        vae(f"weights {run} -o weights.safetensors")
        names = {"x": x}
        exec(module, names)
        if hidden == [400]:
            exec(load, names)
        else:
            changed = load.replace("VAE()", f"VAE(hidden={hidden}, latent={latent})", 1)
            exec(changed, names)
        vae(f"encode {run} --part test --adapter cpu -o codes.safetensors")
        codes = load_numpy("codes.safetensors")
        compare(f"mu of {hidden}", names["mu"], codes["mu"])
        compare(f"logvar of {hidden}", names["logvar"], codes["logvar"])
        vae(f"reconstruct {run} --adapter cpu -n 100 -o pairs.npy")
        mean = names["model"].decode(names["mu"]).sigmoid().reshape(100, 28, 28)
        compare(f"E[x | mu] of {hidden}", mean, np.load("pairs.npy"))
        exec(save, names)
        vae(f"import model.safetensors {sizes} -o back-{len(hidden)}")
        vae(f"weights back-{len(hidden)} -o back.safetensors")
        own, back = load_numpy("weights.safetensors"), load_numpy("back.safetensors")
        assert own.keys() == back.keys() and all((own[name] == back[name]).all() for name in own)
        print(f"the parameters of {hidden} come back as they were")
    exec(other, names)
    command = re.search(r"vae (import tutorial.*?)\n```", page, re.DOTALL).group(1).replace("\\\n", " ")
    vae(command)
    vae("sample runs/tutorial --adapter cpu -n 4 -o tutorial.png")
    print("the tutorial's names are read")


if __name__ == "__main__":
    main()
