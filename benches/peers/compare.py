"""`vae bench` and its peers side by side, as one table in Markdown.

    python3 compare.py --vae ../../target/release/vae --threads 2
    python3 compare.py --vae …/vae --python …/venv/bin/python --adapter nvidia --json found.json
    python3 compare.py --vae …/vae --threads 2 --cpu --adapter software
    python3 compare.py --vae …/vae --workload s,m --models plain,beta,warmup,conditional,iwae-5,laplace

Each round measures vae and then every peer, so that what changes on the machine hits all of them;
the medians of the rounds count. PyTorch and JAX are used where --python has them; what is missing is
said. On an NVIDIA adapter the peers run on CUDA, and whole trainings are timed from process start.
With --models the steps of those models alone are measured, each in turn with PyTorch's (JAX has the
plain one only), and the table has microseconds, our time over PyTorch's, and our launches a step.
Needs Python 3.10 and nothing but its standard library, and builds nothing.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workloads import MODELS

HERE = Path(__file__).resolve().parent
OURS = "vae-wgpu"
PROCESSOR = "vae-wgpu cpu"
EAGER = "torch eager"
EPOCHS = (1, 10)


class Findings:
    """Times by row and column, and what could not be measured."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, list[float]]] = {}
        self.launches: dict[str, int] = {}
        self.missing: dict[str, str] = {}
        self.versions: dict[str, str] = {}

    def add(self, row: str, column: str, seconds: float) -> None:
        self.seconds.setdefault(row, {}).setdefault(column, []).append(seconds)

    def lack(self, what: str, reason: str) -> None:
        if what not in self.missing:
            self.missing[what] = reason
            print(f"missing: {what}: {reason}", file=sys.stderr)

    def table(self) -> str:
        """Markdown: medians, and the peers' over ours."""
        columns = [OURS, *self.peers()]
        lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
        for name, row in self.seconds.items():
            medians = {column: statistics.median(values) for column, values in row.items()}
            cells = [cell(medians, column) for column in columns]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def models_table(self) -> str:
        """Markdown: medians in microseconds, ours over PyTorch's, and our launches a step."""
        peers = self.peers()
        heads = ["", f"{OURS}, µs", "launches", f"{OURS} / {EAGER}", *(f"{peer}, µs" for peer in peers)]
        lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
        for name, row in self.seconds.items():
            micros = {column: statistics.median(values) * 1e6 for column, values in row.items()}
            ratio = f"{micros[OURS] / micros[EAGER]:.2f}" if OURS in micros and EAGER in micros else "–"
            times = [f"{micros[column]:.0f}" if column in micros else "–" for column in (OURS, *peers)]
            cells = [name, times[0], str(self.launches.get(name, "–")), ratio, *times[1:]]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def peers(self) -> list[str]:
        """The columns beside ours, as they came up."""
        return list(dict.fromkeys(column for row in self.seconds.values() for column in row if column != OURS))

    def to_json(self, **about: object) -> str:
        rows = {
            name: {
                column: {"median_s": statistics.median(v), "min_s": min(v), "max_s": max(v), "rounds_s": v}
                for column, v in row.items()
            }
            for name, row in self.seconds.items()
        }
        found = {"version": 1, **about, "versions": self.versions, "rows": rows}
        found |= {"launches": self.launches, "missing": self.missing}
        return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def cell(medians: dict[str, float], column: str) -> str:
    if column not in medians:
        return "–"
    time_of = readable(medians[column])
    if column == OURS or OURS not in medians:
        return time_of
    return f"{time_of} ({medians[column] / medians[OURS]:.2f})"


def readable(seconds: float) -> str:
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        value = seconds * factor
        if value >= 1 or unit == "µs":
            break
    return f"{value:.3g} {unit}" if value < 100 else f"{value:.0f} {unit}"


