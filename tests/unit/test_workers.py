"""Work shared out among processes."""

import multiprocessing
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice

import pytest
import torch

from nmrflow import workers
from nmrflow.errors import TrainingError
from nmrflow.workers import map_in_order, run_jobs


def total(seed: int) -> torch.Tensor:
    """A sum whose last digits depend on how many threads form it."""
    return torch.randn(300_000, generator=torch.Generator().manual_seed(seed)).sum()


def job(seed: int, progress: Callable[[float], None]) -> torch.Tensor:
    progress(0.5)
    progress(1.0)
    return total(seed)


def refuse(progress: Callable[[float], None]) -> torch.Tensor:  # noqa: ARG001
    raise TrainingError("the loss is nan")


@pytest.mark.parametrize("n_processes", [1, 2])
def test_results_come_in_order_from_items_that_never_end(n_processes: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for k in count():
            taken.append(k)
            yield k

    found = list(islice(map_in_order(total, items(), n_processes), 9))
    assert found == [total(k) for k in range(9)]
    assert len(taken) < 20


@pytest.fixture
def _forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that need not import anything; those of the first test do."""
    monkeypatch.setattr(workers, "_SPAWN", multiprocessing.get_context("fork"))


@pytest.mark.usefixtures("_forked")
@pytest.mark.parametrize("n_processes", [1, 2])
def test_jobs_say_how_far_they_are(n_processes: int) -> None:
    told: list[float] = []
    found = run_jobs([partial(job, k) for k in range(5)], n_processes, told.append)
    assert found == [total(k) for k in range(5)]
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.usefixtures("_forked")
@pytest.mark.parametrize("n_processes", [1, 2])
def test_what_a_job_raises_is_raised(n_processes: int) -> None:
    with pytest.raises(TrainingError, match="the loss is nan"):
        run_jobs([refuse, partial(job, 1)], n_processes, [].append)
