"""PyTorch's time for the steps that `vae bench` times, as lines of JSON.

    python torch_step.py --threads 2                     on the CPU
    python torch_step.py --device cuda --gemm 4096       on an NVIDIA GPU, and a matrix product
    python torch_step.py --model iwae-5 --workload s,m   another model than the plain one

The same layers, initialisation (`torch.nn.Linear`'s own), loss and Adam; images lie on the device
as bytes, labels as one-hot rows, and are gathered by a permutation; losses stay there too. f32
throughout, without TF32.
Variants: `eager`; `fused` (Adam in one kernel); `compile` (forward and backward through
`torch.compile`, fused Adam); on CUDA also `graph` (a whole step with fused Adam in a CUDA graph) and
`compile-graph` (the same with compiled forward and backward).
"""

import sys
import time
from typing import Callable

from workloads import IMAGES, LEARNING_RATE, PIXELS, Workload, arguments, chosen, say, time_steps

try:
    import torch
except ImportError as error:
    raise SystemExit(f"PyTorch is missing in {sys.executable}: {error}")

from torch_flows import FLOWS
from torch_models import MODELS, Vae

ALL = MODELS | FLOWS

Step = Callable[[], None]
Data = tuple[torch.Tensor, ...]


class Training:
    """A model with its optimiser, the data it takes and its place in the epoch, all on the device."""

    def __init__(self, kind: type[Vae], workload: Workload, data: Data, fused: bool, graph: bool) -> None:
        count, device = len(data[0]), data[0].device
        torch.manual_seed(1)
        self.model = kind(workload).to(device)
        options = {"fused": True} if fused else {}
        if graph:
            options["capturable"] = True
        self.adam = torch.optim.Adam(self.model.parameters(), lr=LEARNING_RATE, **options)
        self.loss = self.model.forward
        self.data, self.batch = data, workload.batch
        self.order = torch.randperm(count, device=device)
        self.batches = count // workload.batch
        self.steps = 0
        # On the device, for steps that a graph repeats without the host.
        self.position = torch.zeros(1, dtype=torch.int64, device=device)
        self.offsets = torch.arange(workload.batch, device=device)
        self.total = torch.zeros((), device=device)

    def update(self, rows: torch.Tensor) -> None:
        """One step on these rows of the data."""
        self.adam.zero_grad(set_to_none=True)
        loss = self.loss(*[each[rows] for each in self.data])
        loss.backward()
        self.adam.step()
        self.total += loss.detach()

    def step(self) -> None:
        """The next step, its batch chosen by the host."""
        first = self.steps % self.batches * self.batch
        self.prepare()
        self.update(self.order[first : first + self.batch])

    def prepare(self) -> None:
        """What the host does before a step's kernels."""
        self.model.prepare(self.steps)
        self.steps += 1

    def step_on_device(self) -> None:
        """The next step, its batch chosen by the device."""
        self.update(self.order[self.position + self.offsets])
        self.position.add_(self.batch).remainder_(self.batches * self.batch)

    def captured(self) -> Step:
        """A step as a CUDA graph."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step_on_device()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step_on_device()

        def step() -> None:
            self.prepare()
            graph.replay()

        return step


def step_of(variant: str, kind: type[Vae], workload: Workload, data: Data) -> Step:
    """What runs one step of a variant."""
    graph = variant.endswith("graph")
    training = Training(kind, workload, data, variant != "eager", graph)
    if variant.startswith("compile"):
        # What earlier workloads left would make it compile for shapes that change.
        torch.compiler.reset()
        training.loss = torch.compile(training.model.forward, dynamic=False)
    return training.captured() if graph else training.step


def images_like_digits(device: str) -> torch.Tensor:
    """Bytes `[IMAGES, PIXELS]` with a black border, and black half the time within."""
    generator = torch.Generator().manual_seed(1)
    images = torch.zeros(IMAGES, 28, 28, dtype=torch.uint8)
    body = torch.randint(0, 512, (IMAGES, 20, 20), generator=generator)
    images[:, 4:24, 4:24] = (body - 256).clamp(min=0).to(torch.uint8)
    return images.reshape(IMAGES, PIXELS).to(device)


def labels_of_digits(count: int, device: str) -> torch.Tensor:
    """One-hot rows `[IMAGES, count]`."""
    generator = torch.Generator().manual_seed(2)
    return torch.eye(count)[torch.randint(0, count, (IMAGES,), generator=generator)].to(device)


def without_tf32() -> None:
    """f32 is f32, as in the kernels that this is compared with."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def time_product(size: int, device: str, wait: Step) -> float:
    """Milliseconds of a product of two square matrices: the least of several windows."""
    a, b = (torch.rand(size, size, device=device) for _ in range(2))
    out = torch.empty(size, size, device=device)

    def run(times: int) -> None:
        for _ in range(times):
            torch.matmul(a, b, out=out)
        wait()

    return time_steps(run, 5)["min"] / 1e3


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--model", default="plain", choices=ALL, help="which model [default: plain]")
    parser.add_argument("--variant", help="which variants, separated by commas [default: all]")
    parser.add_argument("--gemm", type=int, metavar="SIZE", help="also time a product of SIZE×SIZE matrices")
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit(f"PyTorch {torch.__version__} finds no CUDA device")
    if args.threads:
        torch.set_num_threads(args.threads)
    without_tf32()
    on_cuda = args.device == "cuda"
    wait = torch.cuda.synchronize if on_cuda else lambda: None
    device = torch.cuda.get_device_name() if on_cuda else f"CPU, {torch.get_num_threads()} threads"
    say(kind="versions", framework="torch", version=torch.__version__, device=device)
    variants = ["eager", "fused", "compile"] + ["graph", "compile-graph"] * on_cuda
    if args.variant:
        variants = args.variant.split(",")
    kind = ALL[args.model]
    data: Data = (images_like_digits(args.device),)
    if kind.labels:
        data += (labels_of_digits(kind.labels, args.device),)
    for name, workload in chosen(args.workload).items():
        for variant in variants:
            named = {"framework": "torch", "variant": variant, "workload": name, "model": args.model}
            try:
                started = time.perf_counter()
                step = step_of(variant, kind, workload, data)
                step()
                wait()
                first = time.perf_counter() - started

                def run(steps: int) -> None:
                    for _ in range(steps):
                        step()
                    wait()

                say(kind="step", **named, step_us=time_steps(run, args.repeats), first_step_s=first)
            except Exception as error:  # A variant that this machine cannot run is a finding too.
                say(kind="missing", **named, reason=f"{type(error).__name__}: {str(error)[:300]}")
    if args.gemm:
        say(kind="gemm", framework="torch", size=args.gemm, ms=time_product(args.gemm, args.device, wait))


if __name__ == "__main__":
    main()