class Runner:
    """The programs that are compared, and how they are called."""

    def __init__(self, args: argparse.Namespace, findings: Findings) -> None:
        self.args, self.findings = args, findings
        self.environment = dict(os.environ)
        if args.threads:
            # What sets the threads of Mesa's software driver.
            self.environment["LP_NUM_THREADS"] = str(args.threads)
        self.adapter: dict[str, str] = {}
        self.gemm_size = 0
        self.rows: dict[tuple[str, str], str] = {}
        if args.models:
            for workload in args.workload.split(","):
                for model in args.models:
                    self.rows[model, workload] = f"{workload.upper()}, {model}"
            findings.seconds = {row: {} for row in self.rows.values()}

    @property
    def device(self) -> str:
        return "cuda" if "nvidia" in self.adapter.get("name", "").lower() else "cpu"

    def run(self, command: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def adapter_flag(self) -> list[str]:
        if self.args.adapter == "cpu":
            return self.processor_flags()
        return ["--adapter", self.args.adapter] if self.args.adapter else []

    def processor_flags(self) -> list[str]:
        return ["--adapter", "cpu", *self.threads_flag()]

    def threads_flag(self) -> list[str]:
        return ["--threads", str(self.args.threads)] if self.args.threads else []

    def processor(self, model: str) -> None:
        """A round of `vae bench` on the processor, as a column of its own."""
        if not self.args.cpu:
            return
        command = [self.args.vae, "bench", "--json", "--repeats", "1", "--workload", self.args.workload]
        done = self.run(command + self.processor_flags() + MODELS[model])
        if done.returncode != 0:
            self.findings.lack(f"{PROCESSOR}, {model}", error_line(done.stderr))
            return
        for step in json.loads(done.stdout)["workloads"]:
            self.findings.add(self.rows[model, step["name"]], PROCESSOR, step["step_us"]["median"] / 1e6)

    def vae(self, model: str) -> None:
        """A round of `vae bench`."""
        what = f"{OURS}, {model}"
        if what in self.findings.missing:
            return
        command = [self.args.vae, "bench", "--json", "--repeats", "1", "--workload", self.args.workload]
        command += self.adapter_flag() + MODELS[model]
        done = self.run(command)
        if done.returncode != 0 and MODELS[model]:
            # As a program from before the model's flags does.
            self.findings.lack(what, error_line(done.stderr))
            return
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
        report = json.loads(done.stdout)
        self.adapter = report["adapter"]
        self.findings.versions[OURS] = f"{report['program']} on {self.adapter['name']} ({self.adapter['driver']})"
        for step in report["workloads"]:
            described = f"{step['name'].upper()}: {step['description']}, a step"
            row = self.rows.setdefault((model, step["name"]), described)
            self.findings.add(row, OURS, step["step_us"]["median"] / 1e6)
            if step["launches"]:
                self.findings.launches[row] = step["launches"]["dispatches"]
        if report["peaks"] and not self.args.models:
            self.gemm_size = report["peaks"]["gemm_size"]
            flops = 2 * self.gemm_size**3
            seconds = flops / report["peaks"]["gemm_gflops_per_s"] / 1e9
            self.findings.add(self.product_row(), OURS, seconds)

    def product_row(self) -> str:
        return f"product of two {self.gemm_size}×{self.gemm_size} matrices"

    def peer(self, framework: str, model: str) -> None:
        """A round of a peer's steps."""
        if framework in self.findings.missing:
            return
        command = [self.args.python, str(HERE / f"{framework}_step.py"), "--repeats", "1"]
        command += ["--workload", self.args.workload, "--device", self.device, *self.threads_flag()]
        if framework == "torch":
            command += ["--model", model]
            command += ["--variant", self.args.variant] if self.args.variant else []
            command += ["--gemm", str(self.gemm_size)] if self.gemm_size else []
        done = self.run(command)
        for line in done.stdout.splitlines():
            self.take(json.loads(line), model)
        if done.returncode != 0:
            self.findings.lack(framework, last_line(done.stderr))

    def take(self, found: dict, model: str) -> None:
        """One line of a peer's."""
        framework = found["framework"]
        column = f"{framework} {found.get('variant', '')}".strip()
        match found["kind"]:
            case "versions":
                self.findings.versions[framework] = f"{found['version']} on {found['device']}"
            case "step":
                row = self.rows[model, found["workload"]]
                self.findings.add(row, column, found["step_us"]["median"] / 1e6)
            case "gemm":
                self.findings.add(self.product_row(), EAGER, found["ms"] / 1e3)
            case "missing":
                self.findings.lack(f"{column}, {model}, {found['workload']}", found["reason"])

    def trainings(self, data: Path, scratch: Path) -> None:
        """A round of whole trainings, from the start of the process to its end."""
        for epochs in EPOCHS:
            row = f"S from process start to the end of epoch {epochs}"
            ours = [self.args.vae, "train", "--preset", "blog", "--epochs", str(epochs), "--data", str(data)]
            out = scratch / f"run-{time.monotonic_ns()}"
            self.training(row, OURS, ours + ["--out", str(out), *self.adapter_flag()])
            if "torch" not in self.findings.missing:
                torch = [self.args.python, str(HERE / "torch_train.py"), "--epochs", str(epochs)]
                torch += ["--data", str(data), "--device", self.device, "--out", str(scratch / "model.pt")]
                self.training(row, "torch fused", torch + self.threads_flag())

    def training(self, row: str, column: str, command: list[str]) -> None:
        started = time.perf_counter()
        done = self.run(command)
        took = time.perf_counter() - started
        if done.returncode == 0:
            self.findings.add(row, column, took)
        else:
            self.findings.lack(f"{column}, {row}", last_line(done.stderr))


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"


def error_line(text: str) -> str:
    """What a program of ours says is wrong, without its advice."""
    return next((line for line in text.splitlines() if line.startswith("error:")), last_line(text))


def write_images(folder: Path) -> None:
    """A data set of MNIST's form: a black border, and black half the time within."""
    bytes_of = random.Random(1).randbytes
    halved = bytes(max(0, 2 * value - 255) for value in range(256))
    border, side = bytes(28 * 4), bytes(4)
    for name, count in (("train", 60_000), ("t10k", 10_000)):
        with open(folder / f"{name}-images-idx3-ubyte", "wb") as file:
            file.write(b"".join(number.to_bytes(4, "big") for number in (0x803, count, 28, 28)))
            for _ in range(count):
                body = bytes_of(400).translate(halved)
                rows = (side + body[start : start + 20] + side for start in range(0, 400, 20))
                file.write(border + b"".join(rows) + border)


def models_of(names: str) -> list[str]:
    """The models of a list separated by commas."""
    unknown = [name for name in names.split(",") if name not in MODELS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no model {unknown[0]!r}; choose of {', '.join(MODELS)}")
    return names.split(",")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vae", required=True, help="the program, built with --release")
    parser.add_argument("--adapter", help="as `vae bench --adapter`")
    parser.add_argument("--python", default=sys.executable, help="a Python that has the peers [default: this one]")
    parser.add_argument("--workload", default="s,m,l", help="which of s, m and l")
    parser.add_argument("--models", type=models_of, help=f"which of {', '.join(MODELS)} [default: plain]")
    parser.add_argument("--cpu", action="store_true", help="measure vae on the processor as well")
    parser.add_argument("--variant", help="PyTorch's, as `torch_step.py --variant` [default: all]")
    parser.add_argument("--repeats", type=int, default=5, help="rounds, of which the median counts")
    parser.add_argument("--threads", type=int, help="CPU threads of all, where the CPU computes")
    parser.add_argument("--trainings", action="store_true", help="time whole trainings without an NVIDIA GPU too")
    parser.add_argument("--data", type=Path, help="for those, a folder of IDX files [default: made up]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round there")
    args = parser.parse_args()
    if args.models and args.trainings:
        parser.error("--trainings are the plain model's: leave out --models")
    findings = Findings()
    runner = Runner(args, findings)
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        data = args.data
        for number in range(1, args.repeats + 1):
            print(f"round {number} of {args.repeats}", file=sys.stderr)
            for model in args.models or ["plain"]:
                runner.vae(model)
                runner.processor(model)
                for framework in ("torch", "jax") if model == "plain" else ("torch",):
                    runner.peer(framework, model)
            if args.trainings or (runner.device == "cuda" and not args.models):
                if data is None:
                    data = scratch
                    write_images(data)
                runner.trainings(data, scratch)
    if args.models:
        print(findings.models_table())
        print(f"\n{OURS} / {EAGER}: below 1, vae is faster.")
    else:
        print(findings.table())
        print("\nIn brackets: the peer's time over vae's; above 1, vae is faster.")
    for name, version in findings.versions.items():
        print(f"- {name} {version}")
    for what, reason in findings.missing.items():
        print(f"- missing: {what}: {reason}")
    if args.json:
        about = {"adapter": runner.adapter, "threads": args.threads, "rounds": args.repeats}
        args.json.write_text(findings.to_json(**about), encoding="utf-8")


if __name__ == "__main__":
    main()
