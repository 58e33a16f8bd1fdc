"""Bonds are counted in tensors of each codec, and numbers of them correlated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr

from nmrflow.chem.codecs.published import BondTensorCodec, MoleculeCodec
from nmrflow.chem.codecs.table import BondOrderCodec, canonical_form
from nmrflow.chem.structure import Structure
from nmrflow.evaluation.paper.bonds import (
    bond_correlations,
    bond_counts,
    count_bonds,
    count_correlation,
)


class ForeignCodec:
    """A codec that says nothing about bonds in what is no molecule."""


@pytest.mark.parametrize("codec", [BondTensorCodec(), BondOrderCodec()])
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
    codec = BondOrderCodec()
    benzene = codec.encode(Structure.from_smiles("c1ccccc1"))
    assert count_bonds(codec, benzene) == (6, 6)
    assert count_bonds(codec, benzene > 0) == (6, 0)  # Every bond single: cyclohexane.
    alone = np.zeros(codec.shape, dtype=np.uint8)
    alone[0, 2, 4] = 3  # Atoms that nothing is bound to.
    assert count_bonds(codec, alone) == (1, 0)
    filled = benzene + np.random.default_rng(0).random(codec.shape) * (benzene == 0)
    in_slots = np.triu(np.ones((16, 16)))
    filled[0] = np.where(in_slots, benzene[0], filled[0])
    assert count_bonds(codec, filled) == (6, 6)  # Cells that hold nothing do not count.


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
