"""How long a step of the backward side's training takes, and how much of it is the host's.

    python benchmarks/backward_step.py RUN DATA [--batch 192 2048] [--steps 10] [--device cpu]

Of a run that has its tables of molecules. Drawing a batch is the host's: rows are gathered from
integer tables; the questions are drawn, and the network is trained, on the device.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import torch

from nmrflow.data.peak_table import joined, read_table
from nmrflow.data.question_draw import PeakRows, QuestionDraw
from nmrflow.errors import errors_for_people
from nmrflow.model.pretrained import load
from nmrflow.training.optimizer import MuonAdamW, Trapeze
from nmrflow.training.stages.backward import BackwardModule, structure_node
from nmrflow.training.stages.base import ensemble_of
from nmrflow.training.stages.molecules import measured_table, table_files

SHARE_MEASURED = 0.4
MINUTES = 10


def measure(
    run: Path, data: str, batch_size: int, n_steps: int, device: str
) -> dict[str, float | int | str]:
    """Milliseconds of a step and of drawing its batch, and what they make in ten minutes."""
    trained = load(str(run))
    network = trained.network
    grammar = structure_node(network).grammar
    train = trained.split.divide(trained.source_at(data).read().records).train
    tables = joined([read_table(f) for f in table_files(run / "stages" / "molecules")])
    features = ensemble_of(network).features
    rows = PeakRows(tables, measured_table(train, network.codec, grammar, features))  # type: ignore[arg-type]
    module = BackwardModule(network, QuestionDraw(), partial(MuonAdamW), Trapeze(), 0)
    module.train().to(device)
    optimizer = MuonAdamW(module.flow.parameters())
    generator = torch.Generator().manual_seed(0)
    n_real = round(SHARE_MEASURED * batch_size)
    n_made = rows.n_molecules * rows.n_draws
    host = whole = 0.0
    module._trainer = None
    for step in range(n_steps + 2):
        start = time.perf_counter()
        made = torch.randint(n_made, (batch_size - n_real,), generator=generator)
        real = torch.randint(rows.n_measured, (n_real,), generator=generator) + n_made
        batch = rows.__getitems__([*made.tolist(), *real.tolist()])
        drawn = time.perf_counter()
        on_device = type(batch)(*(part.to(device) for part in batch))
        loss = module.training_step(on_device, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize()
        if step >= 2:
            host += drawn - start
            whole += time.perf_counter() - start
    each = whole / n_steps
    return {
        "device": device,
        "batch": batch_size,
        "step_ms": round(1e3 * each, 2),
        "host_share": round(host / whole, 4),
        "molecules_per_second": round(batch_size / each, 1),
        "molecules_in_ten_minutes": round(60 * MINUTES * batch_size / each),
    }


def main() -> None:
    """Print a line for each size of a batch."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("data")
    parser.add_argument("--batch", type=int, nargs="+", default=[192, 2048])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    with errors_for_people():
        for size in given.batch:
            found = measure(given.run, given.data, size, given.steps, given.device)
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
