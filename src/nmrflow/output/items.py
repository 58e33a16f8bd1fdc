"""What is written of an answer: a row of a table, an object of JSON, a record, a picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nmrflow.answers.check import Check
from nmrflow.answers.fit import Fit
from nmrflow.answers.prediction import CarbonGroup, Prediction
from nmrflow.answers.sentences import remarks_on, remarks_on_fit, say_check
from nmrflow.chem.structure import Structure
from nmrflow.formats.molecule_files import MoleculeRow
from nmrflow.spectra.question import Question

OK, REFUSED = "ok", "refused"
"""What stands under ``status``."""

PREDICTION_COLUMNS = (
    "number", "name", "input", "smiles", "formula", "status", "reason",
    "shifts_ppm", "low_ppm", "high_ppm", "n_hydrogens", "atoms",
)  # fmt: skip
"""Of ``predict``; the last five are lists of one length, a place for each group of equivalent
carbons; atoms are counted from 1 in the order of ``input``, without written hydrogens."""

ASSIGNMENT_COLUMNS = (
    "query_name", "name", "input", "smiles", "peak", "measured_ppm", "multiplicity", "atoms",
    "carbon", "predicted_ppm", "deviation_ppm", "low_ppm", "high_ppm", "remarks",
)  # fmt: skip
"""Of ``assign``: a row for each peak and each group of equivalent carbons that it belongs to, and
one for each line that was left out; atoms as of ``predict``."""


CHECK_COLUMNS = (
    *ASSIGNMENT_COLUMNS[:-1], "verdict", "better_ppm", "verdict_of_structure", "probability",
    "remarks",
)  # fmt: skip
"""Of ``check``: as of ``assign``; ``better_ppm`` is a peak of the list that fits better."""


@dataclass(frozen=True)
class Item:
    """One answer, or one refusal, in all forms that files need.

    Args:
        row: Of a table, by column; what is missing is left empty.
        record: An object of JSON.
        structure: Goes into an SDF; None: a record without atoms.
        shifts_ppm: Of each atom of the structure, its spectrum in the SDF.
        properties: Further ones of the SDF record.
        answer: What a picture shows; None: no picture.
        title: Over the picture.
        facts: Beneath it, a line each.
        caption: In a picture that is a file of its own: its title, then what stands beneath.
        note: Of an item that is no answer: what is said of all of them.
    """

    row: Mapping[str, Any]
    record: Mapping[str, Any]
    structure: Structure | None = None
    shifts_ppm: Sequence[float | None] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    answer: Prediction | Fit | Check | None = None
    title: str = ""
    facts: Sequence[str] = ()
    caption: str = ""
    note: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether it says why there is no answer."""
        return self.row.get("status") == REFUSED


def of_prediction(molecule: MoleculeRow, prediction: Prediction | None) -> Item:
    """A molecule's prediction, or why there is none."""
    told = {"number": molecule.number, "name": molecule.name, "input": molecule.text}
    if prediction is None:
        told |= {"status": REFUSED, "reason": molecule.reason}
        title = molecule.name or molecule.text or molecule.where
        return Item(told, told, properties=as_texts(told), title=title)
    structure, groups = prediction.structure, prediction.groups
    title = molecule.name or molecule.text or structure.connectivity
    fact = f"{structure.formula}, {molecule.text or structure.connectivity}"
    told |= {"smiles": structure.connectivity, "formula": structure.formula, "status": OK}
    told |= {"reason": molecule.remark} if molecule.remark else {}
    columns = {
        "shifts_ppm": [f"{group.shift_ppm:.2f}" for group in groups],
        "low_ppm": [f"{group.low_ppm:.2f}" for group in groups],
        "high_ppm": [f"{group.high_ppm:.2f}" for group in groups],
        "n_hydrogens": [str(group.n_hydrogens) for group in groups],
        "atoms": [_join_atoms(group) for group in groups],
    }
    return Item(
        told | {name: " ".join(values) for name, values in columns.items()},
        told | {"level": prediction.level, "carbons": [carbon_record(group) for group in groups]},
        structure,
        prediction.shifts_ppm,
        as_texts({key: told.get(key) for key in ("smiles", "formula", "status", "reason")}),
        prediction,
        title,
        (fact,),
        f"{title}\n{fact}",
    )


