"""Going through the spectra of a source, an answer for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from nmrflow.answers.elucidation import Elucidation, Ranking
from nmrflow.answers.hits import Search
from nmrflow.answers.question import ask
from nmrflow.answers.sentences import say_all
from nmrflow.chem.domain import Domain
from nmrflow.commands.settings import Settings
from nmrflow.console import progress, say, show_table
from nmrflow.errors import NmrflowError, SpectrumError
from nmrflow.formats.spectrum_files import read_spectra
from nmrflow.formats.spectrum_sdf import SpectrumRow
from nmrflow.model.trained import TrainedFlow
from nmrflow.output.headings import CANDIDATES_EXPLAINED
from nmrflow.output.items import Item
from nmrflow.output.ranked import of_refused_query
from nmrflow.output.writers import Heading
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.question import NOTHING_KNOWN, Conditions, Question

Answer = Elucidation | Ranking | Search


@dataclass(frozen=True)
class Asking:
    """How peak lists become questions.

    Args:
        source: A peak list, or a file.
        formula: Of the molecule, where it is known.
        keeps_solvent: Whether lines of solvent and reference are taken for the compound's.
        conditions: What else is known of the molecule.
    """

    source: str
    formula: str | None
    keeps_solvent: bool
    conditions: Conditions = NOTHING_KNOWN

    def ask(self, row: SpectrumRow, axis: ShiftAxis, domain: Domain) -> Question:
        """The question that one spectrum is.

        Raises:
            NmrflowError: If the spectrum could not be read, or the formula is none.
        """
        if row.peaks is None:
            raise SpectrumError(str(row.reason))
        return ask(
            row.peaks,
            axis,
            formula=self.formula,
            domain=domain,
            keeps_solvent=self.keeps_solvent,
            conditions=self.conditions,
        )


def answer_all(
    asking: Asking,
    settings: Settings,
    heading: Heading,
    model: TrainedFlow,
    answer: Callable[[SpectrumRow, Question], tuple[Answer, list[Item]]],
    names: Sequence[str] = (),
) -> None:
    """Answer every spectrum of a source, on screen and in files.

    Args:
        asking: The source.
        settings: Files to write among them.
        heading: Of those.
        model: The network.
        answer: To one spectrum, and what is written of it.
        names: Of the candidates that were given, in their order.

    Raises:
        NmrflowError: If the source cannot be read, one refused spectrum ends all, or none at all
            could be answered; files are written all the same.
    """
    axis, domain = model.axis, model.domain
    if asking.formula is not None:
        domain.check_formula(asking.formula)
    rows = read_spectra(asking.source, axis)
    first = list(islice(rows, 2))
    is_batch = len(first) > 1
    n_refused = n_answered = 0
    refusal = f"{asking.source}: holds no spectrum"
    with settings.writing(heading) as add:
        for row in progress(chain(first, rows), None if is_batch else 1, "answering"):
            try:
                found, items = answer(row, asking.ask(row, axis, domain))
                if not found.candidates:
                    raise SpectrumError(" ".join(say_all(found)))
            except NmrflowError as error:
                n_refused += 1
                # Of a line that is named, the line where its spectrum begins says nothing more.
                names_line = str(error).startswith("line ")
                place = row.where.rpartition(":")[0] if names_line else ""
                refusal = f"{place or row.where}: {error}"
                is_kept = settings.keeps(row.where, str(error))
                if is_batch:
                    say(f"spectrum {row.name or row.number}: {refusal}")
                items = [of_refused_query(row.number, row.name, str(error))] if is_kept else []
            else:
                n_answered += 1
                _show(row, found, names)
            for item in items:
                add(item)
        if n_refused and settings.on_error == "skip":
            add(Item({}, {}, note=f"{n_refused} spectra were refused and left out."))
    if n_answered:
        settings.tell(CANDIDATES_EXPLAINED)
    else:
        none = f"{asking.source}: none of {n_refused} spectra could be answered"
        raise SpectrumError(none if is_batch else refusal)


def _show(row: SpectrumRow, answer: Answer, names: Sequence[str]) -> None:
    """The candidates as a table, the remarks, and how far to trust them."""
    *remarks, trust = say_all(answer)
    say(remarks)
    rows = []
    own = answer.candidates
    called = (
        answer.names if isinstance(answer, Search) else [names[c.place or 0] for c in own if names]
    )
    for k, one in enumerate(own, start=1):
        ruled_out = f"  (ruled out: {one.contradiction})" if one.contradiction else ""
        cells = {
            "rank": str(k),
            "score": f"{one.score:.2f}",
            "log p": "" if one.log_p is None else f"{one.log_p:.2f}",
            "matched": f"{one.fit.n_matched}/{one.fit.n_peaks}",
            "mean dev.": f"{one.fit.mean_deviation_ppm:.2f}",
            **({"drawn": str(one.n_sampled)} if isinstance(answer, Elucidation) else {}),
            "formula": one.structure.formula,
            **({"name": called[k - 1]} if any(called) else {}),
            "SMILES": one.structure.connectivity + ruled_out,
        }
        rows.append(cells)
    show_table(
        f"Spectrum {row.name or row.number}",
        list(rows[0]),
        [list(cells.values()) for cells in rows],
        n_left=3 if any(called) else 2,
    )
    say(trust)
