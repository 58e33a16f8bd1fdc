"""What is written of an answer: a row of a table, an object of JSON, a record, a picture."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nmrflow.answers.candidates import Candidate
from nmrflow.answers.elucidation import Elucidation, Ranking
from nmrflow.answers.fit import Fit
from nmrflow.answers.prediction import CarbonGroup, Prediction
from nmrflow.answers.question import remarks_on
from nmrflow.answers.sentences import say_trust
from nmrflow.chem.notation import inchikey
from nmrflow.chem.structure import Structure
from nmrflow.formats.molecule_files import MoleculeRow

OK, REFUSED = "ok", "refused"
"""What stands under ``status``."""

PREDICTION_COLUMNS = (
    "number", "name", "input", "smiles", "formula", "status", "reason",
    "shifts_ppm", "low_ppm", "high_ppm", "n_hydrogens", "atoms",
)  # fmt: skip
"""Of ``predict``; the last five are lists of one length, a place for each group of equivalent
carbons; atoms are counted from 1 in the order of ``input``, without written hydrogens."""

CANDIDATE_COLUMNS = (
    "query", "query_name", "rank", "name", "smiles", "inchikey", "formula", "score", "log_p",
    "consistency", "n_matched", "n_peaks", "mean_deviation_ppm", "rmsd_ppm", "n_sampled",
    "probability_among", "contradiction", "status", "reason",
)  # fmt: skip
"""Of ``elucidate`` and ``rank``; ``probability_among``: that the truth is among this and all
before it."""

ASSIGNMENT_COLUMNS = (
    "peak", "measured_ppm", "multiplicity", "atoms", "carbon", "predicted_ppm",
    "deviation_ppm", "low_ppm", "high_ppm",
)  # fmt: skip
"""Of ``assign``: a row for each peak and each group of equivalent carbons that it belongs to."""


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
    """

    row: Mapping[str, Any]
    record: Mapping[str, Any]
    structure: Structure | None = None
    shifts_ppm: Sequence[float | None] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    answer: Prediction | Fit | None = None
    title: str = ""
    facts: Sequence[str] = ()

    @property
    def is_refused(self) -> bool:
        """Whether it says why there is no answer."""
        return self.row.get("status") == REFUSED


def of_prediction(molecule: MoleculeRow, prediction: Prediction | None) -> Item:
    """A molecule's prediction, or why there is none."""
    told = {"number": molecule.number, "name": molecule.name, "input": molecule.text}
    if prediction is None:
        told |= {"status": REFUSED, "reason": molecule.reason}
        return Item(
            told,
            told,
            properties=_texts(told),
            title=molecule.name or molecule.text or molecule.where,
        )
    structure, groups = prediction.structure, prediction.groups
    told |= {"smiles": structure.connectivity, "formula": structure.formula, "status": OK}
    columns = {
        "shifts_ppm": [f"{group.shift_ppm:.2f}" for group in groups],
        "low_ppm": [f"{group.low_ppm:.2f}" for group in groups],
        "high_ppm": [f"{group.high_ppm:.2f}" for group in groups],
        "n_hydrogens": [str(group.n_hydrogens) for group in groups],
        "atoms": [_join_atoms(group) for group in groups],
    }
    return Item(
        told | {name: " ".join(values) for name, values in columns.items()},
        told | {"level": prediction.level, "carbons": [_carbon(group) for group in groups]},
        structure,
        prediction.shifts_ppm,
        _texts({key: told[key] for key in ("smiles", "formula", "status")}),
        prediction,
        molecule.name or structure.connectivity,
        (f"{structure.formula}, {structure.connectivity}",),
    )


def of_answer(
    number: int,
    name: str,
    answer: Elucidation | Ranking,
    refused: Sequence[MoleculeRow] = (),
    names: Sequence[str] = (),
) -> list[Item]:
    """What was asked, then the candidates in their order, then those that could not be taken.

    In JSON the first has it all.

    Args:
        number: Of the query, from 1.
        name: Of the query.
        answer: The question and its candidates.
        refused: Given candidates without a structure.
        names: Of the given candidates, in the order in which they were given.
    """
    asked = {"query": number, "query_name": name}
    found = []
    for k, candidate in enumerate(answer.candidates, start=1):
        own = names[candidate.place] if names and candidate.place is not None else ""
        found.append(_of_candidate(asked, k, candidate, own))
    for molecule in refused:
        told = asked | {
            "name": molecule.name, "smiles": molecule.text, "status": REFUSED,
            "reason": molecule.reason,
        }  # fmt: skip
        title = " ".join(filter(None, (molecule.name, molecule.text)))
        found.append(Item(told, told, properties=_texts(told), title=title or "candidate"))
    question, remarks = answer.question, remarks_on(answer.question)
    peaks = ", ".join(map(str, question.shifts_ppm))
    formula = f", {question.formula}" if question.formula else ""
    facts = [
        f"Peaks ({len(question.shifts_ppm)}){formula}: {peaks}",
        *remarks,
        say_trust(answer),
    ]
    whole = Item(
        {},
        asked
        | {
            "peaks_ppm": list(question.shifts_ppm),
            "left_out": [
                {"shift_ppm": line.peak.shift_ppm, "name": line.name} for line in question.left_out
            ],
            "formula": question.formula,
            "probability_among": answer.probability,
            "remarks": [*remarks, say_trust(answer)],
            "status": OK,
        }
        | _numbers_of(answer)
        | {"candidates": [dict(item.record) for item in found]},
        title=f"Spectrum {name or number}",
        facts=facts,
    )
    return [whole, *(replace(item, record={}) for item in found)]


