"""Filters are exact: what passes is what plain loops over the molecules let pass."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.answers.fit import find_contradiction
from nmrflow.answers.prediction import CarbonGroup, Prediction
from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError
from nmrflow.formats.counts import parse_elements
from nmrflow.library.build import build
from nmrflow.library.filters import (
    Filters,
    allowed_by_multiplicities,
    parse_kinds,
)
from nmrflow.library.library import Library
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.nucleus import Carbon13
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Count


@pytest.fixture
def library(molecules: Path, named: str, predicting: TrainedFlow, tmp_path: Path) -> Library:
    build([molecules], tmp_path / "lib", model=named)
    return Library(tmp_path / "lib", predicting)


def passing(library: Library, filters: Filters) -> set[str]:
    rows = filters.rows(library)
    assert rows is not None
    return set(library.smiles(rows))


@pytest.mark.parametrize(
    ("filters", "smiles"),
    [
        (Filters(formula="C4H8O2"), {"CCOC(C)=O"}),
        (Filters(mass=46.0419, mass_ppm=10), {"CCO"}),
        (Filters(mass=46.0419, mass_ppm=0), set()),
        (Filters(elements=frozenset("C")), {"Cc1ccccc1", "c1ccccc1", "C1CCCCC1"}),
        (Filters(elements=frozenset({"C", "N"}), mass=45.0578), {"CCN"}),
        (Filters(kinds=parse_kinds("C=O>=1, CH3=2")), {"CC(C)=O", "CCOC(C)=O"}),
        (Filters(kinds=parse_kinds("aromatic CH=5")), {"Cc1ccccc1"}),
    ],
)
def test_what_passes(library: Library, filters: Filters, smiles: set[str]) -> None:
    assert passing(library, filters) == smiles


def test_nothing_told_passes_everything(library: Library) -> None:
    assert Filters().rows(library) is None


@pytest.mark.parametrize("text", ["C,H,O", "C H O", "CHO", "C; H; O"])
def test_elements_as_they_are_typed(text: str) -> None:
    assert parse_elements(text) == {"C", "H", "O"}


@pytest.mark.parametrize("text", ["", "carbon", "C,Xx", "c,h", "C2,H"])
def test_what_is_no_element_is_refused(text: str) -> None:
    with pytest.raises(StructureError):
        parse_elements(text)


def test_kinds_as_they_are_typed() -> None:
    told = parse_kinds("ch3=2, C=O>=1,aromatic CH<=4,C=C=0")
    assert told == (
        Count("CH3", 2, 2),
        Count("C=O", 1, None),
        Count("aromatic CH", 0, 4),
        Count("C=C", 0, 0),
    )


@pytest.mark.parametrize("text", ["", "CH3", "CH9=1", "CH3=two", "CH3=-1"])
def test_what_is_no_kind_is_refused(text: str) -> None:
    with pytest.raises(StructureError, match="kind"):
        parse_kinds(text)


SHAPES = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=5)
PEAKS = st.lists(
    st.builds(
        Peak,
        st.just(20.0),
        st.sampled_from([None, "S", "D", "T", "Q"]),
        st.sampled_from([None, 1, 2]),
    ),
    min_size=1,
    max_size=5,
)


@given(SHAPES, PEAKS)
def test_multiplicities_rule_out_what_a_fit_rules_out(
    shape: list[tuple[int, int]], listed: list[Peak]
) -> None:
    groups, letters, first = [], np.zeros((1, 4), dtype=np.uint8), 0
    for n_hydrogens, n_atoms in shape:
        atoms = tuple(range(first, first + n_atoms))
        groups.append(CarbonGroup(atoms, n_hydrogens, 20.0, 19.0, 21.0))
        letters[0, n_hydrogens] += n_atoms
        first += n_atoms
    prediction = Prediction(Structure.from_smiles("C"), tuple(groups), 0.9)
    peaks = PeakList(tuple(listed))
    is_allowed = bool(allowed_by_multiplicities(letters, peaks, Carbon13())[0])
    assert is_allowed == (find_contradiction(prediction, peaks) is None)
