"""``nmrflow elucidate``, ``nmrflow rank`` and ``nmrflow assign``."""

from collections.abc import Sequence

from nmrflow.answers.assignment import assign_question
from nmrflow.answers.elucidation import elucidate, rank
from nmrflow.answers.fit import Fit
from nmrflow.answers.given import check_row
from nmrflow.answers.networks import DEFAULT, OF_HYDROCARBONS
from nmrflow.answers.sentences import remarks_on, remarks_on_fit
from nmrflow.commands.answering import Answer, Asking, answer_all
from nmrflow.commands.predicting import read_all
from nmrflow.commands.settings import Settings
from nmrflow.console import say, show_table
from nmrflow.errors import DataError, SpectrumError, StructureError
from nmrflow.formats.spectrum_files import read_spectra
from nmrflow.formats.spectrum_sdf import SpectrumRow
from nmrflow.limits import MAX_SAMPLES_WITH_HYDROGENS
from nmrflow.output.headings import heading_of
from nmrflow.output.items import Item, of_assignment
from nmrflow.output.ranked import of_answer
from nmrflow.spectra.question import Question


def run_elucidate(
    asking: Asking, settings: Settings, *, n_shown: int, n_samples: int | None, seed: int
) -> None:
    """Propose structures for every spectrum of a source.

    Raises:
        NmrflowError: If the source, its only spectrum, or the formula is refused.
    """
    model = settings.load([asking.source])
    if (n_samples or 0) > MAX_SAMPLES_WITH_HYDROGENS and model.codec.tells_hydrogens:
        raise SpectrumError(
            f"--samples {n_samples}: of this network {MAX_SAMPLES_WITH_HYDROGENS:,} at most, "
            "about a minute; without --samples a beam finds more"
        )
    if asking.formula is not None and settings.model == OF_HYDROCARBONS:
        model.domain.check_formula(asking.formula)
        settings.tell(
            f"A formula of C and H alone: asked of the network {OF_HYDROCARBONS}; --model "
            f"{DEFAULT} asks the other."
        )
    about = {"seed": seed, "n_samples": n_samples}
    heading = heading_of("elucidate", settings.model, model, about)

    def answer(row: SpectrumRow, question: Question) -> tuple[Answer, list[Item]]:
        found = elucidate(model, question, n_samples=n_samples, seed=seed, n_shown=n_shown)
        return found, of_answer(row.number, row.name, found)

    answer_all(asking, settings, heading, model, answer)


def run_rank(
    asking: Asking, candidates: Sequence[str], settings: Settings, smiles_column: str | None
) -> None:
    """Order given candidates for every spectrum of a source.

    Raises:
        NmrflowError: If the source, its only spectrum, the formula, or all candidates are refused.
    """
    model = settings.load([asking.source, *candidates])
    rows = [check_row(model, row) for row in read_all(candidates, smiles_column)]
    taken = [row for row in rows if row.structure is not None]
    refused = [row for row in rows if row.structure is None]
    kept = [row for row in refused if settings.keeps(row.where, str(row.reason))]
    if not taken:
        reasons = "; ".join(f"{row.where}: {row.reason}" for row in rows[:3])
        raise DataError(f"no candidate can be taken ({reasons or 'none were given'})")
    notes = [f"Left out of the order: {row.where}: {row.reason}." for row in refused]
    notes += [f"{row.where}: {row.remark}." for row in taken if row.remark]
    say(notes)
    heading = heading_of("rank", settings.model, model)
    structures = [row.structure for row in taken if row.structure is not None]

    def answer(row: SpectrumRow, question: Question) -> tuple[Answer, list[Item]]:
        found = rank(model, question, structures)
        return found, of_answer(row.number, row.name, found, kept, taken, notes)

    answer_all(asking, settings, heading, model, answer, [row.name for row in taken])


def run_assign(asking: Asking, molecule: str, settings: Settings) -> None:
    """Match the peaks of a spectrum to a structure's carbons.

    Raises:
        NmrflowError: If there is not one spectrum and one structure, or one is refused.
    """
    model = settings.load([asking.source, molecule])
    spectra = list(read_spectra(asking.source, model.axis))
    molecules = [check_row(model, row) for row in read_all([molecule], None)]
    if len(spectra) != 1 or len(molecules) != 1:
        raise DataError(
            f"assign takes one spectrum and one structure, here are {len(spectra)} and "
            f"{len(molecules)}"
        )
    structure = molecules[0].structure
    if structure is None:
        raise StructureError(f"{molecules[0].where}: {molecules[0].reason}")
    asked = asking.ask(spectra[0], model.axis, model.domain)
    question, found = assign_question(model, asked, structure)
    own = [f"{molecules[0].where}: {molecules[0].remark}."] if molecules[0].remark else []
    remarks = (*own, *remarks_on(question), *remarks_on_fit(found))
    about = {
        "query_name": spectra[0].name,
        "name": molecules[0].name,
        "input": molecules[0].text,
        "smiles": structure.connectivity,
        "formula": structure.formula,
        "n_matched": found.n_matched,
        "n_peaks": found.n_peaks,
        "mean_deviation_ppm": round(found.mean_deviation_ppm, 3),
        "contradiction": found.contradiction,
        "remarks": remarks,
    }
    heading = heading_of("assign", settings.model, model, about)
    items = of_assignment(found, question, molecules[0], spectra[0].name)
    say(remarks)
    # The text that was typed, in whose order the atoms are numbered.
    shown = molecules[0].shown or structure.connectivity
    _show(found, items, f"{shown} ({structure.formula})")
    with settings.writing(heading) as add:
        for item in items:
            add(item)


def _show(found: Fit, items: Sequence[Item], title: str) -> None:
    rows = []
    for row in (item.row for item in items if "peak" in item.row):
        cells = ["", "", "", "", "none"]
        if "atoms" in row:
            cells = [
                f"{row['predicted_ppm']:.2f}",
                f"{row['deviation_ppm']:+.2f}",
                f"{row['low_ppm']:.1f} to {row['high_ppm']:.1f}",
                row["carbon"],
                row["atoms"].replace("+", " "),
            ]
        rows.append([f"{row['measured_ppm']:.2f}", *cells])
    names = ("measured", "predicted", "deviation", "interval", "carbon", "atoms")
    show_table(title, names, rows, n_left=2)
    say(found.summary)
    if found.contradiction:
        say(f"The multiplicities rule this structure out: {found.contradiction}.")
