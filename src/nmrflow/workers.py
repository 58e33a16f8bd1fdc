"""Work shared out among processes; what comes of it does not depend on how many there are.

Small networks gain nothing from a second thread, but much from a second process. Each has one
thread, as has whoever asks for one process, so that sums are rounded alike.
"""

import multiprocessing
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

# A forked child may wait for ever on a lock that one of torch's threads held.
_SPAWN = multiprocessing.get_context("spawn")
_SECONDS = 0.5
"""Between two looks at how far the others are."""

_shares: Any = None
"""In a worker: where it tells how much of each job is done."""


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], n_processes: int
) -> Iterator[Result]:
    """Results of a function, in the items' order.

    Args:
        function: Of one item; it, the items and the results are pickled.
        items: Taken as they are needed, a few ahead.
        n_processes: 1: in this process.
    """
    if n_processes == 1:
        yield from map(function, items)
        return
    with _pool(n_processes, None) as pool:
        waiting = deque[Any]()
        for item in items:
            waiting.append(pool.submit(_work, pickle.dumps(partial(function, item))))
            if len(waiting) > 2 * n_processes:
                yield pickle.loads(waiting.popleft().result())
        for future in waiting:
            yield pickle.loads(future.result())


def run_jobs(
    jobs: Sequence[Callable[..., Result]], n_processes: int, progress: Callable[[float], None]
) -> list[Result]:
    """Results of jobs, in their order.

    Args:
        jobs: Called with ``progress=``, which they tell the share of their own work that is
            done; they and their results are pickled.
        n_processes: 1: one after the other, in this process.
        progress: Told the share of all the work that is done.
    """
    if n_processes == 1:
        n = len(jobs)
        return [j(progress=lambda s, k=k: progress((k + s) / n)) for k, j in enumerate(jobs)]
    shares = _SPAWN.Array("d", len(jobs))
    n_processes = min(n_processes, len(jobs))
    with _pool(n_processes, shares) as pool:
        # As bytes: torch would pass each tensor on as an open file, and there are thousands.
        told = (partial(job, progress=partial(_tell, k)) for k, job in enumerate(jobs))
        futures = [pool.submit(_work, pickle.dumps(job)) for job in told]
        pending = set(futures)
        while pending:
            done, pending = wait(pending, _SECONDS, FIRST_EXCEPTION)
            for future in done:
                future.result()
            progress(sum(shares[:]) / len(jobs))
        return [pickle.loads(future.result()) for future in futures]


@contextmanager
def _pool(n_processes: int, shares: Any) -> Iterator[ProcessPoolExecutor]:  # noqa: ANN401
    """Processes that end with the block; where it fails or is stopped, amid their work."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(n_processes, _SPAWN, _begin, (shares,))
    try:
        yield pool
    except BaseException:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(shares: Any) -> None:  # noqa: ANN401
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A terminal sends it to all; the first minds it.
    global _shares  # only a global outlives the start of a process
    _shares = shares
    torch.set_num_threads(1)


def _work(data: bytes) -> bytes:
    return pickle.dumps(pickle.loads(data)())


def _tell(k: int, share: float) -> None:
    _shares[k] = share
