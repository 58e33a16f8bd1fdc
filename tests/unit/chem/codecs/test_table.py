"""Canonical forms: one table for each molecule, and nothing else is read as one."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nmrflow.chem.codecs.published import HYDROCARBONS
from nmrflow.chem.codecs.table import TableCodec, canonical_form
from nmrflow.chem.domain import Domain
from nmrflow.chem.graph import AtomFeatures, MolecularGraph
from nmrflow.chem.structure import Bond, Structure, sort_bonds
from nmrflow.errors import ShapeError, StructureError

DOMAINS = {
    "hydrocarbons": HYDROCARBONS,
    "CHNO": Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=9),
    "charged": Domain(
        [
            ["C", 0, 4],
            ["N", 0, 3],
            ["N", 1, 4],
            ["O", 0, 2],
            ["O", -1, 1],
            ["S", 0, 2],
            ["S", 0, 6],
        ],
        max_atoms=12,
    ),
}
CODEC = TableCodec(HYDROCARBONS)
CHNO = TableCodec(DOMAINS["CHNO"])
FEATURES = AtomFeatures()
MAX_ATOMS, N_SLOTS = 17, 136

MoleculesOf = Callable[[Domain], st.SearchStrategy[Structure]]
STRUCTURES = st.from_type(Structure)
SMILES = ("CC", "C=C", "C#C", "c1ccccc1", "Cc1ccc2ccccc2c1", "C1CC2CCC1C2", "C" * 17)


@pytest.fixture(params=DOMAINS, scope="module")
def codec(request: pytest.FixtureRequest) -> TableCodec:
    return TableCodec(DOMAINS[request.param])


@pytest.fixture(scope="module")
def known(codec: TableCodec, molecules_of: MoleculesOf) -> st.SearchStrategy[Structure]:
    """Molecules of the codec's domain, numbered and flagged at random."""
    return STRUCTURES if codec.domain is HYDROCARBONS else molecules_of(codec.domain)


def renumbered(structure: Structure, data: st.DataObject) -> Structure:
    return structure.permuted(data.draw(st.permutations(range(structure.n_atoms))))


def table(structure: Structure) -> tuple[tuple[str, ...], tuple[int, ...], list[tuple[int, ...]]]:
    """All of a structure but its aromatic flags."""
    return structure.elements, structure.charges, [bond[:3] for bond in structure.bonds]


def check_form(structure: Structure, data: st.DataObject) -> None:
    form = canonical_form(structure)
    assert form.connectivity == structure.connectivity
    assert form.formula == structure.formula
    assert canonical_form(form) == form
    assert canonical_form(renumbered(structure, data)) == form


@given(structure=STRUCTURES, data=st.data())
def test_the_form_is_one_and_its_own(structure: Structure, data: st.DataObject) -> None:
    check_form(structure, data)


