"""What a question tells beside the code, as the numbers that a flow takes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nmrflow.chem.codecs.codec import MoleculeCodec
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.totals import UNKNOWN, Totals
from nmrflow.errors import SpectrumError, StructureError
from nmrflow.formats.counts import CARBONS
from nmrflow.spectra.places import places_of
from nmrflow.spectra.question import Question


def facts_of(asked: Sequence[Question], codec: MoleculeCodec, n_facts: int) -> Tensor | None:
    """Facts for :class:`nmrflow.flow.structure.StructureCoupling`, ``(n, n_facts)``.

    Where the codec tells hydrogens: the totals that the formula and the kinds of carbon say, then
    of every peak its place and its atoms' hydrogens. Else what :meth:`Domain.count` says of the
    formula.

    Args:
        asked: Questions.
        codec: Of the molecules.
        n_facts: As many as the flow takes.

    Returns:
        None where nothing is told.

    Raises:
        SpectrumError: If there are more peaks than can be told, or one lies too far off.
        StructureError: If a formula is of no molecule of the domain.
    """
    if isinstance(codec, TableCodec) and codec.tells_hydrogens:
        # Many draws are of one question.
        distinct = {id(one): one for one in asked}
        of_one = {key: _of_question(one, codec, n_facts) for key, one in distinct.items()}
        return torch.tensor([of_one[id(one)] for one in asked])
    if all(one.formula is None for one in asked):
        return None
    unknown = (UNKNOWN,) * n_facts
    domain = codec.domain
    return torch.tensor([unknown if q.formula is None else domain.count(q.formula) for q in asked])


def _totals(question: Question, domain: Domain) -> tuple[int, ...]:
    """What the formula and the conditions say for certain."""
    conditions = question.conditions
    formula = question.formula
    carbons = {count.name: count.exact for count in conditions.carbons}
    by_hydrogens = [carbons.get(name) for name in CARBONS]
    if formula is not None:
        return Totals(domain.elements).known(formula, by_hydrogens)
    may = conditions.elements
    told = {e: 0 for e in domain.elements if may is not None and e not in may}
    told |= {c.name: c.exact for c in conditions.counts if c.exact is not None}
    return Totals(domain.elements).known(told, by_hydrogens)


def _of_question(question: Question, codec: TableCodec, n_facts: int) -> list[int]:
    if question.formula is not None:
        codec.domain.check_formula(question.formula)
    totals = _totals(question, codec.domain)
    n_atoms = sum(n for n in totals[: len(codec.domain.elements)] if n != UNKNOWN)
    if n_atoms > codec.max_atoms:
        raise StructureError(
            f"{f'the formula {question.formula}' if question.formula else 'what is asked for'} "
            f"has {n_atoms} heavy atoms: this network proposes molecules of 2 to {codec.max_atoms}"
        )
    letters = {letter: n for n, letter in enumerate(question.nucleus.multiplicities)}
    told = {
        (int(place), letters.get(peak.multiplicity or "", UNKNOWN)): None
        for peak, place in zip(question.peaks.peaks, places_of(question.shifts_ppm), strict=True)
    }
    most = (n_facts - len(totals)) // 2
    if len(told) > most:
        raise SpectrumError(
            f"{len(told)} different peaks are more than the {most} that this network reads; leave "
            "out noise and other compounds"
        )
    pairs = [number for pair in sorted(told, reverse=True) for number in pair]
    return [*totals, *pairs, *[UNKNOWN] * (n_facts - len(totals) - len(pairs))]
