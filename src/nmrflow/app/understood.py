"""How what was typed is understood, before anything is computed of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nmrflow.answers.question import ask
from nmrflow.answers.sentences import remarks_on
from nmrflow.chem.domain import Domain
from nmrflow.chem.formula import plain_formula
from nmrflow.errors import DataError, NmrflowError, SpectrumError
from nmrflow.formats.counts import parse_conditions
from nmrflow.formats.molecule_files import MoleculeRow
from nmrflow.formats.pasted import read_pasted_molecules, read_pasted_spectra
from nmrflow.formats.spectrum_sdf import SpectrumRow
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.question import Conditions, Question

AS_TOLD = "as the list says"
"""In place of a solvent's name."""

MAX_SPECTRA, MAX_MOLECULES = 20, 200
"""That the page answers at once; the commands answer any number."""

_OPTIONS = {
    "; --keep-solvent keeps them": "; tick “Keep lines of solvent” to keep them",
    "; --keep-solvent keeps it": "; tick “Keep lines of solvent” to keep it",
    "say --keep-solvent (in Python: nmrflow.answers.question.ask, keeps_solvent=True)": (
        "tick “Keep lines of solvent”"
    ),
    " (--formula)": "",
    " (--samples)": "",
    "--model": "Network",
    "--elements": "Elements",
    "--counts": "Atoms",
    "--dept": "Kinds of carbon",
    "--substructure": "Holds",
    "--without": "Does not hold",
    "--kinds": "Kinds of carbon",
}


@dataclass(frozen=True)
class Typed:
    """A spectrum as it was typed, and what else is known of its molecule.

    Args:
        text: In any form that is read.
        solvent: The solvent's name, or :data:`AS_TOLD`.
        keeps_solvent: Whether lines of solvent and reference are taken for the compound's.
        formula: Of the molecule; may be empty.
        known: What else is: texts as of :func:`nmrflow.formats.counts.parse_conditions`, of
            elements, counts, carbons by their hydrogens, a pattern that it holds, one that it
            does not.
    """

    text: str
    solvent: str = AS_TOLD
    keeps_solvent: bool = False
    formula: str = ""
    known: tuple[str, ...] = ()

    @property
    def conditions(self) -> Conditions:
        """What else is known; raises as :func:`nmrflow.formats.counts.parse_conditions`."""
        given = [text.strip() for text in (*self.known, *[""] * 5)]
        elements, counts, dept, held, without = given[:5]
        return parse_conditions(
            elements or None,
            counts or None,
            dept or None,
            [held] if held else [],
            [without] if without else [],
        )

    def rows(self, axis: ShiftAxis = ShiftAxis()) -> list[SpectrumRow]:
        """The spectra, each with the solvent that was chosen.

        Raises:
            DataError: If there is none, or there are more than the page answers.
        """
        rows = read_pasted_spectra(self.text, axis)
        if not rows:
            raise DataError("no spectrum is in this text")
        if len(rows) > MAX_SPECTRA:
            raise DataError(
                f"{len(rows)} spectra are in this text; the page answers up to {MAX_SPECTRA} at "
                "once, the commands (nmrflow --help) any number"
            )
        if self.solvent in ("", AS_TOLD):
            return rows
        return [
            row
            if row.peaks is None
            else replace(
                row,
                peaks=replace(row.peaks, metadata={**row.peaks.metadata, "solvent": self.solvent}),
            )
            for row in rows
        ]

    def ask(
        self, row: SpectrumRow, axis: ShiftAxis = ShiftAxis(), domain: Domain | None = None
    ) -> Question:
        """The question that one of the spectra is.

        Raises:
            NmrflowError: If the spectrum could not be read, or the formula is none.
        """
        if row.peaks is None:
            raise SpectrumError(str(row.reason))
        formula = self.formula.strip() or None
        return ask(
            row.peaks,
            axis,
            formula=formula,
            domain=domain,
            keeps_solvent=self.keeps_solvent,
            conditions=self.conditions,
        )


def molecules_of(text: str) -> list[MoleculeRow]:
    """The molecules of a text.

    Raises:
        DataError: If there is none, or there are more than the page answers.
    """
    rows = read_pasted_molecules(text)
    if not rows:
        raise DataError("no molecule is in this text")
    if len(rows) > MAX_MOLECULES:
        raise DataError(
            f"{len(rows):,} molecules are in this text; the page answers up to {MAX_MOLECULES} at "
            "once, the commands (nmrflow --help) any number"
        )
    return rows


@dataclass(frozen=True)
class Said:
    """How one text was understood.

    Args:
        heading: What it was taken for.
        lines: More of it.
        is_refused: Whether it could not be taken.
    """

    heading: str
    lines: Sequence[str] = ()
    is_refused: bool = False


def say_spectra(typed: Typed) -> list[Said]:
    """How a text of peaks is understood; nothing of an empty one."""
    if not typed.text.strip():
        return []
    try:
        rows = typed.rows()
    except NmrflowError as error:
        return [Said(for_page(str(error)), is_refused=True)]
    found = []
    for row in rows:
        name = f"{row.name}: " if row.name else ""
        try:
            question = typed.ask(row)
        except NmrflowError as error:
            found.append(Said(for_page(f"{name}{error}"), is_refused=True))
            continue
        peaks = question.peaks.peaks
        nucleus = question.nucleus
        listed = []
        for peak in peaks:
            kind = nucleus.groups.get(peak.multiplicity or "", "")
            count = f"{peak.n_carbons} {nucleus.noun}s" if (peak.n_carbons or 1) > 1 else ""
            notes = ", ".join(filter(None, (kind, count)))
            listed.append(f"{peak.shift_ppm:g}" + (f" ({notes})" if notes else ""))
        names = {"title": "title: {}", "solvent": "solvent: {}", "frequency_mhz": "at {} MHz"}
        metadata = question.peaks.metadata
        told = [form.format(metadata[key]) for key, form in names.items() if key in metadata]
        told = ["; ".join(told)] if told else []
        n = len(peaks)
        heading = f"{name}{n} {'peak' if n == 1 else 'peaks'}: {', '.join(listed)}"
        lines = [for_page(line) for line in remarks_on(question)]
        if any(peak.atoms for peak in peaks):
            lines.append("Peaks are assigned to atoms.")
        if row.structure is not None:
            lines.append(f"A structure comes with it: {row.structure.connectivity}.")
        found.append(Said(heading, [*told, *lines]))
    return found


def say_molecules(text: str) -> list[Said]:
    """How a text of molecules is understood; nothing of an empty one."""
    if not text.strip():
        return []
    try:
        rows = molecules_of(text)
    except NmrflowError as error:
        return [Said(str(error), is_refused=True)]
    found = []
    for row in rows:
        name = row.shown or row.where
        if row.structure is None:
            found.append(Said(f"{name}: {row.reason}", is_refused=True))
        else:
            remark = [row.remark] if row.remark else []
            found.append(Said(f"{name}: {row.structure.formula}", remark))
    return found


def say_formula(formula: str) -> list[Said]:
    """How a formula is understood."""
    if not formula.strip():
        return []
    try:
        return [Said(f"formula {plain_formula(formula.strip())}")]
    except NmrflowError as error:
        return [Said(str(error), is_refused=True)]


def for_page(sentence: str) -> str:
    """A sentence that names the page's fields where it names options of the commands."""
    for option, field in _OPTIONS.items():
        sentence = sentence.replace(option, field)
    return sentence
