"""Graph arrays of any molecule follow the numbering and know nothing of the Kekulé form."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.chem.graph import (
    BOND_KINDS,
    ELEMENTS,
    KIND_HYDROGENS,
    N_SIZES,
    RING_SIZES,
    AtomFeatures,
    MolecularGraph,
    molecular_graph,
)
from nmrflow.chem.structure import Bond, Structure

FEATURES = AtomFeatures()
N_ATOM_FEATURES = FEATURES.n
FIRST_RING = N_ATOM_FEATURES - 1 - len(RING_SIZES)


def graph_of(smiles: str) -> MolecularGraph:
    return molecular_graph(Structure.from_smiles(smiles))


def rings(graph: MolecularGraph, atom: int) -> dict[int, int]:
    counts = graph.atoms[atom, FIRST_RING:-1]
    return {size: int(n) for size, n in zip(RING_SIZES, counts, strict=True) if n}


def bonds(graph: MolecularGraph) -> dict[tuple[int, int], int]:
    return {(int(a), int(b)): int(kind) for a, b, kind in graph.edges.T}


def check_renumbering(structure: Structure, order: list[int]) -> None:
    one, other = molecular_graph(structure), molecular_graph(structure.permuted(order))
    assert np.array_equal(other.atoms, one.atoms[order])
    assert np.array_equal(other.share, one.share[order])
    assert np.array_equal(other.observed, one.observed[order])
    back = {(order[a], order[b]): kind for (a, b), kind in bonds(other).items()}
    assert back == bonds(one)


@given(structure=st.from_type(Structure), data=st.data())
def test_renumbering_renumbers_the_arrays(structure: Structure, data: st.DataObject) -> None:
    check_renumbering(structure, data.draw(st.permutations(range(structure.n_atoms))))


@given(data=st.data())
def test_renumbering_of_any_molecule(
    molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(molecules)
    order = data.draw(st.permutations(range(structure.n_atoms)))
    check_renumbering(structure, order)
    counts, again = (
        FEATURES.count_kinds(molecular_graph(s)) for s in (structure, structure.permuted(order))
    )
    np.testing.assert_array_equal(again, counts)


@given(
    smiles=st.sampled_from(("CC(=O)Oc1ccccc1C(O)=O", "C1CC2CCC1N2", "CP(C)(=O)OC", "FC(Cl)Br")),
    data=st.data(),
)
def test_renumbering_with_heteroatoms(smiles: str, data: st.DataObject) -> None:
    structure = Structure.from_smiles(smiles)
    check_renumbering(structure, data.draw(st.permutations(range(structure.n_atoms))))


@pytest.mark.parametrize("smiles", ["Cc1ccccc1C", "Cc1ncccc1O", "c1ccc2ccccc2c1"])
def test_the_kekule_form_does_not_matter(smiles: str) -> None:
    one = Structure.from_smiles(smiles)
    other = Structure.from_smiles(smiles)
    six = [b for b in one.bonds if b.aromatic]
    if len(six) == 6:
        flipped = [
            Bond(b.begin, b.end, 3 - b.order if b.aromatic else b.order, b.aromatic)
            for b in one.bonds
        ]
        other = Structure(one.elements, tuple(flipped))
        assert one.bonds != other.bonds
    plain = Structure(other.elements, tuple(b._replace(aromatic=False) for b in other.bonds))
    for first, second in zip(molecular_graph(one), molecular_graph(plain), strict=True):
        assert np.array_equal(first, second)


def test_what_the_arrays_say_of_a_molecule() -> None:
    graph = graph_of("CC=C1CCC1")
    assert graph.atoms.shape == (6, N_ATOM_FEATURES)
    assert graph.share.tolist() == [1, 1, 1, 0.5, 1, 0.5]
    assert graph.observed.all()
    kinds = [BOND_KINDS[bonds(graph)[pair]] for pair in ((0, 1), (2, 1), (2, 3))]
    assert kinds == ["single", "double", "single in a ring"]
    assert len(bonds(graph)) == graph.edges.shape[1] == 12  # each bond in both directions
    n = len(ELEMENTS) + 1
    assert np.flatnonzero(graph.atoms[0]).tolist() == [0, n + 3, n + 5 + 1, n + 10]
    assert np.flatnonzero(graph.atoms[4]).tolist() == [0, n + 2, n + 7, n + 12, FIRST_RING + 1]


def test_aromatic_and_triple_bonds_are_kinds_of_their_own() -> None:
    kinds = [BOND_KINDS[kind] for (a, b), kind in bonds(graph_of("C#Cc1ccccc1")).items() if a < b]
    assert sorted(kinds) == ["aromatic"] * 6 + ["single", "triple"]


def test_elements() -> None:
    graph = graph_of("CC(=O)NCCI")
    assert graph.observed.tolist() == [True, True, False, False, True, True, False]
    assert graph.atoms[:, : len(ELEMENTS) + 1].argmax(axis=1).tolist() == [0, 0, 2, 1, 0, 0, 9]


@pytest.mark.parametrize(
    ("smiles", "atom", "expected"),
    [
        ("C1CC2CCC1C2", 6, {5: 1}),  # norbornane's bridge: one pair of bonds
        ("C1CC2CCC1C2", 2, {5: 2, 6: 1}),
        ("C12C3C4C1C5C2C3C45", 0, {4: 3}),  # cubane: each pair, though a smallest set has five
        ("C1CCC2CCCCC2C1", 3, {6: 2, 8: 1}),  # decalin, around both rings: ten counts as eight
        ("C1CCCCCCCCC1", 0, {8: 1}),
        ("C1CC12CCC2", 2, {3: 1, 4: 1, 8: 4}),  # spiro: four pairs share no ring
    ],
)
def test_rings_are_counted_by_pairs_of_bonds(
    smiles: str, atom: int, expected: dict[int, int]
) -> None:
    assert rings(graph_of(smiles), atom) == expected


def test_a_single_atom_has_no_bonds() -> None:
    graph = graph_of("C")
    assert graph.edges.shape == (3, 0)
    assert graph.share.tolist() == [1]


def test_counts_of_kinds_do_not_depend_on_the_numbering() -> None:
    structure = Structure.from_smiles("CC1=CC2CC1C(c1ccccc1)C2C#C")
    counts = FEATURES.count_kinds(molecular_graph(structure))
    assert counts.shape == (N_SIZES + N_ATOM_FEATURES + len(BOND_KINDS) + 100,)
    assert counts[:4].tolist() == [16, 18, 14, 16]  # ortho and meta carbons come in pairs
    assert counts[KIND_HYDROGENS] == 16
    assert counts[4 + N_ATOM_FEATURES + 5] == 6  # aromatic bonds
    rng = Random(0)
    for _ in range(20):
        order = rng.sample(range(structure.n_atoms), structure.n_atoms)
        again = FEATURES.count_kinds(molecular_graph(structure.permuted(order)))
        np.testing.assert_array_equal(again, counts)
    other = FEATURES.count_kinds(
        molecular_graph(Structure.from_smiles("CC1=CC2CC1C(c1ccccc1)C2CC#C"))
    )
    assert not np.array_equal(other, counts)


def test_features_of_elements_that_are_named() -> None:
    features = AtomFeatures(["C", "I"], observed="I")
    assert features.n == N_ATOM_FEATURES - len(ELEMENTS) + 2
    graph = features.graph(Structure.from_smiles("CC(=O)NCCI"))
    assert graph.atoms.shape == (7, features.n)
    assert graph.atoms[:, :3].argmax(axis=1).tolist() == [0, 0, 2, 2, 0, 0, 1]
    assert graph.observed.tolist() == [False] * 6 + [True]
    counts = features.count_kinds(graph)
    assert counts[features.columns_of(["I", "C"])].tolist() == [1, 4]


def test_an_element_without_a_feature_cannot_be_counted() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        FEATURES.columns_of(["C", "I"])
