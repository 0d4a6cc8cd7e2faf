"""Whether ONNX Runtime computes what this program computes.

Usage: python check_onnx.py

Has the tests that are ignored by themselves write a file for every network of every member of the family, for a graph
of every operation, and what the reference executor gives for batches of 1, 3 and 500 rows; then checks each file with
onnx.checker and runs it. Needs: onnx, onnxruntime, numpy, safetensors, and cargo.
"""
import glob, os, subprocess, sys, tempfile
import numpy as np, onnx, onnxruntime
from safetensors.numpy import load_file

TOLERANCE = 1e-5  # of values up to 1, and relative above


def write(folder):
    command = "cargo test --lib fixtures_of -- --ignored --quiet".split()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"VAE_ONNX_FIXTURES": folder})


def compare(path):
    """The largest difference of a file's outputs, and how many cases there were."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst, cases = 0.0, glob.glob(glob.escape(path.removesuffix(".onnx")) + ".*.safetensors")
    for case in cases:
        tensors = load_file(case)
        given = {}
        for of in session.get_inputs():
            values = tensors[f"in.{of.name}"]
            kinds = {"tensor(int64)": np.int64, "tensor(uint8)": np.uint8, "tensor(float)": np.float32,
                     "tensor(double)": np.float64}
            given[of.name] = values.astype(kinds[of.type]).reshape([len(values)] + of.shape[1:])
        names = [of.name for of in session.get_outputs()]
        for name, found in zip(names, session.run(None, given)):
            expected = tensors[f"out.{name}"]
            if not np.isfinite(expected).all():
                raise SystemExit(f"{path}: {name} is not finite")
            found = found.reshape(expected.shape).astype(np.float64)
            difference = np.abs(found - expected) / np.maximum(1, np.abs(expected))
            worst = max(worst, difference.max())
            if difference.max() > TOLERANCE:
                at = np.unravel_index(difference.argmax(), difference.shape)
                print(f"  {os.path.basename(case)} {name} {at}: {found[at]} here, {expected[at]} expected")
    return worst, len(cases)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()
    if len(sys.argv) < 2:
        write(folder)
    failed = 0
    paths = sorted(glob.glob(f"{glob.escape(folder)}/*.onnx"))
    for path in paths:
        worst, cases = compare(path)
        failed += worst > TOLERANCE or not cases
        print(f"{os.path.basename(path):60} {cases} batches, off by {worst:.1e} at most")
    print(f"{len(paths)} files, {failed} of which differ by more than {TOLERANCE}")
    sys.exit(failed > 0 or not paths)


if __name__ == "__main__":
    main()
