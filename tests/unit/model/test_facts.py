"""What a question tells as numbers; and a whole network of tables that tell hydrogens."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure
from nmrflow.errors import SpectrumError, StructureError
from nmrflow.model.drawing import log_p_of_drawn
from nmrflow.model.facts import facts_of
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Question

N_FACTS = 8 + 2 * 48


@pytest.fixture(scope="module")
def network(tables_model: dict[str, Any], make_flow: Callable[..., TrainedFlow]) -> TrainedFlow:
    return make_flow(tables_model)


def question(*peaks: tuple[float, str | None], formula: str | None = None) -> Question:
    return Question(PeakList(tuple(Peak(*peak) for peak in peaks)), formula=formula)


def test_formula_and_peaks_are_told_as_numbers(network: TrainedFlow) -> None:
    """Elements C, N, O; hydrogens; no kinds of carbon; then places and hydrogens of peaks."""
    asked = question((18.13, "Q"), (58.0, None), (58.0, "T"), (18.13, "Q"), formula="C2H6O")
    plain = question((58.0, "S"))
    facts = facts_of([asked, plain, asked], network.codec, N_FACTS)
    assert facts is not None
    assert facts.shape == (3, N_FACTS)
    peaks = [45_800, 2, 45_800, -1, 41_813, 3]
    assert facts[0].tolist() == [2, 0, 1, 6, *[-1] * 4, *peaks, *[-1] * (N_FACTS - 14)]
    assert facts[1].tolist() == [*[-1] * 8, 45_800, 0, *[-1] * (N_FACTS - 10)]
    assert torch.equal(facts[2], facts[0])


def test_peaks_in_another_order_are_the_same_facts(network: TrainedFlow) -> None:
    peaks = [(18.1, "Q"), (58.0, "T"), (140.5, None)]
    one, other = (
        facts_of([question(*own)], network.codec, N_FACTS) for own in (peaks, peaks[::-1])
    )
    assert one is not None
    assert other is not None
    assert torch.equal(one, other)


def test_more_peaks_than_are_read_are_refused_with_both_numbers(network: TrainedFlow) -> None:
    many = question(*((k + 0.5, None) for k in range(49)))
    with pytest.raises(SpectrumError, match="49 different peaks are more than the 48"):
        facts_of([many], network.codec, N_FACTS)


def test_a_formula_of_no_molecule_of_the_domain_is_refused(network: TrainedFlow) -> None:
    for formula in ("C2H6S", "C20H42"):
        with pytest.raises(StructureError, match=formula):
            facts_of([question((20.0, None), formula=formula)], network.codec, N_FACTS)


def test_of_tables_without_hydrogens_only_a_formula_is_told() -> None:
    codec = TableCodec(Domain([["C", 0, 4], ["O", 0, 2]], max_atoms=5))
    plain, known = question((20.0, "Q")), question((20.0, "Q"), formula="C2H6O")
    assert facts_of([plain, plain], codec, 3) is None
    facts = facts_of([plain, known], codec, 3)
    assert facts is not None
    assert facts.tolist() == [[-1] * 3, [2, 1, 2]]


ASKED = [
    question((20.0, None), (60.0, None)),
    question((20.0, "Q"), (60.0, "T"), formula="C2H6O"),
    question((128.4, None), formula="C3H7NO2"),
]


def test_what_is_drawn_goes_back_and_has_its_probability(network: TrainedFlow) -> None:
    drawn = network.propose_structures(ASKED, 20, seed=1)
    n_valid = 0
    for asked, proposals in zip(ASKED, drawn, strict=True):
        for proposal in proposals:
            if proposal.structure is None:
                continue
            n_valid += 1
            assert asked.formula in (None, proposal.structure.formula)
        found = [p for p in proposals if p.structure is not None]
        if found:
            told = log_p_of_drawn(network, found, asked)
            truth = network.log_p(
                [p.structure for p in found if p.structure], [asked] * len(found)
            )
            np.testing.assert_allclose(told, truth, rtol=0, atol=1e-6)
    assert n_valid > 3


@given(data=st.data())
@settings(max_examples=15)
def test_log_p_does_not_depend_on_the_numbering(
    network: TrainedFlow,
    molecules_of: Callable[[Domain], st.SearchStrategy[Structure]],
    data: st.DataObject,
) -> None:
    codec = network.codec
    assert isinstance(codec, TableCodec)
    known = molecules_of(network.domain).filter(
        lambda s: codec.refusal(s) is None and "C" in s.elements
    )
    structure = data.draw(known)
    others = [
        structure.permuted(data.draw(st.permutations(range(structure.n_atoms)))) for _ in range(3)
    ]
    log_p = network.log_p([structure, *others], [ASKED[0]] * 4)
    assert np.isfinite(log_p).all()
    assert (np.ptp(log_p)) < 1e-9
