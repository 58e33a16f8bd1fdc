"""What the networks know, and what is said of all else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.chem.domain import MAX_CARBONS, MIN_CARBONS, check_domain
from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError


@given(st.from_type(Structure))
def test_every_hydrocarbon_of_the_right_size_is_known(structure: Structure) -> None:
    check_domain(structure)


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C", "CH4 has 1 carbon: 2 to 17 are known"),
        ("C" * 18, "C18H38 has 18 carbons: 2 to 17 are known"),
        ("CCO", "C2H6O contains O: only hydrocarbons, of C and H, are known"),
        ("ClCCBr", "C2H4BrCl contains Br, Cl: only"),
        ("O", "H2O contains O: only"),  # The element is said before the size.
        ("OCCCCCCCCCCCCCCCCCCCC", "contains O: only"),
    ],
)
def test_all_else_is_refused_in_words(smiles: str, reason: str) -> None:
    with pytest.raises(StructureError, match=f"^.*{reason}"):
        check_domain(Structure.from_smiles(smiles))


@pytest.mark.parametrize("n", [MIN_CARBONS, MAX_CARBONS])
def test_both_ends_are_included(n: int) -> None:
    check_domain(Structure.from_smiles("C" * n))
