"""What is written of ranked candidates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nmrflow.answers.candidates import Candidate
from nmrflow.answers.elucidation import Elucidation, Ranking
from nmrflow.answers.question import remarks_on
from nmrflow.answers.sentences import say_trust
from nmrflow.chem.notation import inchikey
from nmrflow.formats.molecule_files import MoleculeRow
from nmrflow.output.items import OK, REFUSED, Item, as_texts, carbon_record

CANDIDATE_COLUMNS = (
    "query", "query_name", "rank", "name", "smiles", "inchikey", "formula", "score", "log_p",
    "consistency", "n_matched", "n_peaks", "mean_deviation_ppm", "rmsd_ppm", "n_sampled",
    "probability_among", "contradiction", "status", "reason",
)  # fmt: skip
"""Of ``elucidate`` and ``rank``; ``probability_among``: that the truth is among this and all
before it."""


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
        found.append(Item(told, told, properties=as_texts(told), title=title or "candidate"))
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
    return Item(told, told, properties=as_texts(told), title=f"Spectrum {name or number}")


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
        told | {"carbons": [carbon_record(group) for group in fit.prediction.groups]},
        structure,
        fit.prediction.shifts_ppm,
        sherlock
        | as_texts(
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