def of_assignment(
    fit: Fit,
    question: Question | None = None,
    molecule: MoleculeRow | None = None,
    query_name: str = "",
) -> list[Item]:
    """The structure with its measured shifts, then a row for each peak and its carbons.

    Peaks come from high to low shift, those that belong to no carbon too; they are numbered in
    the order of the list, without solvent and repeats. What was left out comes last.

    Args:
        fit: The assignment.
        question: What was asked.
        molecule: How the structure was given: its text has the atoms in the order of the numbers.
        query_name: Of the spectrum.
    """
    structure = fit.prediction.structure
    measured: list[float | None] = [None] * structure.n_atoms
    for pair in fit.assigned:
        for atom in pair.group.atoms:
            measured[atom] = pair.measured.shift_ppm
    name, text = ("", "") if molecule is None else (molecule.name, molecule.text)
    remarks = [*(remarks_on(question) if question else ()), *remarks_on_fit(fit)]
    facts = [f"{structure.formula}, {text or structure.connectivity}", fit.summary, *remarks]
    if fit.contradiction:
        facts.append(f"Ruled out: {fit.contradiction}.")
    asked = {
        "query_name": query_name, "name": name, "input": text, "smiles": structure.connectivity
    }  # fmt: skip
    told_of_all = {key.upper(): value for key, value in asked.items() if key != "smiles"}
    properties = as_texts(
        {f"NMRFLOW_{key}": value for key, value in told_of_all.items()}
        | {"NMRFLOW_REMARKS": " ".join(remarks)}
    )
    title = " of ".join(filter(None, ("Assignment", query_name)))
    title = ": ".join(filter(None, (title, name)))
    caption = "\n".join((title, *facts[:2], *remarks))
    whole = Item({}, {}, structure, measured, properties, fit, title, facts, caption)
    return [whole, *(Item(asked | row, asked | record) for row, record in _rows(fit, question))]


def of_check(
    found: Check, molecule: MoleculeRow, query_name: str, remarks: Sequence[str]
) -> list[Item]:
    """As :func:`of_assignment`, with what is to be thought of each carbon and of the whole."""
    whole, *rows = of_assignment(found.fit, found.question, molecule, query_name)
    verdicts = {one.assigned.group.atoms: one for one in found.carbons}
    sentences = [*remarks, *say_check(found)]
    about = {"verdict_of_structure": str(found.verdict), "probability": found.probability}
    told: list[dict[str, Any]] = []
    for item in rows:
        one = verdicts.get(tuple(atom - 1 for atom in item.record.get("atoms", ())))
        told.append(dict(about))
        if one is not None:
            told[-1] |= {"verdict": str(one.verdict), "better_ppm": one.better}
    facts = [whole.facts[0], *sentences]
    asked = {"query_name": query_name, "name": molecule.name, "input": molecule.text}
    record: dict[str, Any] = asked | about | {"remarks": sentences}
    record["carbons"] = [dict(item.record) | own for item, own in zip(rows, told, strict=True)]
    return [
        replace(
            whole,
            record=record,
            answer=found,
            facts=facts,
            caption="\n".join([whole.title, *sentences]),
        ),
        *(Item(dict(item.row) | own, {}) for item, own in zip(rows, told, strict=True)),
    ]


def _rows(fit: Fit, question: Question | None) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Of the table and of JSON."""
    by_peak: dict[int, list[CarbonGroup]] = {k: [] for k in range(fit.n_peaks)}
    for pair in fit.assigned:
        by_peak[pair.peak].append(pair.group)
    for k in sorted(by_peak, key=lambda k: -fit.peaks.peaks[k].shift_ppm):
        peak = fit.peaks.peaks[k]
        letter = peak.multiplicity or ""
        told = {"peak": k + 1, "measured_ppm": peak.shift_ppm, "multiplicity": letter}
        if peak in fit.unexplained:
            told["remarks"] = f"no {fit.prediction.nucleus.noun} explains it"
        if not by_peak[k]:
            yield told, told
        for group in by_peak[k]:
            row = {
                "carbon": group.kind,
                "predicted_ppm": round(group.shift_ppm, 2),
                "deviation_ppm": round(peak.shift_ppm - group.shift_ppm, 2),
                "low_ppm": round(group.low_ppm, 2),
                "high_ppm": round(group.high_ppm, 2),
            }
            shown, record = _join_atoms(group), [atom + 1 for atom in group.atoms]
            yield told | {"atoms": shown} | row, told | {"atoms": record} | row
    for line in question.left_out if question else ():
        told = {"measured_ppm": line.peak.shift_ppm, "remarks": f"left out: {line.name}"}
        yield told, told


def carbon_record(group: CarbonGroup) -> dict[str, Any]:
    """A group of equivalent atoms in JSON; atoms are counted from 1."""
    return {
        "atoms": [atom + 1 for atom in group.atoms],
        "n_hydrogens": group.n_hydrogens,
        "shift_ppm": round(group.shift_ppm, 2),
        "low_ppm": round(group.low_ppm, 2),
        "high_ppm": round(group.high_ppm, 2),
    }


def _join_atoms(group: CarbonGroup) -> str:
    return "+".join(str(atom + 1) for atom in group.atoms)


def as_texts(told: Mapping[str, Any]) -> dict[str, str]:
    """What is told, without what is empty, as properties of an SDF record."""
    return {key: str(value) for key, value in told.items() if value not in (None, "")}
