"""The page's tasks as plain functions: from what was typed to an answer, as the commands give."""

from collections.abc import Sequence
from dataclasses import dataclass

from nmrflow.answers.check import Verdict, check
from nmrflow.answers.comparison import Compared, compare
from nmrflow.answers.elucidation import rank
from nmrflow.answers.given import assignment_of, check_row
from nmrflow.answers.prediction import LEVEL, predict
from nmrflow.answers.search import search
from nmrflow.answers.sentences import remarks_on, remarks_on_fit, say_check
from nmrflow.app.networks import Networks
from nmrflow.app.understood import Typed, for_page, molecules_of
from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError, NmrflowError, StructureError
from nmrflow.formats.counts import parse_elements
from nmrflow.formats.molecule_files import MoleculeRow, parse_row
from nmrflow.library.filters import Filters, parse_kinds
from nmrflow.model.trained import TrainedFlow
from nmrflow.output.headings import heading_of
from nmrflow.output.items import Item, of_check, of_prediction
from nmrflow.output.ranked import of_answer, of_refused_query
from nmrflow.output.writers import Heading
from nmrflow.spectra.peaks import PeakList


@dataclass(frozen=True)
class Answered:
    """What is shown of an answer, and written of it.

    Args:
        heading: Of its files.
        items: In their order.
        verdict: On the first spectrum's structure, with its sentence.
        compared: Two spectra beside each other, which no file holds.
    """

    heading: Heading | None
    items: Sequence[Item] = ()
    verdict: tuple[Verdict, str] | None = None
    compared: Compared | None = None


def predict_text(networks: Networks, text: str, model_name: str) -> Answered:
    """Shifts of the molecules of a text.

    Raises:
        NmrflowError: If it holds no molecule, or none that the network knows.
    """
    rows = molecules_of(text)
    with networks.using(model_name) as model:
        rows = [check_row(model, row) for row in rows]
        _some_taken(rows)
        found = iter(predict(model, [row.structure for row in rows if row.structure]))
        items = [of_prediction(row, next(found) if row.structure else None) for row in rows]
        return Answered(heading_of("predict", model_name, model, {"level": LEVEL}), items)


def rank_text(networks: Networks, typed: Typed, candidates: str, model_name: str) -> Answered:
    """Candidates in order, for every spectrum of a text.

    Raises:
        NmrflowError: If there is no spectrum or no candidate, or none can be taken.
    """
    given = molecules_of(candidates)
    with networks.using(model_name) as model:
        spectra = typed.rows(model.axis)
        rows = [check_row(model, row) for row in given]
        _some_taken(rows)
        taken = [row for row in rows if row.structure is not None]
        refused = [row for row in rows if row.structure is None]
        notes = [f"Left out of the order: {row.where}: {row.reason}." for row in refused]
        notes += [f"{row.where}: {row.remark}." for row in taken if row.remark]
        structures = [row.structure for row in taken if row.structure is not None]
        items: list[Item] = []
        for row in spectra:
            try:
                found = rank(model, typed.ask(row, model.axis, model.domain), structures)
                items += of_answer(row.number, row.name, found, refused, taken, notes)
            except NmrflowError as error:
                items.append(_refused(spectra, row.number, row.name, error))
        return Answered(heading_of("rank", model_name, model), items)


def check_text(networks: Networks, typed: Typed, structure: str, model_name: str) -> Answered:
    """Which peak belongs to which carbon of a structure, and whether they fit.

    Args:
        networks: That answer.
        typed: Spectra; an SDF's tell structures and assignments.
        structure: Empty where the spectra have their own.
        model_name: Of the network.

    Raises:
        NmrflowError: If a spectrum or the structure is refused, or there is none.
    """
    with networks.using(model_name) as model:
        given = _one_molecule(model, structure) if structure.strip() else None
        items: list[Item] = []
        verdict = None
        for row in typed.rows(model.axis):
            own = given
            if own is None and row.structure is not None:
                own = MoleculeRow(
                    row.number,
                    row.where,
                    row.name,
                    row.structure.connectivity,
                    row.structure,
                    None,
                )
            if own is None or own.structure is None:
                raise DataError("give a structure: none comes with the peaks")
            question = typed.ask(row, model.axis, model.domain)
            told, notes = assignment_of(row, own.structure)
            found = check(model, question, own.structure, told)
            remark = (f"{own.remark}.",) if own.remark else ()
            remarks = (*remark, *notes, *remarks_on(found.question), *remarks_on_fit(found.fit))
            items += of_check(found, own, row.name, remarks)
            verdict = verdict or (found.verdict, say_check(found)[-1])
        return Answered(heading_of("check", model_name, model), items, verdict)


