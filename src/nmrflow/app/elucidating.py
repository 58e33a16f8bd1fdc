"""Elucidation as a task that shows what it has found so far, and can be stopped."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from nmrflow.answers.elucidation import Elucidation, elucidate
from nmrflow.answers.networks import OF_HYDROCARBONS, network_for
from nmrflow.app.networks import BACKWARD, Networks
from nmrflow.app.tasks import Answered
from nmrflow.app.understood import Typed, for_page
from nmrflow.errors import NmrflowError
from nmrflow.formats.spectrum_sdf import SpectrumRow
from nmrflow.model.drawing import WHOLE, Pace
from nmrflow.model.trained import TrainedFlow
from nmrflow.output.headings import heading_of
from nmrflow.output.items import Item
from nmrflow.output.ranked import of_answer, of_refused_query

AUTOMATIC = "automatic"
"""In place of a network's name: as the command chooses."""

_FIRST = 16
"""Width of the beam, or draws, that show something soon."""

_TICK_S = 0.25


@dataclass(frozen=True)
class Elucidating:
    """What is asked.

    Args:
        typed: The spectra.
        model_name: Of the network, or :data:`AUTOMATIC`.
        n_shown: Candidates to show.
        n_samples: Draws; None: as the network does best.
        seed: Of the draws.
    """

    typed: Typed
    model_name: str = AUTOMATIC
    n_shown: int = 10
    n_samples: int | None = None
    seed: int = 0

    def network(self) -> str:
        """The network's name.

        Raises:
            StructureError: If the formula is none.
        """
        if self.model_name != AUTOMATIC:
            return self.model_name
        return network_for(self.typed.formula.strip() or None)


@dataclass(frozen=True)
class Step:
    """Where the work stands.

    Args:
        sentence: In words.
        answered: What there is, or None.
        is_last: Whether nothing follows.
    """

    sentence: str
    answered: Answered | None = None
    is_last: bool = False


def elucidate_text(
    networks: Networks, asked: Elucidating, stop: threading.Event
) -> Iterator[Step]:
    """Propose structures for the spectra of a text, step by step.

    Each step tells all that is there. What a stopped search has found is shown without a
    probability, which is calibrated for whole ones. Whoever leaves off iterating stops the work.

    Args:
        networks: That answer.
        asked: The question.
        stop: Set by whoever wants no more.

    Raises:
        NmrflowError: If the text or the only spectrum is refused.
    """
    name = asked.network()
    told: queue.SimpleQueue[Step | Exception] = queue.SimpleQueue()
    yield Step(
        f"Another question is being answered by {name}; yours is next."
        if networks.is_busy(name, BACKWARD)
        else f"Looking for structures (network {name}) …"
    )
    worker = threading.Thread(
        target=_work, args=(networks, asked, name, stop, told.put), daemon=True
    )
    worker.start()
    try:
        while True:
            try:
                step = told.get(timeout=_TICK_S)
            except queue.Empty:
                continue
            if isinstance(step, Exception):
                raise step
            if step.is_last:
                worker.join()  # It has left the network to others once all is said.
                yield step
                return
            yield step
    finally:
        stop.set()


def _work(
    networks: Networks,
    asked: Elucidating,
    name: str,
    stop: threading.Event,
    tell: Callable[[Step | Exception], None],
) -> None:
    try:
        with networks.using(name, BACKWARD) as model:
            _answer_all(model, asked, name, stop, tell)
    except Exception as error:  # raised again where the steps are taken
        tell(error)


def _answer_all(
    model: TrainedFlow,
    asked: Elucidating,
    name: str,
    stop: threading.Event,
    tell: Callable[[Step | Exception], None],
) -> None:
    typed = asked.typed
    about = {"seed": asked.seed, "n_samples": asked.n_samples}
    heading = heading_of("elucidate", name, model, about)
    spectra = typed.rows(model.axis)
    done: list[Item] = []
    chosen = "" if asked.model_name != AUTOMATIC or name != OF_HYDROCARBONS else (
        f" A formula of C and H alone: asked of the network {name}."
    )  # fmt: skip
    for k, row in enumerate(spectra, start=1):
        of = f" of spectrum {k} of {len(spectra)}" if len(spectra) > 1 else ""
        try:
            found: Elucidation | None = None
            for width, n in ((_FIRST, min(asked.n_samples or _FIRST, _FIRST)), (None, None)):
                found = _search(model, asked, row, stop, width, n, found)
                if width is not None and found.candidates and not stop.is_set():
                    now = Answered(heading, [*done, *of_answer(row.number, row.name, found)])
                    tell(Step(f"First candidates{of}; looking further …{chosen}", now))
                if stop.is_set():
                    break
            assert found is not None
            done += of_answer(row.number, row.name, found)
        except NmrflowError as error:
            if len(spectra) == 1:
                raise
            done.append(of_refused_query(row.number, row.name, for_page(str(error))))
        if stop.is_set():
            tell(Step(f"Stopped{of}: what had been found.", Answered(heading, done), is_last=True))
            return
    tell(Step(f"Done.{chosen}", Answered(heading, done), is_last=True))


def _search(  # noqa: PLR0913 - of one call
    model: TrainedFlow,
    asked: Elucidating,
    row: SpectrumRow,
    stop: threading.Event,
    width: int | None,
    n_samples: int | None,
    before: Elucidation | None,
) -> Elucidation:
    """One search; of a stopped one what it has found, or what was found before if that is more."""
    draws = not model.codec.tells_hydrogens or asked.n_samples is not None
    found = elucidate(
        model,
        asked.typed.ask(row, model.axis, model.domain),
        n_samples=(n_samples or asked.n_samples) if draws else None,
        seed=asked.seed,
        n_shown=asked.n_shown,
        pace=Pace(width or WHOLE.width, stop.is_set),
    )
    if width is None and not stop.is_set():
        return found
    if before is not None and len(before.candidates) >= len(found.candidates):
        return before
    why = "the search has not ended"
    rows = tuple(replace(one, probability=None) for one in found.candidates)
    return replace(found, candidates=rows, outside=why)
