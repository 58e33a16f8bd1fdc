"""What a structure refuses, and what it is the same as."""

import pytest
from rdkit import Chem

from nmrflow.chem.structure import Bond, Structure, sort_bonds
from nmrflow.errors import StructureError


@pytest.mark.parametrize(
    ("elements", "bonds", "said"),
    [
        ((), (), "no atoms"),
        (("C",) * 3, (Bond(1, 2, 1), Bond(0, 1, 1)), "not in order"),
        (("C",) * 2, (Bond(0, 1, 1), Bond(0, 1, 1)), "twice"),
        (("C",) * 2, (Bond(0, 2, 1),), "outside"),
        (("C",) * 2, (Bond(1, 0, 1),), "outside"),
        (("C",) * 2, (Bond(0, 1, 4),), "order 4"),
        (("C",) * 2, (), "hang together"),
        (("O", "C"), (Bond(0, 1, 3),), "has 3 bonds"),
    ],
)
def test_what_is_no_molecule(elements: tuple, bonds: tuple, said: str) -> None:
    with pytest.raises(StructureError, match=said):
        Structure(elements, bonds)


def test_an_element_that_does_not_exist_is_refused_in_words() -> None:
    with pytest.raises(StructureError, match="Xx"):
        _ = Structure(("Xx",), ()).connectivity


@pytest.mark.parametrize(
    ("smiles", "said"),
    [
        ("not a smiles", "no SMILES"),
        ("", "no atoms"),
        ("C.C", "hang together"),
        ("[CH3+]", "charged"),
        ("[CH3]", "radical"),
        ("[13CH4]", "isotope"),
        ("C*", "no element"),
        ("C$C", "type QUADRUPLE"),
    ],
)
def test_what_a_smiles_may_not_hold(smiles: str, said: str) -> None:
    with pytest.raises(StructureError, match=said):
        Structure.from_smiles(smiles)


def test_stereo_is_dropped_and_atoms_keep_their_order() -> None:
    assert Structure.from_smiles("C/C=C/C") == Structure.from_smiles(r"C/C=C\C")
    assert Structure.from_smiles("OCC").elements == ("O", "C", "C")


def test_a_hydrogen_that_marks_a_double_bonds_side_becomes_implicit() -> None:
    assert Structure.from_smiles("[H]/N=C/C").elements == ("N", "C", "C")


def test_explicit_hydrogens_become_implicit() -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles("CC=C"))
    assert Structure.from_mol(mol) == Structure.from_smiles("CC=C")


@pytest.mark.parametrize(
    ("smiles", "formula"),
    [
        ("C", "CH4"),
        ("Cc1ccccc1", "C7H8"),
        ("OC(=O)CN", "C2H5NO2"),
        ("O", "H2O"),
        ("ClCBr", "CH2BrCl"),
    ],
)
def test_formula_is_in_hill_order(smiles: str, formula: str) -> None:
    assert Structure.from_smiles(smiles).formula == formula


def test_hydrogens_and_neighbours() -> None:
    structure = Structure.from_smiles("CC(=C)C")
    assert structure.n_hydrogens == (3, 0, 2, 3)
    assert [atom for atom, _ in structure.neighbours[1]] == [0, 2, 3]


@pytest.mark.parametrize("order", [(0, 1), (0, 0, 1), (1, 2, 3)])
def test_a_renumbering_is_a_permutation(order: tuple) -> None:
    with pytest.raises(StructureError, match="permutation"):
        Structure.from_smiles("CCC").permuted(order)


def test_bonds_are_sorted_with_the_smaller_atom_first() -> None:
    assert sort_bonds([(2, 1, 1, False), (1, 0, 2, True)]) == (Bond(0, 1, 2, True), Bond(1, 2, 1))


def test_a_molecule_handed_out_may_be_changed() -> None:
    structure = Structure.from_smiles("Cc1ccccc1")
    mol = structure.to_mol()
    Chem.Kekulize(mol, clearAromaticFlags=True)
    mol.GetAtomWithIdx(0).SetNumExplicitHs(1)
    assert structure.connectivity == "Cc1ccccc1"
    assert structure.formula == "C7H8"
    assert Chem.MolToSmiles(structure.to_mol()) == "Cc1ccccc1"
