"""Shifts of a structure, equivalent carbons together."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.answers.prediction import LEVEL, gather, predict
from nmrflow.chem.structure import Structure
from nmrflow.errors import SpectrumError, StructureError
from nmrflow.model.results import PredictedShifts
from nmrflow.model.trained import TrainedFlow

TOLUENE_PPM = (21.4, 137.8, 129.1, 128.3, 125.4, 128.3, 129.1)

Shifts = Callable[..., PredictedShifts]


def test_equivalent_carbons_come_together_from_high_to_low_shift(shifts_by_hand: Shifts) -> None:
    prediction = gather(shifts_by_hand("Cc1ccccc1", TOLUENE_PPM, scale_ppm=2.0))
    assert [group.atoms for group in prediction.groups] == [(1,), (2, 6), (3, 5), (4,), (0,)]
    assert [group.shift_ppm for group in prediction.groups] == [137.8, 129.1, 128.3, 125.4, 21.4]
    assert [group.kind for group in prediction.groups] == ["C", "CH", "CH", "CH", "CH3"]
    assert [group.multiplicity for group in prediction.groups] == ["S", "D", "D", "D", "Q"]
    assert prediction.shifts_ppm == TOLUENE_PPM
    for group in prediction.groups:
        assert group.width_ppm == pytest.approx(2 * 2.0 * np.log(10))
        assert (group.low_ppm + group.high_ppm) / 2 == pytest.approx(group.shift_ppm)


@pytest.mark.parametrize(
    ("smiles", "kinds"),
    [
        ("C", ["CH3"]),  # four hydrogens have no letter of their own
        ("CCO", ["CH2", "CH3"]),
        ("CC(C)(C)C", ["C", "CH3"]),
    ],
)
def test_what_is_no_carbon_has_no_shift(
    smiles: str, kinds: list[str], shifts_by_hand: Shifts
) -> None:
    structure = Structure.from_smiles(smiles)
    by_hydrogens = [80.0 - 20 * n for n in structure.n_hydrogens]
    prediction = gather(shifts_by_hand(structure, by_hydrogens))
    assert [group.kind for group in prediction.groups] == kinds
    for element, shift in zip(structure.elements, prediction.shifts_ppm, strict=True):
        assert (shift is not None) == (element == "C")


@given(st.from_type(Structure))
def test_every_carbon_is_in_one_group(shifts_by_hand: Shifts, structure: Structure) -> None:
    of_class = {name: 10.0 * k for k, name in enumerate(sorted(set(structure.symmetry_classes)))}
    shifts = [of_class[name] for name in structure.symmetry_classes]
    prediction = gather(shifts_by_hand(structure, shifts))
    atoms = [atom for group in prediction.groups for atom in group.atoms]
    assert sorted(atoms) == list(range(structure.n_atoms))
    assert len(prediction.groups) == len(of_class)
    assert prediction.shifts_ppm == tuple(shifts)
    for group in prediction.groups:
        assert {structure.n_hydrogens[atom] for atom in group.atoms} == {group.n_hydrogens}


@given(data=st.data())
def test_of_any_molecule_every_carbon_is_in_one_group(
    shifts_by_hand: Shifts, molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(molecules)
    prediction = gather(shifts_by_hand(structure, [10.0] * structure.n_atoms))
    carbons = [atom for atom, element in enumerate(structure.elements) if element == "C"]
    assert sorted(atom for group in prediction.groups for atom in group.atoms) == carbons
    for group in prediction.groups:
        assert len({structure.symmetry_classes[atom] for atom in group.atoms}) == 1
        assert {structure.n_hydrogens[atom] for atom in group.atoms} == {group.n_hydrogens}
    assert prediction.shifts_ppm == tuple(10.0 if e == "C" else None for e in structure.elements)


def test_a_network_predicts_smiles_and_structures(small_flow: TrainedFlow) -> None:
    toluene = Structure.from_smiles("Cc1ccccc1")
    by_text, by_structure, other = predict(small_flow, ["Cc1ccccc1", toluene, "CC"])
    assert by_text == by_structure
    assert by_text.level == LEVEL
    assert [len(group.atoms) for group in other.groups] == [2]
    (shifts,) = small_flow.predict_shifts([toluene])
    np.testing.assert_allclose(by_text.shifts_ppm, shifts.median_ppm, rtol=0, atol=1e-3)
    for group in by_text.groups:
        assert group.low_ppm < group.shift_ppm < group.high_ppm


def test_what_cannot_be_predicted_is_refused(
    small_flow: TrainedFlow, published_flow: TrainedFlow
) -> None:
    with pytest.raises(StructureError, match=r"structure 1 \(CCO\).*contains O"):
        predict(small_flow, ["CC", "CCO"])
    with pytest.raises(StructureError, match="at least one"):
        predict(small_flow, [])
    with pytest.raises(SpectrumError, match="no carbon's shift"):
        predict(published_flow, ["CC"])
