"""Kinds of carbon, by hand."""

import pytest

from nmrflow.chem.carbons import KINDS, carbon_kinds
from nmrflow.chem.structure import Structure


@pytest.mark.parametrize(
    ("smiles", "kinds"),
    [
        ("C", ["CH3"]),
        ("CC(C)(C)CC(C)C", ["CH3", "C", "CH3", "CH3", "CH2", "CH", "CH3", "CH3"]),
        ("COC", ["C-O", None, "C-O"]),
        ("OCC(F)Cl", [None, "C-O", "C-halogen", None, None]),
        ("Cc1ccccc1", ["CH3", "aromatic C", *["aromatic CH"] * 5]),
        ("O=C1C=CC(=O)O1", [None, "C=O", "C=C", "C=C", "C=O", None, None]),
        ("CC#N", ["CH3", "C≡ and C=N", None]),
        ("C=C=C", ["C=C", "C≡ and C=N", "C=C"]),
        ("CC=NO", ["CH3", "C≡ and C=N", None, None]),
        ("O=C=O", [None, "C=O", None]),
        ("FC(=C)Cl", [None, "C=C", "C=C", None]),
        ("[C-]#[N+]C", ["C≡ and C=N", None, "CH3"]),
    ],
)
def test_kinds(smiles: str, kinds: list[str | None]) -> None:
    found = carbon_kinds(Structure.from_smiles(smiles))
    assert found == kinds
    assert {kind for kind in found if kind} <= set(KINDS)
