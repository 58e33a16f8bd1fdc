"""What a structure refuses, and what it is the same as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from nmrflow.chem.formula import max_valence
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
        ("[CH3]", "radical"),
        ("[13CH4]", "isotope"),
        ("C*", "no element"),
        ("C$C", "type QUADRUPLE"),
        ("[CH3+].[Cl-]", "hang together"),
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
        ("C[N+](=O)[O-]", "CH3NO2"),
        ("C[NH3+]", "CH6N+"),
        ("CC(=O)[O-]", "C2H3O2-"),
        ("[O-]C(=O)C(=O)[O-]", "C2O42-"),
        ("[NH4+]", "H4N+"),
        ("[H][H]", "H2"),
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


MOLECULES_WITH_CHARGES = (
    "C[N+](=O)[O-]",
    "[NH3+]CC(=O)[O-]",
    "C[N+](C)(C)C",
    "C[n+]1ccccc1",
    "[O-][n+]1ccccc1",
    "CN=[N+]=[N-]",
    "[C-]#[N+]C",
    "CS(=O)(=O)[O-]",
    "C[N+](C)(C)[O-]",
)


@given(data=st.data())
def test_connectivity_is_the_same_molecule(
    molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(molecules | st.sampled_from(MOLECULES_WITH_CHARGES).map(read))
    again = Structure.from_smiles(structure.connectivity)
    assert again.connectivity == structure.connectivity
    assert again.formula == structure.formula
    assert sorted(again.elements) == sorted(structure.elements)
    assert sum(again.charges) == sum(structure.charges)
    assert sorted(again.n_hydrogens) == sorted(structure.n_hydrogens)
    assert Structure.from_mol(structure.to_mol()).connectivity == structure.connectivity


@given(data=st.data())
def test_renumbering_keeps_the_molecule(
    molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(molecules | st.sampled_from(MOLECULES_WITH_CHARGES).map(read))
    order = data.draw(st.permutations(range(structure.n_atoms)))
    other = structure.permuted(order)
    assert other.connectivity == structure.connectivity
    assert other.formula == structure.formula
    assert other.n_hydrogens == tuple(structure.n_hydrogens[old] for old in order)
    assert other.valences == tuple(structure.valences[old] for old in order)
    undone = other.permuted([order.index(atom) for atom in range(structure.n_atoms)])
    assert undone == structure


def read(smiles: str) -> Structure:
    return Structure.from_smiles(smiles)


@pytest.mark.parametrize("smiles", MOLECULES_WITH_CHARGES)
def test_charges_are_read_atom_by_atom(smiles: str) -> None:
    mol = Chem.MolFromSmiles(smiles)
    told = tuple(atom.GetFormalCharge() for atom in mol.GetAtoms())
    assert Structure.from_smiles(smiles).charges == told
    assert Structure.from_smiles(smiles).formula == CalcMolFormula(mol)


def test_a_neutral_molecule_has_one_table() -> None:
    elements, bonds = ("C", "O"), (Bond(0, 1, 1),)
    neutral = Structure(elements, bonds, (0, 0))
    assert neutral == Structure(elements, bonds)
    assert neutral.charges == ()


def test_each_atom_has_a_charge() -> None:
    with pytest.raises(StructureError, match="1 charges for 2 atoms"):
        Structure(("C", "O"), (Bond(0, 1, 1),), (1,))


@pytest.mark.parametrize(
    ("smiles", "said"),
    [
        ("C[SH3]", r"atom 1 \(S\) has 3 hydrogens where its bonds leave 1"),
        ("C[PH4]", r"atom 1 \(P\) has 4 hydrogens where its bonds leave 2"),
        ("[SH4]", r"atom 0 \(S\) has 4 hydrogens where its bonds leave 2"),
        ("C[IH2]", "has 2 hydrogens where its bonds leave 0"),
    ],
)
def test_no_formula_changes_on_reading(smiles: str, said: str) -> None:
    with pytest.raises(StructureError, match=said):
        Structure.from_smiles(smiles)
    with pytest.raises(StructureError, match=said):
        Structure.from_mol(Chem.AddHs(Chem.MolFromSmiles(smiles)))


@pytest.mark.parametrize(
    ("smiles", "formula"),
    [("C[SH]", "CH4S"), ("C[SH](C)C", "C3H10S"), ("C[PH2]", "CH5P"), ("C[PH](C)(C)C", "C4H13P")],
)
def test_hydrogens_that_bonds_tell_are_held(smiles: str, formula: str) -> None:
    structure = Structure.from_smiles(smiles)
    assert structure.formula == formula
    assert Structure.from_smiles(structure.connectivity).formula == formula


@pytest.mark.parametrize(
    ("element", "charge", "most"),
    [("C", 0, 4), ("N", 0, 3), ("N", 1, 4), ("O", -1, 1), ("S", 0, 6), ("Cl", 0, 1), ("B", -1, 4)],
)
def test_what_an_atom_binds(element: str, charge: int, most: int) -> None:
    assert max_valence(element, charge) == most
    n = most + 1
    star = tuple(Bond(0, k, 1) for k in range(1, n + 1))
    with pytest.raises(StructureError, match=f"has {n} bonds; {most} at most"):
        Structure((element, *"C" * n), star, (charge, *[0] * n))


@pytest.mark.parametrize(
    ("smiles", "valences"),
    [
        ("CS(C)(=O)=O", (4, 6, 4, 2, 2)),
        ("CS", (4, 2)),
        ("C[NH3+]", (4, 4)),
        ("CP(C)(C)=O", (4, 5, 4, 4, 2)),
    ],
)
def test_valences_count_hydrogens(smiles: str, valences: tuple[int, ...]) -> None:
    assert Structure.from_smiles(smiles).valences == valences


@pytest.mark.parametrize(
    ("drawn", "others"),
    [
        ("CS(=O)C", ["C[S+]([O-])C"]),
        ("CS(=O)(=O)C", ["C[S+2]([O-])([O-])C", "C[S+](=O)([O-])C"]),
        ("CP(=O)(C)C", ["C[P+]([O-])(C)C"]),
        ("CP(=C)(C)C", ["C[P+]([CH2-])(C)C"]),
        ("C[N+](=O)[O-]", ["CN(=O)=O"]),
        ("C[N+](C)(C)[O-]", ["CN(C)(C)=O"]),
        ("CN=[N+]=[N-]", ["CN=[N]#N", "CN=N#N"]),
    ],
)
def test_a_group_drawn_with_or_without_charges_is_one(drawn: str, others: list[str]) -> None:
    structure = read(drawn)
    for other in others:
        # What is said of atoms by their position stays true.
        assert read(other).elements == structure.elements
        assert sorted(read(other).charges) == sorted(structure.charges)
        assert read(other).connectivity == structure.connectivity


def test_charges_that_are_no_way_of_drawing_stay() -> None:
    assert read("C[S+](C)C").charges == (0, 1, 0, 0)
    assert read("CS(=O)(=O)[O-]").charges == (0, 0, 0, 0, -1)
    assert read("C[P+](C)(C)C").charges == (0, 1, 0, 0, 0)