def _numbers_of(answer: Elucidation | Ranking) -> dict[str, Any]:
    if isinstance(answer, Ranking):
        return {"none_fits": answer.none_fits}
    return {
        "seed": answer.seed,
        "n_samples": answer.n_samples,
        "n_invalid": answer.n_invalid,
        "n_distinct": answer.n_distinct,
    }


def of_refused_query(number: int, name: str, reason: str) -> Item:
    """A query that could not be answered."""
    told = {"query": number, "query_name": name, "status": REFUSED, "reason": reason}
    return Item(told, told, properties=_texts(told), title=f"Spectrum {name or number}")


def of_assignment(fit: Fit) -> list[Item]:
    """The structure with its measured shifts, then a row for each peak and its carbons.

    Peaks come from high to low shift, those that belong to no carbon too; they are numbered in
    the order of the list, without solvent and repeats.
    """
    structure = fit.prediction.structure
    measured: list[float | None] = [None] * structure.n_atoms
    for pair in fit.assigned:
        for atom in pair.group.atoms:
            measured[atom] = pair.measured.shift_ppm
    facts = [
        f"{structure.formula}, {structure.connectivity}",
        f"{fit.n_matched} of {fit.n_peaks} peaks matched, mean deviation "
        f"{fit.mean_deviation_ppm:.2f} ppm",
    ]
    if fit.contradiction:
        facts.append(f"Ruled out: {fit.contradiction}.")
    whole = Item({}, {}, structure, measured, answer=fit, title="Assignment", facts=facts)
    by_peak: dict[int, list[CarbonGroup]] = {k: [] for k in range(fit.n_peaks)}
    for pair in fit.assigned:
        by_peak[pair.peak].append(pair.group)
    items = [whole]
    for k in sorted(by_peak, key=lambda k: -fit.peaks.peaks[k].shift_ppm):
        peak = fit.peaks.peaks[k]
        told = {
            "peak": k + 1,
            "measured_ppm": peak.shift_ppm,
            "multiplicity": peak.multiplicity or "",
        }
        if not by_peak[k]:
            items.append(Item(told, told))
        for group in by_peak[k]:
            row = {
                "carbon": group.kind,
                "predicted_ppm": round(group.shift_ppm, 2),
                "deviation_ppm": round(peak.shift_ppm - group.shift_ppm, 2),
                "low_ppm": round(group.low_ppm, 2),
                "high_ppm": round(group.high_ppm, 2),
            }
            atoms = [atom + 1 for atom in group.atoms]
            items.append(
                Item(told | {"atoms": _join_atoms(group)} | row, told | {"atoms": atoms} | row)
            )
    return items


def _of_candidate(asked: Mapping[str, Any], rank: int, candidate: Candidate, name: str) -> Item:
    structure, fit = candidate.structure, candidate.fit
    told = {
        **asked,
        "rank": rank,
        "name": name,
        "smiles": structure.connectivity,
        "inchikey": inchikey(structure),
        "formula": structure.formula,
        "score": _finite(candidate.score),
        "log_p": None if candidate.log_p is None else _finite(candidate.log_p),
        "consistency": round(candidate.consistency, 4),
        "n_matched": fit.n_matched,
        "n_peaks": fit.n_peaks,
        "mean_deviation_ppm": round(fit.mean_deviation_ppm, 3),
        "rmsd_ppm": round(fit.rmsd_ppm, 3),
        "n_sampled": candidate.n_sampled,
        "probability_among": (
            None if candidate.probability is None else round(candidate.probability, 4)
        ),
        "contradiction": fit.contradiction,
        "status": OK,
    }
    # Tags of Sherlock, an open program for structure elucidation, so that its readers know them.
    sherlock = {
        "Rank": str(rank),
        "RMSD_PPM": f"{fit.rmsd_ppm:.3f}",
        "AVG_DEV_PPM": f"{fit.mean_deviation_ppm:.3f}",
        "HITS": f"{fit.n_matched}/{fit.n_peaks}",
        "SMILES": structure.connectivity,
        "Molecular_Formula": structure.formula,
    }
    facts = [
        structure.connectivity,
        f"{structure.formula}, {fit.n_matched} of {fit.n_peaks} peaks matched, mean deviation "
        f"{fit.mean_deviation_ppm:.2f} ppm",
        ", ".join(
            filter(
                None,
                (
                    "" if candidate.log_p is None else f"log p {candidate.log_p:.2f}",
                    f"consistency {candidate.consistency:.2f}",
                    "" if candidate.n_sampled is None else f"drawn {_times(candidate.n_sampled)}",
                ),
            )
        ),
    ]
    if fit.contradiction:
        facts.append(f"Ruled out: {fit.contradiction}.")
    return Item(
        told,
        told | {"carbons": [_carbon(group) for group in fit.prediction.groups]},
        structure,
        fit.prediction.shifts_ppm,
        sherlock
        | _texts(
            {
                f"NMRFLOW_{key.upper()}": told[key]
                for key in (
                    "query",
                    "query_name",
                    "score",
                    "log_p",
                    "consistency",
                    "n_sampled",
                    "probability_among",
                )
            }
        ),
        fit,
        f"{rank}. {name}" if name else f"{rank}.",
        facts,
    )


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _finite(number: float) -> float | None:
    """JSON knows no infinity."""
    return round(number, 4) if math.isfinite(number) else None


def _carbon(group: CarbonGroup) -> dict[str, Any]:
    return {
        "atoms": [atom + 1 for atom in group.atoms],
        "n_hydrogens": group.n_hydrogens,
        "shift_ppm": round(group.shift_ppm, 2),
        "low_ppm": round(group.low_ppm, 2),
        "high_ppm": round(group.high_ppm, 2),
    }


def _join_atoms(group: CarbonGroup) -> str:
    return "+".join(str(atom + 1) for atom in group.atoms)


def _texts(told: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in told.items() if value not in (None, "")}
