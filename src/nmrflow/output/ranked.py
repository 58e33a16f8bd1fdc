"""What is written of ranked candidates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nmrflow.answers.candidates import Candidate, in_order_of_smiles
from nmrflow.answers.conditions import described
from nmrflow.answers.elucidation import Elucidation, Ranking
from nmrflow.answers.hits import Search
from nmrflow.answers.sentences import remarks_on, remarks_on_fit, say_all
from nmrflow.chem.notation import inchikey
from nmrflow.formats.molecule_files import MoleculeRow
from nmrflow.output.items import OK, REFUSED, Item, as_texts, carbon_record

CANDIDATE_COLUMNS = (
    "query", "query_name", "rank", "name", "input", "smiles", "inchikey", "formula", "score",
    "log_p", "consistency", "n_matched", "n_peaks", "mean_deviation_ppm", "rmsd_ppm", "n_sampled",
    "probability_among", "contradiction", "remarks", "status", "reason",
)  # fmt: skip
"""Of ``elucidate``, ``rank`` and ``search``; ``probability_among`` stands once, with the last
candidate: that the truth is among this and all before it."""

_TAGGED = (
    "query", "query_name", "name", "score", "log_p", "consistency", "n_sampled",
    "probability_among", "remarks",
)  # fmt: skip


def of_answer(
    number: int,
    name: str,
    answer: Elucidation | Ranking | Search,
    refused: Sequence[MoleculeRow] = (),
    given: Sequence[MoleculeRow] = (),
    notes: Sequence[str] = (),
) -> list[Item]:
    """What was asked, then the candidates in their order, then those that could not be taken.

    In JSON the first has it all.

    Args:
        number: Of the query, from 1.
        name: Of the query.
        answer: The question and its candidates.
        refused: Given candidates without a structure.
        given: The candidates that were given, in their order.
        notes: Further sentences.
    """
    asked = {"query": number, "query_name": name}
    remarks = remarks_on(answer.question)
    chance = None if isinstance(answer, Search) else answer.probability
    found = []
    for k, candidate in enumerate(answer.candidates, start=1):
        own = given[candidate.place] if given and candidate.place is not None else None
        if isinstance(answer, Search):
            smiles, called = candidate.structure.connectivity, answer.names[k - 1]
            own = MoleculeRow(k, "", called, smiles, candidate.structure, None)
        is_last = k == len(answer.candidates)
        probability = chance if is_last else None
        found.append(_of_candidate(asked, k, candidate, own, remarks, probability))
    for molecule in refused:
        told = asked | {
            "name": molecule.name, "input": molecule.text, "status": REFUSED,
            "reason": molecule.reason,
        }  # fmt: skip
        title = " ".join(filter(None, (molecule.name, molecule.text)))
        found.append(Item(told, told, properties=as_texts(told), title=title or "candidate"))
    question = answer.question
    peaks = ", ".join(map(str, question.shifts_ppm))
    formula = f", {question.formula}" if question.formula else ""
    known = described(question.conditions)
    sentences = [*notes, *say_all(answer)]
    numbers: dict[str, Any]
    told_of: tuple[str, ...]
    if isinstance(answer, Ranking):
        numbers = {"none_fits": answer.none_fits}
    elif isinstance(answer, Search):
        told_of = ("n_library", "n_passed", "n_scored")
        numbers = {key: getattr(answer, key) for key in told_of}
    else:
        told_of = ("seed", "n_samples", "n_invalid", "n_distinct")
        numbers = {key: getattr(answer, key) for key in told_of}
        numbers["ruled_out"] = dict(answer.ruled_out)
    whole = Item(
        {},
        asked
        | {
            "peaks_ppm": list(question.shifts_ppm),
            "left_out": [
                {"shift_ppm": line.peak.shift_ppm, "name": line.name} for line in question.left_out
            ],
            "kept": [
                {"shift_ppm": line.peak.shift_ppm, "name": line.name} for line in question.kept
            ],
            "formula": question.formula,
            "conditions": list(known),
            "probability_among": _finite(chance),
            "remarks": sentences,
            "status": OK,
        }
        | numbers
        | {"candidates": [dict(item.record) for item in found]},
        title=f"Spectrum {name or number}",
        facts=[f"Peaks ({len(question.shifts_ppm)}){formula}: {peaks}", *sentences],
    )
    return [whole, *(replace(item, record={}) for item in found)]


def of_refused_query(number: int, name: str, reason: str) -> Item:
    """A query that could not be answered."""
    told = {"query": number, "query_name": name, "status": REFUSED, "reason": reason}
    return Item(told, told, properties=as_texts(told), title=f"Spectrum {name or number}")


def _of_candidate(
    asked: Mapping[str, Any],
    rank: int,
    candidate: Candidate,
    given: MoleculeRow | None,
    remarks: Sequence[str],
    probability: float | None,
) -> Item:
    candidate = candidate if given else in_order_of_smiles(candidate)
    structure, fit = candidate.structure, candidate.fit
    name, text = (given.name, given.text) if given else ("", "")
    told = {
        **asked,
        "rank": rank,
        "name": name,
        "input": text,
        "smiles": structure.connectivity,
        "inchikey": inchikey(structure),
        "formula": structure.formula,
        "score": _finite(candidate.score),
        "log_p": _finite(candidate.log_p),
        "consistency": round(candidate.consistency, 4),
        "n_matched": fit.n_matched,
        "n_peaks": fit.n_peaks,
        "mean_deviation_ppm": round(fit.mean_deviation_ppm, 3),
        "rmsd_ppm": round(fit.rmsd_ppm, 3),
        "n_sampled": candidate.n_sampled,
        "contradiction": fit.contradiction,
        "remarks": " ".join((*remarks, *remarks_on_fit(fit))),
        "status": OK,
    }
    row = told | {"probability_among": _finite(probability)}
    # Tags of Sherlock, an open program for structure elucidation, so that its readers know them.
    sherlock = {
        "Rank": str(rank),
        "RMSD_PPM": f"{fit.rmsd_ppm:.3f}",
        "AVG_DEV_PPM": f"{fit.mean_deviation_ppm:.3f}",
        "HITS": f"{fit.n_matched}/{fit.n_peaks}",
        "SMILES": structure.connectivity,
        "Molecular_Formula": structure.formula,
    }
    numbers = [] if candidate.log_p is None else [f"log p {candidate.log_p:.2f}"]
    numbers.append(f"consistency {candidate.consistency:.2f}")
    if n_drawn := candidate.n_sampled:
        numbers.append("drawn once" if n_drawn == 1 else f"drawn {n_drawn} times")
    shown = text or structure.connectivity
    facts = [shown, f"{structure.formula}, {fit.summary}", ", ".join(numbers)]
    facts += remarks_on_fit(fit)
    if fit.contradiction:
        facts.append(f"Ruled out: {fit.contradiction}.")
    title = f"{rank}. {name}" if name else f"{rank}."
    asked_name = " ".join(filter(None, (str(asked["query_name"]), title)))
    return Item(
        row,
        told | {"carbons": [carbon_record(group) for group in fit.prediction.groups]},
        structure,
        fit.prediction.shifts_ppm,
        sherlock | as_texts({f"NMRFLOW_{key.upper()}": row[key] for key in _TAGGED}),
        fit,
        title,
        facts,
        "\n".join((asked_name, *facts[:2], *remarks, *remarks_on_fit(fit))),
    )


def _finite(number: float | None) -> float | None:
    """JSON knows no infinity."""
    return None if number is None or not math.isfinite(number) else round(number, 4)
