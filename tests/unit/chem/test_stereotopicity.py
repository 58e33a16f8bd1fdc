"""Atoms that are equivalent by their bonds, and may have two shifts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmrflow.chem.stereotopicity import stereotopic_classes
from nmrflow.chem.structure import Structure


@pytest.mark.parametrize(
    ("smiles", "apart"),
    [
        ("CC(C)C(C)CC", {0, 2}),  # an isopropyl group beside a stereocentre
        ("CC(C)C(CC)C(C)C", {0, 2, 7, 8}),  # no stereocentre: marked, it has two
        ("CC(C)CC(C)CC(C)C", {0, 2, 8, 9}),
        ("CC(C)=CCC", {0, 2}),  # one cis, one trans
        ("CC(C)=CCCC(=C)C=C", {0, 2}),
        ("CC1=CCC2CC1C2(C)C", {8, 9}),  # over the ring's one face and the other
        ("CC1(C)CCC(C(C)(C)C)CC1", {0, 2}),
        ("CC1(C)CC1C", {0, 2}),
        # Enantiotopic, or the same.
        ("CC(C)CCC", set()),
        ("CC(C)c1ccc(C)cc1", set()),
        ("CC(C)=C(C)C", set()),
        ("C=C(C)C", set()),
        ("Cc1ccccc1", set()),
        ("CC1CCC(C(C)(C)C)CC1", set()),
        ("CC1CCCCC1", set()),
        ("C1CC2CCC1C2", set()),
        ("CCC(CC)CC", set()),
        ("C12C3C4C1C5C2C3C45", set()),
        ("CC", set()),
        ("C=C", set()),
    ],
)
def test_diastereotopic_atoms_are_told_apart(smiles: str, apart: set[int]) -> None:
    structure = Structure.from_smiles(smiles)
    own, found = structure.symmetry_classes, stereotopic_classes(structure)
    assert {k for k in range(len(own)) if found.count(found[k]) < own.count(own[k])} == apart


@settings(max_examples=20)
@given(st.permutations(range(10)))
def test_numbering_does_not_matter(order: list[int]) -> None:
    structure = Structure.from_smiles("CC1=CCC2CC1C2(C)C")
    found = stereotopic_classes(structure.permuted(order))
    assert len(set(found)) == len(set(stereotopic_classes(structure))) == 10


@pytest.mark.parametrize("smiles", ["CC(C)C(C)CC", "CC(C)=CCC", "CC(C)C(O)C(=O)N"])
def test_classes_are_only_divided(smiles: str) -> None:
    structure = Structure.from_smiles(smiles)
    pairs = set(zip(stereotopic_classes(structure), structure.symmetry_classes, strict=True))
    assert len(pairs) == len(set(stereotopic_classes(structure)))
