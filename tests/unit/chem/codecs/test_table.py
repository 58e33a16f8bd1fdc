"""Canonical forms: one table for each molecule, and nothing else is read as one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nmrflow.chem.codecs.table import (
    MAX_ATOMS,
    N_SLOTS,
    BondOrderCodec,
    bond_orders,
    canonical_form,
    count_atoms_and_bonds,
    read_canonical,
    structure_from_orders,
)
from nmrflow.chem.graph import MolecularGraph, molecular_graph
from nmrflow.chem.structure import Bond, Structure, sort_bonds
from nmrflow.errors import ShapeError, StructureError

STRUCTURES = st.from_type(Structure)
SMILES = ("CC", "C=C", "C#C", "c1ccccc1", "Cc1ccc2ccccc2c1", "C1CC2CCC1C2", "C" * 17)


def renumbered(structure: Structure, data: st.DataObject) -> Structure:
    return structure.permuted(data.draw(st.permutations(range(structure.n_atoms))))


@given(structure=STRUCTURES, data=st.data())
def test_the_form_is_one_and_its_own(structure: Structure, data: st.DataObject) -> None:
    form = canonical_form(structure)
    assert form.connectivity == structure.connectivity
    assert form.formula == structure.formula
    assert canonical_form(form) == form
    assert canonical_form(renumbered(structure, data)) == form


@given(structure=STRUCTURES)
def test_every_atom_is_bound_to_one_before_it(structure: Structure) -> None:
    form = canonical_form(structure)
    assert {bond.end for bond in form.bonds} == set(range(1, form.n_atoms))
    orders = bond_orders(form)
    for j in range(1, MAX_ATOMS):
        column = orders[j * (j - 1) // 2 : j * (j + 1) // 2]
        assert column.any() == (j < form.n_atoms)


@given(structure=STRUCTURES)
def test_tables_of_orders_come_back(structure: Structure) -> None:
    orders = bond_orders(structure)
    assert orders.shape == (N_SLOTS,)
    assert orders.dtype == np.uint8
    back = structure_from_orders(orders)
    assert [bond[:3] for bond in back.bonds] == [bond[:3] for bond in structure.bonds]
    assert back.n_atoms == structure.n_atoms
    np.testing.assert_array_equal(bond_orders(back), orders)


def test_slots_by_hand() -> None:
    structure = Structure(("C",) * 4, (Bond(0, 1, 1), Bond(0, 3, 2), Bond(1, 2, 3)))
    orders = bond_orders(structure)
    assert {slot: int(orders[slot]) for slot in np.flatnonzero(orders)} == {0: 1, 2: 3, 3: 2}
    assert orders[2] == 3  # atoms 1 and 2: 2 * 1 / 2 + 1


def by_bond(graph: MolecularGraph) -> NDArray[np.int32]:
    return graph.edges[:, np.lexsort(graph.edges)]


@given(structure=STRUCTURES)
def test_the_short_way_reads_the_same(structure: Structure) -> None:
    form = canonical_form(structure)
    molecule = read_canonical(structure.connectivity)
    np.testing.assert_array_equal(molecule.orders, bond_orders(form))
    assert molecule.orders.dtype == np.uint8
    graph = molecular_graph(form)
    np.testing.assert_array_equal(molecule.graph.atoms, graph.atoms)
    np.testing.assert_array_equal(molecule.graph.share, graph.share)
    np.testing.assert_array_equal(molecule.graph.carbons, graph.carbons)
    np.testing.assert_array_equal(by_bond(molecule.graph), by_bond(graph))
    # Of each class of equivalent atoms one is first: their shares of a class add up to 1.
    assert molecule.first.shape == (form.n_atoms,)
    assert molecule.first.sum() == pytest.approx(molecule.graph.share.sum())
    assert (1 / molecule.graph.share[molecule.first]).sum() == pytest.approx(form.n_atoms)


@pytest.mark.parametrize(
    ("smiles", "first"),
    [
        ("CC", [True, False]),
        ("CCC", [True, True, False]),
        ("c1ccccc1", [True, False, False, False, False, False]),
        ("CC#CC=CC", [True] * 6),
    ],
)
def test_first_atoms_by_hand(smiles: str, first: list[bool]) -> None:
    assert read_canonical(Structure.from_smiles(smiles).connectivity).first.tolist() == first


@pytest.mark.parametrize(("smiles", "reason"), [("CCO", "contains O"), ("C" * 18, "18 carbons")])
def test_a_table_of_orders_refuses_what_lies_outside_the_domain(smiles: str, reason: str) -> None:
    with pytest.raises(StructureError, match=reason):
        bond_orders(Structure.from_smiles(smiles))


def orders_with(*slots: tuple[int, int]) -> NDArray[np.int64]:
    orders = np.zeros(N_SLOTS, dtype=np.int64)
    for slot, order in slots:
        orders[slot] = order
    return orders


@pytest.mark.parametrize(
    ("orders", "reason"),
    [
        (orders_with(), "no molecule"),
        (orders_with((0, 4)), "none of 0, 1, 2, 3"),
        (orders_with((0, -1)), "none of 0, 1, 2, 3"),
        (orders_with((0, 1)) * 0.5, "none of 0, 1, 2, 3"),
        (orders_with((0, 1)) * np.nan, "none of 0, 1, 2, 3"),
        (orders_with((0, 1), (5, 1)), "do not hang together"),
        (orders_with((0, 3), (1, 2)), r"atom 0 \(C\) has 5 bonds"),
    ],
)
def test_tables_that_are_no_molecule_are_refused(orders: NDArray[np.generic], reason: str) -> None:
    with pytest.raises(StructureError, match=reason):
        structure_from_orders(orders)


@pytest.mark.parametrize("shape", [(135,), (1, 136), (16, 16)])
def test_tables_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="136"):
        structure_from_orders(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize(
    ("formula", "counts"),
    [
        ("C10H14", (10, 13)),
        ("C6H6", (6, 9)),
        ("C2H2", (2, 3)),
        ("C2H6", (2, 1)),
        ("C17H36", (17, 16)),
        (" C10H14\n", (10, 13)),
    ],
)
def test_formulas_are_counted(formula: str, counts: tuple[int, int]) -> None:
    assert count_atoms_and_bonds(formula) == counts


@given(structure=STRUCTURES)
def test_a_formula_counts_what_the_structure_has(structure: Structure) -> None:
    expected = structure.n_atoms, sum(bond.order for bond in structure.bonds)
    if sum(structure.n_hydrogens):
        assert count_atoms_and_bonds(structure.formula) == expected
    else:
        with pytest.raises(StructureError):
            count_atoms_and_bonds(structure.formula)


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("C10H15", "no molecule of 2 to 17 carbons has the formula C10H15"),
        ("C18H20", "no molecule of 2 to 17 carbons has the formula C18H20"),
        ("C3H10", "no molecule"),
        ("CH4", "none of a hydrocarbon"),
        ("C10H14O", "'C10H14O' is none of a hydrocarbon, as C10H14 is"),
        ("", "none of a hydrocarbon"),
        ("H14C10", "none of a hydrocarbon"),
        ("c10h14", "none of a hydrocarbon"),
        ("C10", "none of a hydrocarbon"),
        ("C10H014", "none of a hydrocarbon"),
        ("C10H140", "none of a hydrocarbon"),
        ("C-10H14", "none of a hydrocarbon"),
        ("C1H4", "no molecule of 2 to 17"),
        ("C10H14 C10H14", "none of a hydrocarbon"),
    ],
)
def test_bad_formulas_are_refused(formula: str, reason: str) -> None:
    with pytest.raises(StructureError, match=reason):
        count_atoms_and_bonds(formula)


@given(structure=STRUCTURES, data=st.data())
def test_the_codec_reads_any_numbering_and_decodes_one(
    structure: Structure, data: st.DataObject
) -> None:
    codec = BondOrderCodec()
    form = canonical_form(structure)
    np.testing.assert_array_equal(codec.encode(structure), codec.image(bond_orders(form)[None])[0])
    other = bond_orders(renumbered(structure, data))
    image = codec.image(other[None])[0]
    assert codec.read(image) == form
    if (other == bond_orders(form)).all():
        assert codec.decode(image) == form
    else:
        with pytest.raises(StructureError, match="not in canonical form") as caught:
            codec.decode(image)
        assert form.connectivity in str(caught.value)


def test_another_kekule_form_is_read_and_not_decoded() -> None:
    codec = BondOrderCodec()
    form = canonical_form(Structure.from_smiles("c1ccccc1"))
    swapped = Structure(
        form.elements, sort_bonds((b.begin, b.end, 3 - b.order, True) for b in form.bonds)
    )
    image = codec.image(bond_orders(swapped)[None])[0]
    assert codec.read(image) == form
    with pytest.raises(StructureError, match=r"c1ccccc1.*not in canonical form"):
        codec.decode(image)
    np.testing.assert_array_equal(codec.encode(swapped), codec.encode(form))


@pytest.mark.parametrize("smiles", SMILES)
def test_orders_stand_in_the_upper_triangle(smiles: str) -> None:
    form = canonical_form(Structure.from_smiles(smiles))
    image = BondOrderCodec().encode(form)
    assert {(0, b.begin, b.end - 1): b.order for b in form.bonds} == {
        (int(c), int(i), int(k)): int(image[c, i, k])
        for c, i, k in zip(*np.nonzero(image), strict=True)
    }


@pytest.mark.parametrize("cell", [(1, 0, 0), (3, 15, 15), (0, 1, 0), (0, 15, 0), (2, 7, 9)])
def test_cells_that_hold_nothing_must_be_empty(cell: tuple[int, int, int]) -> None:
    codec = BondOrderCodec()
    image = codec.encode(Structure.from_smiles("CCC"))
    image[cell] = 1
    for way in (codec.decode, codec.read):
        with pytest.raises(StructureError, match="holds no bond is set"):
            way(image)
    rounded = codec.round(image.astype(float) - 0.3)  # a flow fills them with anything
    assert codec.decode(rounded).connectivity == "CCC"


@pytest.mark.parametrize("shape", [(16, 16), (1, 16, 16), (4, 16, 15), (1, 4, 16, 16)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    for way in (BondOrderCodec().decode, BondOrderCodec().read):
        with pytest.raises(ShapeError, match=r"\(4, 16, 16\)"):
            way(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.51, 3.5, 1e9])
def test_slots_that_round_to_no_order_are_refused(value: float) -> None:
    tensor = np.zeros(BondOrderCodec.shape)
    tensor[0, 0, 0] = value
    with pytest.raises(StructureError, match="rounds to 0, 1, 2 or 3"):
        BondOrderCodec().round(tensor)
    tensor[0, 0, 0], tensor[1, 2, 3] = 0.6, value  # where it does not count
    assert BondOrderCodec().round(tensor).sum() == 1
