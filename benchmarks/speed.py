"""Speed and memory of the published network: training step, forward, inverse.

Each number of threads is measured in a process of its own, because torch's threads and the
peak of resident memory both belong to a process.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import torch
from torch.utils.benchmark import Timer

from nmrflow.files.writing import write_text
from nmrflow.flow import AdditiveCoupling, ConvSubnet, Flow, IRevNet
from nmrflow.flow.latent import Latent
from nmrflow.losses import (
    DensityLoss,
    FlowOutputs,
    LogitSizeLoss,
    Objective,
    PublishedSpectrumLoss,
    RangeLoss,
    SparsityLoss,
    Term,
)
from nmrflow.numerics import Draws, generator_for

TRAINING_BATCH = 32
INFERENCE_BATCH = 256
DENSITY = 0.03
"""Share of set cells in the random tensors and codes that are timed; values do not matter."""


def measure(n_threads: int, seconds: float) -> dict[str, float | int]:
    """Molecules per second and peak memory of this process, with so many threads."""
    torch.set_num_threads(n_threads)
    generator = generator_for(0, "benchmark")
    coupling = partial(AdditiveCoupling, subnet=ConvSubnet)
    nodes = IRevNet((2, 2, 4, 6, 8), coupling)
    flow = Flow(nodes=nodes, cell_shape=(4, 16, 16), n_bins=128)
    objective = Objective(
        spectrum=Term(PublishedSpectrumLoss(), 1.0, "y"),
        logit_size=Term(LogitSizeLoss(), 1e-3, "y"),
        range=Term(RangeLoss(), 8e-5, "x"),
        sparsity=Term(SparsityLoss(), 5e-4, "x"),
        density=Term(DensityLoss(), 5e-2, "x"),
    )
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3, fused=True)
    x = (torch.rand(INFERENCE_BATCH, *flow.in_shape, generator=generator) < DENSITY).float()
    code = (torch.rand(TRAINING_BATCH, flow.n_bins, generator=generator) < DENSITY).float()

    def train() -> None:
        batch = x[:TRAINING_BATCH]
        latent, log_det = flow.to_latent(batch)
        z = flow.sample_z(Draws(generator, TRAINING_BATCH))
        outputs = FlowOutputs(
            batch, code, latent, log_det, lambda: flow.from_latent(Latent(z, latent.y))[0]
        )
        optimizer.zero_grad()
        objective(outputs, epoch=1).total.backward()
        optimizer.step()

    with torch.no_grad():
        latent, _ = flow.to_latent(x)

    def per_second(statement: str, n_molecules: int) -> float:
        names = {"train": train, "flow": flow, "x": x, "latent": latent, "torch": torch}
        timer = Timer(statement, globals=names, num_threads=n_threads)
        return round(n_molecules / timer.blocked_autorange(min_run_time=seconds).median, 1)

    no_grad = "with torch.no_grad():\n    "
    return {
        "threads": n_threads,
        "training_molecules_per_s": per_second("train()", TRAINING_BATCH),
        "forward_molecules_per_s": per_second(f"{no_grad}flow.to_latent(x)", INFERENCE_BATCH),
        "inverse_molecules_per_s": per_second(
            f"{no_grad}flow.from_latent(latent)", INFERENCE_BATCH
        ),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Print a table; write it as JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=5.0, help="per figure, at least")
    parser.add_argument("--output", type=Path, help="where to write the results as JSON")
    parser.add_argument("--in-this-process", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.in_this_process:
        print(json.dumps(measure(arguments.threads[0], arguments.seconds)))
        return
    rows = []
    for n_threads in arguments.threads:
        command = [sys.executable, __file__, "--in-this-process", "--threads", str(n_threads)]
        command += ["--seconds", str(arguments.seconds)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout))
        print("  ".join(f"{key}={value}" for key, value in rows[-1].items()), flush=True)
    if arguments.output:
        machine = {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "torch": torch.__version__,
        }
        write_text(arguments.output, json.dumps({**machine, "results": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