def search_text(
    networks: Networks,
    typed: Typed,
    library: str,
    wanted: "Wanted",
    model_name: str,
) -> Answered:
    """What of a library the spectra of a text could be of.

    Raises:
        NmrflowError: If the library, all spectra, or a filter is refused.
    """
    filters = wanted.filters()
    with networks.using(model_name) as model:
        opened = networks.library(library, model_name, model)
        spectra = typed.rows(model.axis)
        items: list[Item] = []
        for row in spectra:
            try:
                question = typed.ask(row, model.axis, model.domain)
                found = search(model, opened, question, filters, n_shown=wanted.n_shown)
                items += of_answer(row.number, row.name, found)
            except NmrflowError as error:
                items.append(_refused(spectra, row.number, row.name, error))
        about = {"library": library, "n_library": opened.n}
        return Answered(heading_of("search", model_name, model, about), items)


@dataclass(frozen=True)
class Wanted:
    """What a hit of a library must be, as it was typed; empty texts say nothing.

    Args:
        mass: Monoisotopic, in u; None or 0: any.
        ppm: By how much it may differ.
        elements: As C,H,N,O.
        kinds: As CH3=2, C=O>=1.
        substructure: As SMARTS or SMILES.
        n_shown: Hits to show.
    """

    mass: float | None = None
    ppm: float = 10.0
    elements: str = ""
    kinds: str = ""
    substructure: str = ""
    n_shown: int = 10

    def filters(self) -> Filters:
        """The same, read.

        Raises:
            NmrflowError: If one cannot be.
        """
        return Filters(
            None,
            self.mass or None,
            self.ppm,
            parse_elements(self.elements) if self.elements.strip() else None,
            parse_kinds(self.kinds) if self.kinds.strip() else (),
            self.substructure.strip() or None,
        )


def compare_texts(networks: Networks, one: str, other: str, model_name: str) -> Answered:
    """How alike two spectra are, each measured, or predicted of a structure.

    Raises:
        NmrflowError: If one of them is refused, or holds several.
    """
    with networks.using(model_name) as model:
        given: list[PeakList | Structure] = []
        for name, text in (("first", one), ("second", other)):
            structure = None
            if "\n" not in text.strip() and text.strip():
                structure = parse_row(1, text).structure
            if structure is None:
                rows = Typed(text).rows(model.axis)
                if len(rows) != 1:
                    raise DataError(
                        f"the {name} holds {len(rows)} spectra, one is compared at a time"
                    )
                if rows[0].peaks is None:
                    raise DataError(
                        f"the {name} is no structure, and no spectrum: {rows[0].reason}"
                    )
                given.append(rows[0].peaks)
            else:
                given.append(structure)
        return Answered(None, compared=compare(model, given[0], given[1]))


def _some_taken(rows: Sequence[MoleculeRow]) -> None:
    if all(row.structure is None for row in rows):
        reasons = "; ".join(f"{row.text or row.where}: {row.reason}" for row in rows[:3])
        raise StructureError(f"no molecule can be taken ({reasons})")


def _one_molecule(model: TrainedFlow, text: str) -> MoleculeRow:
    rows = [check_row(model, row) for row in molecules_of(text)]
    if len(rows) != 1:
        raise DataError(f"one structure is checked at a time, here are {len(rows)}")
    if rows[0].structure is None:
        raise StructureError(str(rows[0].reason))
    return rows[0]


def _refused(spectra: Sequence[object], number: int, name: str, error: NmrflowError) -> Item:
    """A row for one refused spectrum of several.

    Raises:
        NmrflowError: The error, where the spectrum is the only one.
    """
    if len(spectra) == 1:
        raise error
    return of_refused_query(number, name, for_page(str(error)))
