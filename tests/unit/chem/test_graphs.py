"""Graph arrays follow the numbering and know nothing of the Kekulé form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.chem.carbon_graphs import BOND_KINDS, N_ATOM_FEATURES, carbon_graphs
from nmrflow.chem.structure import Bond, Structure
from nmrflow.errors import StructureError


@given(structure=st.from_type(Structure), data=st.data())
def test_renumbering_renumbers_the_arrays(structure: Structure, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(structure.n_atoms)))
    atoms, bonds, share = (array[0] for array in carbon_graphs([structure]))
    again = carbon_graphs([structure.permuted(order)])
    n = structure.n_atoms
    assert np.array_equal(again.atoms[0, :n], atoms[order])
    assert np.array_equal(again.bonds[0, :n, :n], bonds[np.ix_(order, order)])
    assert np.array_equal(again.share[0, :n], share[order])
    assert not again.share[0, n:].any()
    assert not again.atoms[0, n:].any()


def test_the_kekule_form_does_not_matter() -> None:
    one = Structure.from_smiles("Cc1ccccc1C")
    flipped = [
        Bond(b.begin, b.end, 3 - b.order if b.aromatic else b.order, b.aromatic) for b in one.bonds
    ]
    other = Structure(one.elements, tuple(flipped))
    assert one.bonds != other.bonds
    for first, second in zip(carbon_graphs([one]), carbon_graphs([other]), strict=True):
        assert np.array_equal(first, second)


def test_what_the_arrays_say_of_a_molecule() -> None:
    # A methyl, an acyclic double bond, and a four-ring.
    graphs = carbon_graphs([Structure.from_smiles("CC=C1CCC1")])
    kinds = [BOND_KINDS[k - 1] for k in graphs.bonds[0][np.triu_indices(17)] if k]
    assert kinds == ["single", "double", *["single in a ring"] * 4]
    assert graphs.share[0].tolist() == [1, 1, 1, 0.5, 1, 0.5, *[0] * 11]
    methyl, ring = graphs.atoms[0, 0], graphs.atoms[0, 4]
    assert np.flatnonzero(methyl).tolist() == [3, 4 + 1, 9]  # 3 H, 1 neighbour, no ring bond
    assert np.flatnonzero(ring).tolist() == [2, 4 + 2, 9 + 2, 14 + 1]  # 2 H, ..., ring of 4
    assert graphs.atoms.shape == (1, 17, N_ATOM_FEATURES)


def test_aromatic_and_triple_bonds_are_kinds_of_their_own() -> None:
    bonds = carbon_graphs([Structure.from_smiles("C#Cc1ccccc1")]).bonds[0]
    kinds = [BOND_KINDS[k - 1] for k in bonds[np.triu_indices(17)] if k]
    assert sorted(kinds) == ["aromatic"] * 6 + ["single", "triple"]


@pytest.mark.parametrize("smiles", ["CO", "C" * 18])
def test_foreign_molecules_are_refused(smiles: str) -> None:
    with pytest.raises(StructureError, match="carbons, nothing else"):
        carbon_graphs([Structure.from_smiles(smiles)])
