"""Bonds are counted in tensors of each codec, and numbers of them correlated."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr

from nmrflow.chem.codecs.codec import MoleculeCodec
from nmrflow.chem.codecs.published import HYDROCARBONS, BondTensorCodec
from nmrflow.chem.codecs.table import TableCodec, canonical_form
from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure
from nmrflow.evaluation.paper.bonds import (
    bond_correlations,
    bond_counts,
    count_bonds,
    count_correlation,
)


class ForeignCodec:
    """A codec that says nothing about bonds in what is no molecule."""


@pytest.mark.parametrize("codec", [BondTensorCodec(), TableCodec(HYDROCARBONS)])
@given(structure=st.from_type(Structure))
def test_bonds_are_counted_as_the_structure_has_them(
    codec: MoleculeCodec, structure: Structure
) -> None:
    # A codec that stores no flags gives those that RDKit perceives.
    shown = structure if codec.depends_on_atom_order else canonical_form(structure)
    n_flagged = sum(bond.aromatic for bond in shown.bonds)
    assert count_bonds(codec, codec.encode(structure)) == (len(structure.bonds), n_flagged)


@pytest.mark.parametrize(
    ("cells", "counts"),
    [
        ([], (0, 0)),
        ([(0, 0, 0), (1, 0, 0), (2, 0, 0)], (1, 0)),  # Three orders, one pair of atoms.
        ([(3, 4, 9)], (0, 1)),  # A flag without a bond.
        ([(1, 5, 2), (3, 5, 2), (0, 16 - 1, 0)], (0, 0)),  # Below the diagonal.
        ([(0, 2, 2), (0, 3, 15), (3, 3, 15)], (2, 1)),
    ],
)
def test_set_cells_are_counted_molecule_or_not(
    cells: list[tuple[int, int, int]], counts: tuple[int, int]
) -> None:
    tensor = np.zeros((4, 16, 16), dtype=np.uint8)
    for cell in cells:
        tensor[cell] = 1
    assert count_bonds(BondTensorCodec(), tensor) == counts
    assert count_bonds(BondTensorCodec(), tensor.astype(bool)) == counts


def test_a_table_that_is_no_molecule_has_bonds_and_no_aromatic_ones() -> None:
    codec = TableCodec(HYDROCARBONS)
    benzene = codec.encode(Structure.from_smiles("c1ccccc1"))
    assert count_bonds(codec, benzene) == (6, 6)
    assert count_bonds(codec, benzene > 0) == (6, 0)  # Every bond single: cyclohexane.
    alone = np.zeros(codec.shape, dtype=np.uint8)
    alone[codec.pairs.index((2, 5))] = 3  # Atoms that nothing is bound to.
    assert count_bonds(codec, alone) == (1, 0)


@given(data=st.data())
def test_kinds_of_atoms_are_no_bonds(
    molecules_of: Callable[[Domain], st.SearchStrategy[Structure]], data: st.DataObject
) -> None:
    domain = Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=9)
    structure = data.draw(molecules_of(domain))
    codec = TableCodec(domain)
    n_aromatic = sum(bond.aromatic for bond in canonical_form(structure).bonds)
    assert count_bonds(codec, codec.encode(structure)) == (len(structure.bonds), n_aromatic)


def test_kinds_without_a_molecule_have_bonds_and_no_aromatic_ones() -> None:
    codec = TableCodec(Domain([["C", 0, 4], ["O", 0, 2]], max_atoms=9))
    cells = np.zeros(codec.shape, dtype=np.uint8)
    cells[:2] = 1, 2
    assert count_bonds(codec, cells) == (0, 0)
    cells[9:11] = 1  # a bond to an atom that is none
    assert count_bonds(codec, cells) == (2, 0)


def test_of_another_codec_nothing_is_said() -> None:
    tensors = np.zeros((3, 4, 16, 16))
    assert bond_counts(ForeignCodec(), tensors) is None
    known = bond_counts(BondTensorCodec(), tensors)
    assert known is not None
    assert known.tolist() == [[0, 0]] * 3
    names = {"a/bond_count_correlation", "a/aromatic_bond_count_correlation"}
    assert bond_correlations("a/", known, None) == dict.fromkeys(names)
    assert bond_correlations("a/", known, known) == dict.fromkeys(names)  # Nothing varies.


def test_correlation_of_counts() -> None:
    real, generated = np.array([3, 5, 9, 2]), np.array([1, 7, 4, 4])
    assert count_correlation(real, real) == pytest.approx(1)
    assert count_correlation(real, -real) == pytest.approx(-1)
    assert count_correlation(real, generated) == pytest.approx(pearsonr(real, generated)[0])
    constant = np.full(4, 6)
    assert count_correlation(real, constant) is None
    assert count_correlation(constant, real) is None