@given(data=st.data())
def test_the_form_of_any_molecule_is_one_and_its_own(
    molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    check_form(data.draw(molecules), data)


@given(data=st.data())
def test_every_atom_is_bound_to_one_before_it(
    codec: TableCodec, known: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    form = canonical_form(data.draw(known))
    assert {bond.end for bond in form.bonds} == set(range(1, form.n_atoms))
    orders = codec.write(form)[codec.n_kind_cells :]
    for j in range(1, codec.domain.max_atoms):
        column = orders[j * (j - 1) // 2 : j * (j + 1) // 2]
        assert column.any() == (j < form.n_atoms)


@given(data=st.data())
def test_tables_come_back(
    codec: TableCodec, known: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(known)
    cells = codec.write(structure)
    assert cells.shape == codec.shape
    assert cells.dtype == np.uint8
    back = codec.structure(cells)
    assert table(back) == table(structure)
    assert back.connectivity == structure.connectivity
    assert back.formula == structure.formula
    np.testing.assert_array_equal(codec.write(back), cells)


@pytest.mark.parametrize(
    ("name", "n_cells"), [("hydrocarbons", 136), ("CHNO", 9 + 36), ("charged", 12 + 66)]
)
def test_a_cell_for_each_pair_and_each_atom_that_may_be_another(name: str, n_cells: int) -> None:
    assert TableCodec(DOMAINS[name]).shape == (n_cells,)


def test_slots_by_hand() -> None:
    structure = Structure(("C",) * 4, (Bond(0, 1, 1), Bond(0, 3, 2), Bond(1, 2, 3)))
    orders = CODEC.write(structure)
    assert {slot: int(orders[slot]) for slot in np.flatnonzero(orders)} == {0: 1, 2: 3, 3: 2}
    assert orders[2] == 3  # atoms 1 and 2: 2 * 1 / 2 + 1
    assert CODEC.pairs[:4] == ((0, 1), (0, 2), (1, 2), (0, 3))


def test_kinds_stand_before_the_slots_by_hand() -> None:
    structure = Structure(("O", "C", "N", "C"), (Bond(0, 1, 2), Bond(1, 2, 1), Bond(1, 3, 1)))
    cells = CHNO.write(structure)
    assert cells[:9].tolist() == [3, 1, 2, 1, 0, 0, 0, 0, 0]
    slots = {slot: int(cells[9 + slot]) for slot in np.flatnonzero(cells[9:])}
    assert slots == {0: 2, 2: 1, 4: 1}


def test_a_lone_atom_has_a_table_where_it_says_its_kind() -> None:
    for smiles, kind in (("C", 1), ("N", 2), ("O", 3)):
        cells = CHNO.encode(Structure.from_smiles(smiles))
        assert cells.tolist() == [kind] + [0] * 44
        assert CHNO.decode(cells).connectivity == smiles


def by_bond(graph: MolecularGraph) -> NDArray[np.int32]:
    return graph.edges[:, np.lexsort(graph.edges)]


@given(data=st.data())
def test_the_short_way_reads_the_same(
    codec: TableCodec, known: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(known)
    form = canonical_form(structure)
    molecule = codec.canonical(structure.connectivity, FEATURES)
    np.testing.assert_array_equal(molecule.cells, codec.encode(form))
    assert molecule.cells.dtype == np.uint8
    graph = FEATURES.graph(form)
    np.testing.assert_array_equal(molecule.graph.atoms, graph.atoms)
    np.testing.assert_array_equal(molecule.graph.share, graph.share)
    np.testing.assert_array_equal(molecule.graph.observed, graph.observed)
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
    connectivity = Structure.from_smiles(smiles).connectivity
    assert CODEC.canonical(connectivity, FEATURES).first.tolist() == first


@pytest.mark.parametrize(("smiles", "reason"), [("CCO", "contains O"), ("C" * 18, "18 carbons")])
def test_a_table_of_orders_refuses_what_lies_outside_the_domain(smiles: str, reason: str) -> None:
    with pytest.raises(StructureError, match=reason):
        CODEC.write(Structure.from_smiles(smiles))


@pytest.mark.parametrize(("smiles", "reason"), [("CCS", "contains S"), ("C" * 10, "10 heavy")])
def test_a_table_of_kinds_refuses_what_lies_outside_the_domain(smiles: str, reason: str) -> None:
    for way in (CHNO.write, CHNO.encode):
        with pytest.raises(StructureError, match=reason):
            way(Structure.from_smiles(smiles))


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
    for way in (CODEC.structure, CODEC.read, CODEC.decode):
        with pytest.raises(StructureError, match=reason):
            way(orders)


def kinds_and(kinds: list[int], *slots: tuple[int, int]) -> NDArray[np.int64]:
    cells = np.zeros(9 + 36, dtype=np.int64)
    cells[: len(kinds)] = kinds
    for slot, order in slots:
        cells[9 + slot] = order
    return cells


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (kinds_and([]), "no atoms"),
        (kinds_and([1, 4], (0, 1)), "an atom of no kind"),
        (kinds_and([1, 1], (0, 4)), "a bond order is none of 0, 1, 2, 3"),
        (kinds_and([-1]), "an atom of no kind"),
        (kinds_and([1, 0, 1], (0, 1)), "behind the last atom"),
        (kinds_and([1], (0, 1)), "behind the last atom"),
        (kinds_and([1, 1], (0, 1), (35, 1)), "behind the last atom"),
        (kinds_and([1, 1]), "do not hang together"),
        (kinds_and([1, 3], (0, 3)), r"atom 1 \(O\) has 3 bonds"),
        (kinds_and([1, 3], (0, 1)) * 0.5, "none of 0, 1, 2, 3"),
    ],
)
def test_kinds_that_are_no_molecule_are_refused(cells: NDArray[np.generic], reason: str) -> None:
    for way in (CHNO.structure, CHNO.read, CHNO.decode):
        with pytest.raises(StructureError, match=reason):
            way(cells)


def test_an_atom_is_of_its_kind() -> None:
    codec = TableCodec(DOMAINS["charged"])
    cells = codec.encode(Structure.from_smiles("CS"))
    assert cells[:2].tolist() == [1, 6]
    cells[1] = 7  # With one bond sulfur has one hydrogen, not five.
    with pytest.raises(StructureError, match="another valence than its kind"):
        codec.structure(cells)


@pytest.mark.parametrize("shape", [(135,), (1, 136), (16, 16)])
def test_tables_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    for way in (CODEC.structure, CODEC.read, CODEC.decode):
        with pytest.raises(ShapeError, match="136"):
            way(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize(
    ("formula", "counts"),
    [
        ("C10H14", (10, 13)),
        ("C6H6", (6, 9)),
        ("C2H2", (2, 3)),
        ("C2H6", (2, 1)),
        ("C17H36", (17, 16)),
        (" C10H14\n", (10, 13)),
        ("H14C10", (10, 13)),
        ("C3", (3, 6)),  # a ring of three double bonds: within valence, so within the domain
    ],
)
def test_formulas_are_counted(formula: str, counts: tuple[int, int]) -> None:
    assert HYDROCARBONS.count(formula) == counts


@given(structure=STRUCTURES)
def test_a_formula_counts_what_the_structure_has(structure: Structure) -> None:
    expected = structure.n_atoms, sum(bond.order for bond in structure.bonds)
    assert HYDROCARBONS.count(structure.formula) == expected
    assert HYDROCARBONS.formula(expected) == structure.formula


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("C10H15", "no molecule of 2 to 17 carbons has the formula C10H15"),
        ("C18H20", "no molecule of 2 to 17 carbons has the formula C18H20"),
        ("C3H10", "no molecule"),
        ("CH4", "no molecule of 2 to 17 carbons has the formula CH4"),
        ("C10H14O", "'C10H14O' is none of a hydrocarbon, as C10H14 is"),
        ("N10H14", "'N10H14' is none of a hydrocarbon, as C10H14 is"),
        ("H2", "'H2' is none of a hydrocarbon"),
        ("", "'' is none of a molecule, as C10H14 is"),
        ("C10H014", "none of a molecule"),
        ("C10H140", "no molecule of 2 to 17 carbons has the formula C10H140"),
        ("C-10H14", "none of a molecule"),
        ("C1H4", "no molecule of 2 to 17"),
        ("C10H14 C10H14", "none of a molecule"),
        ("C10H14C", "none of a molecule"),
        ("Xx10H14", "none of a molecule"),
        ("C10H14+", "none of a molecule"),
    ],
)
def test_bad_formulas_are_refused(formula: str, reason: str) -> None:
    with pytest.raises(StructureError, match=reason):
        HYDROCARBONS.count(formula)


@given(data=st.data())
def test_the_codec_reads_any_numbering_and_decodes_one(
    codec: TableCodec, known: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(known)
    form = canonical_form(structure)
    np.testing.assert_array_equal(codec.encode(structure), codec.write(form))
    other = codec.write(renumbered(structure, data))
    assert codec.read(other) == form
    if (other == codec.write(form)).all():
        assert codec.decode(other) == form
    else:
        with pytest.raises(StructureError, match="not in canonical form") as caught:
            codec.decode(other)
        assert form.connectivity in str(caught.value)


def test_another_kekule_form_is_read_and_not_decoded() -> None:
    form = canonical_form(Structure.from_smiles("c1ccccc1"))
    swapped = Structure(
        form.elements, sort_bonds((b.begin, b.end, 3 - b.order, True) for b in form.bonds)
    )
    cells = CODEC.write(swapped)
    assert CODEC.read(cells) == form
    with pytest.raises(StructureError, match=r"c1ccccc1.*not in canonical form"):
        CODEC.decode(cells)
    np.testing.assert_array_equal(CODEC.encode(swapped), CODEC.encode(form))


@pytest.mark.parametrize("smiles", SMILES)
def test_orders_stand_at_their_pairs(smiles: str) -> None:
    form = canonical_form(Structure.from_smiles(smiles))
    cells = CODEC.encode(form)
    assert {(b.begin, b.end): b.order for b in form.bonds} == {
        CODEC.pairs[slot]: int(cells[slot]) for slot in np.flatnonzero(cells)
    }


@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_what_stands_behind_the_cells_is_not_read(
    codec: TableCodec, known: st.SearchStrategy[Structure], data: st.DataObject, seed: int
) -> None:
    cells = codec.encode(data.draw(known))
    rng = np.random.default_rng(seed)
    off = cells + rng.uniform(-0.49, 0.49, codec.shape)
    # A flow fills them with anything.
    behind = np.concatenate([off, rng.normal(0, 100, 128)])
    np.testing.assert_array_equal(codec.round(behind), cells)
    assert codec.round(behind).dtype == np.uint8


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.51, 3.5, 1e9])
def test_slots_that_round_to_no_order_are_refused(value: float) -> None:
    cells = np.zeros(N_SLOTS + 128)
    cells[0] = value
    with pytest.raises(StructureError, match="rounds to 0, 1, 2 or 3"):
        CODEC.round(cells)
    cells[0], cells[N_SLOTS] = 0.6, value  # where it does not count
    assert CODEC.round(cells).sum() == 1


def test_cells_of_kinds_and_of_slots_hold_numbers_of_their_own() -> None:
    codec = TableCodec(DOMAINS["charged"])
    cells = np.zeros(codec.shape)
    cells[0] = 7.4
    assert codec.round(cells)[0] == 7
    for place, value in ((0, 7.5), (12, 3.5), (0, -0.51)):
        wrong = cells.copy()
        wrong[place] = value
        with pytest.raises(StructureError, match="rounds to"):
            codec.round(wrong)
