"""What is known beside the spectrum: as typed, as told to a network, as it rules out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nmrflow
from nmrflow.answers.conditions import check_conditions, first_broken, of_question
from nmrflow.chem.structure import Structure
from nmrflow.chem.totals import Totals
from nmrflow.errors import StructureError
from nmrflow.formats.counts import CARBONS, parse_atoms, parse_counts
from nmrflow.model.facts import facts_of
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Conditions, Count, Question

COUNTS = st.builds(
    lambda name, least, more: Count(name, least, None if more is None else least + more),
    st.sampled_from(CARBONS),
    st.integers(0, 20),
    st.none() | st.integers(0, 5),
)


@pytest.fixture(scope="module")
def network(tables_model: dict[str, Any], make_flow: Callable[..., TrainedFlow]) -> TrainedFlow:
    return make_flow(tables_model)


def question(conditions: Conditions, formula: str | None = None) -> Question:
    peaks = PeakList((Peak(20.0, "Q"), Peak(60.0, "T")))
    return Question(peaks, formula=formula, conditions=conditions)


@given(COUNTS)
def test_a_number_reads_as_it_is_written(count: Count) -> None:
    if not count.least and count.most is None:
        assert count.allows(0)
    assert parse_counts(str(count), CARBONS, "--dept") == (count,)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("N=1, O>=2,H = 10-14", (Count("N", 1, 1), Count("O", 2, None), Count("H", 10, 14))),
        ("Cl≤2", (Count("Cl", 0, 2),)),
        ("N>=1, N<=3", (Count("N", 1, 3),)),
    ],
)
def test_atoms_as_they_are_typed(text: str, found: tuple[Count, ...]) -> None:
    assert parse_atoms(text, "--counts") == found


@pytest.mark.parametrize(
    "text", ["", ",", "N", "N1", "Xx=1", "n=1", "N=x", "N>=1-2", "N=3-1", "N=1, N=2", "N=-1", "=1"]
)
def test_what_is_no_number_is_refused_with_its_option(text: str) -> None:
    with pytest.raises(StructureError, match="--counts"):
        parse_atoms(text, "--counts")


@pytest.mark.parametrize(
    ("conditions", "formula", "why"),
    [
        (Conditions(counts=(Count("O", 2, 2),)), "C2H6O", "O = 2, but the formula C2H6O has 1 O"),
        (Conditions(elements=frozenset("C")), "C2H6O", "C2H6O has O"),
        (Conditions(carbons=(Count("CH3", 3, 3),)), "C2H6O", "3 carbons"),
        (Conditions(carbons=(Count("CH3", 2, None),)), "C2H2O", "6 hydrogens"),
        (Conditions(carbons=(Count("CH3", 0, 0),)), None, "the peaks tell 1 CH3"),
        (Conditions(elements=frozenset("C"), counts=(Count("O", 1, None),)), None, "O >= 1"),
        (Conditions(counts=(Count("S", 1, 1),)), None, "S = 1: this network knows"),
        (Conditions(elements=frozenset({"Na"})), None, "of Na alone"),
        (Conditions(substructures=("C1CC",)), None, "'C1CC' is no pattern"),
    ],
)
def test_what_no_molecule_meets_is_refused_in_words(
    network: TrainedFlow, conditions: Conditions, formula: str | None, why: str
) -> None:
    with pytest.raises(StructureError, match=why.replace("(", r"\(")):
        check_conditions(question(conditions, formula), network.domain)


@given(st.data())
def test_what_is_true_of_a_molecule_rules_it_out_never_and_its_opposite_always(
    network: TrainedFlow,
    molecules_of: Callable[..., st.SearchStrategy[Structure]],
    data: st.DataObject,
) -> None:
    structure = data.draw(molecules_of(network.domain))
    totals = Totals(network.domain.elements)
    numbers = dict(zip((*totals.elements, "H", *CARBONS), totals.of(structure), strict=True))
    if structure.elements.count("C") != sum(numbers[name] for name in CARBONS):
        return  # Methane and its like.
    true = Conditions(
        frozenset(structure.elements),
        tuple(Count(e, numbers[e], numbers[e]) for e in (*totals.elements[1:], "H")),
        tuple(Count(name, max(0, numbers[name] - 1), None) for name in CARBONS),
        (structure.connectivity,),
        ("[Na]",),
    )
    assert first_broken(true)(structure) is None
    wrong = data.draw(
        st.sampled_from(
            [
                replace(true, counts=(Count("H", numbers["H"] + 1, None),)),
                replace(true, carbons=(Count("CH2", numbers["CH2"] + 1, None),)),
                replace(true, substructures=("[Na]",)),
                replace(true, not_substructures=(structure.connectivity,)),
                replace(true, elements=frozenset({"Na"})),
            ]
        )
    )
    assert first_broken(wrong)(structure) is not None
    drawn = [Proposal(s, None, np.zeros(1), None) for s in (structure, structure)]
    asked = Question(PeakList((Peak(20.0),)), conditions=wrong)
    left = of_question([*drawn, Proposal(None, "broken", np.zeros(1), None)], asked)
    has_carbon = "C" in structure.elements
    assert (left.proposals, left.n_invalid) == ([], 1 if has_carbon else 3)
    assert left.ruled_out.total() == (2 if has_carbon else 0)


def test_exact_numbers_are_told_to_the_network_and_the_rest_is_not(network: TrainedFlow) -> None:
    """Elements C, N, O; hydrogens; C, CH, CH2 and CH3."""
    conditions = Conditions(
        frozenset({"C", "O"}),
        (Count("O", 1, 1), Count("H", 2, 6)),
        (Count("CH2", 1, 1), Count("CH", 0, 1)),
    )
    told = facts_of([question(conditions)], network.codec, 8 + 2 * 48)
    assert told is not None
    assert told[0, :8].tolist() == [-1, 0, 1, -1, -1, -1, 1, -1]
    known = facts_of([question(conditions, "C2H6O")], network.codec, 8 + 2 * 48)
    assert known is not None
    assert known[0, :8].tolist() == [2, 0, 1, 6, -1, -1, 1, -1]


@pytest.mark.parametrize("n_samples", [None, 40])
def test_what_is_shown_is_as_it_must_be_and_what_is_not_is_counted(
    network: TrainedFlow, n_samples: int | None
) -> None:
    conditions = Conditions(
        counts=(Count("N", 0, 1),), carbons=(Count("CH3", 1, 1),), not_substructures=("[OX2H]",)
    )
    found = nmrflow.elucidate(
        network, "20.0, 60.0", conditions=conditions, n_samples=n_samples, n_shown=1000
    )
    broken = first_broken(conditions)
    assert not any(broken(c.structure) for c in found.candidates)
    n_shown = sum(c.n_sampled or 0 for c in found.candidates)
    assert n_shown + found.n_invalid + found.ruled_out.total() == found.n_samples
    assert found.ruled_out.keys() <= {"N <= 1", "carbons CH3 = 1", "does not hold [OX2H]"}
