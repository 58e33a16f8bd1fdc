"""What is known of a molecule beside its spectrum, held against structures."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nmrflow.chem.domain import Domain
from nmrflow.chem.formula import parse_formula
from nmrflow.chem.structure import Structure
from nmrflow.chem.substructure import holds
from nmrflow.errors import StructureError
from nmrflow.formats.counts import CARBONS
from nmrflow.model.results import Proposal
from nmrflow.spectra.question import Conditions, Count, Question

_Rule = tuple[str, Callable[[Structure], bool]]


class OfQuestion(NamedTuple):
    """Which of some proposals a question lets stand.

    Args:
        proposals: Molecules that have a spectrum, of the formula and the conditions.
        n_invalid: No molecules, none of the formula, or without a spectrum.
        ruled_out: How many others each condition rules out; one is counted once.
    """

    proposals: list[Proposal]
    n_invalid: int
    ruled_out: Counter[str]


def of_question(drawn: Sequence[Proposal], question: Question) -> OfQuestion:
    """The proposals that a question lets stand; told a formula, a network may miss it, rarely."""
    element, formula = question.nucleus.element, question.formula
    broken = first_broken(question.conditions)
    kept: list[Proposal] = []
    ruled_out = Counter[str]()
    n_valid = 0
    for proposal in drawn:
        structure = proposal.structure
        if structure is None or element not in structure.elements:
            continue
        if formula not in (None, structure.formula):
            continue
        n_valid += 1
        if reason := broken(structure):
            ruled_out[reason] += 1
        else:
            kept.append(proposal)
    return OfQuestion(kept, len(drawn) - n_valid, ruled_out)


def first_broken(conditions: Conditions) -> Callable[[Structure], str | None]:
    """Says of a structure which condition rules it out, in words, or None.

    Raises:
        StructureError: If a substructure is none.
    """
    rules = _rules(conditions)

    def broken(structure: Structure) -> str | None:
        return next((words for words, is_met in rules if not is_met(structure)), None)

    return broken


def described(conditions: Conditions) -> tuple[str, ...]:
    """The conditions in words."""
    return tuple(words for words, _ in _rules(conditions))


def check_conditions(question: Question, domain: Domain | None) -> None:
    """Refuse conditions that no molecule meets.

    Args:
        question: With its formula, if it has one.
        domain: Of the network that is asked; None: any.

    Raises:
        StructureError: Which says what stands against what.
    """
    conditions = question.conditions
    _rules(conditions)
    may = conditions.elements
    for count in conditions.counts:
        if domain is not None and count.least and count.name not in (*domain.elements, "H"):
            raise StructureError(
                f"{count}: this network knows molecules of {', '.join(domain.elements)} and H"
            )
        if may is not None and count.least and count.name not in (*may, "H"):
            raise StructureError(
                f"{count} is asked for, but not among the elements that it may have"
            )
    if domain is not None and may is not None and not may & set(domain.elements):
        known = ", ".join(domain.elements)
        raise StructureError(f"of {', '.join(sorted(may))} alone: this network knows {known}")
    if question.formula is not None:
        _check_formula(question.formula, conditions)
    _check_carbons(question)


def _check_formula(formula: str, conditions: Conditions) -> None:
    counts = parse_formula(formula)
    for count in conditions.counts:
        if not count.allows(n := counts.get(count.name, 0)):
            raise StructureError(f"{count}, but the formula {formula} has {n} {count.name}")
    if conditions.elements is not None:
        others = sorted(counts.keys() - conditions.elements - {"H"})
        if others:
            raise StructureError(
                f"the formula {formula} has {', '.join(others)}, which is not among the elements "
                "that it may have"
            )
    least = sum(count.least for count in conditions.carbons)
    if least > counts.get("C", 0):
        raise StructureError(f"{least} carbons by their hydrogens are more than {formula} has")
    hydrogens = sum(count.least * CARBONS.index(count.name) for count in conditions.carbons)
    if hydrogens > counts.get("H", 0):
        raise StructureError(
            f"the carbons have {hydrogens} hydrogens, more than the formula {formula}"
        )


def _check_carbons(question: Question) -> None:
    """Peaks with a multiplicity that are more than the carbons that could have them."""
    letters = question.nucleus.multiplicities
    for count in question.conditions.carbons:
        letter = letters[CARBONS.index(count.name)]
        told = sum(p.n_carbons or 1 for p in question.peaks.peaks if p.multiplicity == letter)
        if count.most is not None and told > count.most:
            raise StructureError(f"{count}, but the peaks tell {told} {count.name}")


def _rules(conditions: Conditions) -> list[_Rule]:
    rules: list[_Rule] = []
    if (may := conditions.elements) is not None:
        alone = f"of {', '.join(sorted({*may, 'H'}))} alone"
        rules.append((alone, lambda structure: set(structure.elements) <= may | {"H"}))
    rules += [(str(count), _counted(count, _atoms)) for count in conditions.counts]
    rules += [(f"carbons {count}", _counted(count, _carbons)) for count in conditions.carbons]
    for pattern in conditions.substructures:
        rules.append((f"holds {pattern}", _holding(pattern, is_wanted=True)))
    for pattern in conditions.not_substructures:
        rules.append((f"does not hold {pattern}", _holding(pattern, is_wanted=False)))
    return rules


def _counted(count: Count, number: Callable[[Structure, str], int]) -> Callable[[Structure], bool]:
    return lambda structure: count.allows(number(structure, count.name))


def _atoms(structure: Structure, element: str) -> int:
    own = sum(structure.n_hydrogens) if element == "H" else 0
    return own + structure.elements.count(element)


def _carbons(structure: Structure, name: str) -> int:
    atoms = zip(structure.elements, structure.n_hydrogens, strict=True)
    return sum(e == "C" and n == CARBONS.index(name) for e, n in atoms)


def _holding(pattern: str, *, is_wanted: bool) -> Callable[[Structure], bool]:
    is_held = holds(pattern)
    return lambda structure: is_held(structure.connectivity) == is_wanted
