"""Isomers by edits: of the formula, within the domain, none the molecule itself."""

import pytest

from nmrflow.chem.domain import Domain
from nmrflow.chem.generation.isomers import isomers_of
from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError

DOMAIN = Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2], ["N", 1, 4], ["O", -1, 1]], max_atoms=12)


@pytest.mark.parametrize(
    "smiles", ["CCCC", "CC(=O)Nc1ccccc1", "Cc1ccc(cc1)[N+](=O)[O-]", "C1CC1CO"]
)
def test_isomers_have_the_formula(smiles: str) -> None:
    structure = Structure.from_smiles(smiles)
    found = list(isomers_of(structure, DOMAIN, 60, 0))
    assert found
    for one in found:
        assert one.formula == structure.formula
        assert one.connectivity != structure.connectivity
        assert DOMAIN.refusal(one) is None
    again = [one.connectivity for one in isomers_of(structure, DOMAIN, 60, 0)]
    assert again == [one.connectivity for one in found]


def test_where_there_is_none_there_is_none() -> None:
    assert list(isomers_of(Structure.from_smiles("CC"), DOMAIN, 30, 0)) == []
    with pytest.raises(StructureError):
        next(isomers_of(Structure.from_smiles("CS"), DOMAIN, 30, 0))
