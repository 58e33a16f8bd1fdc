"""How often the truth is among what is found, by ways that read as many prefixes.

    python benchmarks/recall.py CHECKPOINT DATA [--n 100] [--width 200]

Of a network whose codec tells hydrogens, on the validation side of its split: draws from the
prior, tempered draws (z times a factor), draws without replacement, and a beam, each with as many
evaluations of the network as nearly as whole draws allow. A prefix that several draws share is
read, and counted, once.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from nmrflow.console import progress
from nmrflow.data.records import Record
from nmrflow.errors import errors_for_people
from nmrflow.evaluation.backward import KNOWN, choose, question_knowing
from nmrflow.flow.latent import Latent
from nmrflow.flow.search import search
from nmrflow.flow.structure import StructureCoupling
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow
from nmrflow.numerics import Draws, generator_for

TEMPERATURES = (1.0, 0.8, 1.15)


@contextmanager
def counted(node: StructureCoupling) -> Iterator[list[int]]:
    """Counts the prefixes that the network reads within it."""
    step, total = node.conditional.step, [0]

    def counting(memory: object, state: object) -> Tensor:
        total[0] += len(state.column)  # type: ignore[attr-defined]
        return step(memory, state)  # type: ignore[arg-type]

    node.conditional.step = counting  # type: ignore[method-assign, assignment]
    try:
        yield total
    finally:
        node.conditional.step = step  # type: ignore[method-assign]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("data")
    parser.add_argument("--n", type=int, default=100, help="spectra")
    parser.add_argument("--width", type=int, default=200, help="of the beam")
    given = parser.parse_args()
    with errors_for_people():
        trained = load(given.checkpoint)
        sides = trained.split.divide(trained.source_at(given.data).read().records)
        records = choose(trained, sides.validation, given.n, 0)
        print(json.dumps(measure(trained, records, given.width), indent=1))


@torch.no_grad()
def measure(trained: TrainedFlow, records: list[Record], width: int) -> dict[str, object]:
    """Shares of records whose molecule is found, and prefixes read for each, by way."""
    node = trained.flow.likely
    assert isinstance(node, StructureCoupling)
    truths = [torch.from_numpy(trained.codec.encode(r.structure)).long() for r in records]
    found: dict[str, object] = {"n": len(records), "width": width}
    for known in KNOWN:
        asked = [trained.asked(question_knowing(record, known)) for record in records]

        def by_beam(k: int, generator: torch.Generator | None = None) -> Tensor:
            code, told = asked[k]  # noqa: B023 - called within the loop
            facts = node.unknown_condition(1) if told is None else told["facts"]
            return node.grammar.to_cells(search(node, code[0], facts[0], width, generator).tokens)

        def without_repeats(k: int) -> Tensor:
            return by_beam(k, generator_for(0, "gumbel", k))

        ways: dict[str, Callable[[int], Tensor]] = {
            "beam": by_beam,
            "draws without replacement": without_repeats,
        }
        budget = None
        for name, way in ways.items():
            row, budget = _shares(node, way, truths, budget)
            found[f"{name}{known.suffix}"] = row
        for factor in TEMPERATURES:
            row = _drawn(trained, node, asked, truths, factor, budget or 0)
            found[f"draws, z x {factor:g}{known.suffix}"] = row
    return found


def _shares(
    node: StructureCoupling,
    way: Callable[[int], Tensor],
    truths: list[Tensor],
    budget: float | None,
) -> tuple[dict[str, float], float]:
    hits = []
    with counted(node) as total:
        for k, truth in enumerate(progress(truths, len(truths), "looking")):
            hits.append(bool((way(k) == truth).all(1).any()))
    own = total[0] / len(truths)
    return {"found": float(np.mean(hits)), "prefixes": round(own)}, budget or own


def _drawn(
    trained: TrainedFlow,
    node: StructureCoupling,
    asked: list[tuple[Tensor, dict[str, Tensor] | None]],
    truths: list[Tensor],
    factor: float,
    budget: float,
) -> dict[str, float]:
    """Draws, until as many prefixes are read for a spectrum as a beam reads on average."""
    hits, n_draws, n = [], 0, 100
    with counted(node) as total:
        for k, ((code, told), truth) in enumerate(
            zip(progress(asked, len(asked), "drawing"), truths, strict=True)
        ):
            start, part, hit = total[0], 0, False
            while total[0] - start < budget:
                z = factor * trained.flow.sample_z(Draws(generator_for(part, "recall", k), n))
                y = torch.where(code, 1.0, -1.0).to(z.dtype).expand(n, -1)
                conditions = told and {name: t.expand(n, -1) for name, t in told.items()}
                with trained.flow.given_query():
                    x, _ = trained.flow.from_latent(Latent(z, y), conditions)
                cells = (x[:, : len(truth)] + 0.5).floor().long()
                hit |= bool((cells == truth).all(1).any())
                part += 1
            hits.append(hit)
            n_draws += part * n
    return {
        "found": float(np.mean(hits)),
        "prefixes": round(total[0] / len(truths)),
        "draws": round(n_draws / len(truths)),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
