"""What every codec promises, and what the bond tensor refuses. To add a codec, add one row."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nmrflow.chem.codecs.codec import MoleculeCodec
from nmrflow.chem.codecs.published import HYDROCARBONS, BondTensorCodec
from nmrflow.chem.codecs.table import TableCodec, canonical_form
from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Bond, Structure, sort_bonds
from nmrflow.errors import ShapeError, StructureError

CODECS: dict[str, Callable[[], MoleculeCodec]] = {
    "bond tensor": BondTensorCodec,
    "table of hydrocarbons": lambda: TableCodec(HYDROCARBONS),
    "table of C, H, N and O": lambda: TableCodec(
        Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=9)
    ),
    "table with charges": lambda: TableCodec(
        Domain(
            [["C", 0, 4], ["N", 0, 3], ["N", 1, 4], ["O", 0, 2], ["O", -1, 1], ["Cl", 0, 1]],
            max_atoms=12,
        )
    ),
    "table that tells hydrogens": lambda: TableCodec(
        Domain(
            [["C", 0, 4], ["N", 0, 3], ["N", 1, 4], ["O", 0, 2], ["O", -1, 1], ["S", 0, 6]],
            max_atoms=14,
        ),
        tells_hydrogens=True,
        max_atoms=10,
    ),
}

Tensor = NDArray[np.uint8]

STRUCTURES = st.from_type(Structure)


@pytest.fixture(params=CODECS, scope="module")
def codec(request: pytest.FixtureRequest) -> MoleculeCodec:
    return CODECS[request.param]()


@pytest.fixture(scope="module")
def known(
    codec: MoleculeCodec, molecules_of: Callable[[Domain], st.SearchStrategy[Structure]]
) -> st.SearchStrategy[Structure]:
    """Molecules of the codec's domain, numbered and flagged at random."""
    if codec.domain is HYDROCARBONS:
        return STRUCTURES
    refusal = getattr(codec, "refusal", codec.domain.refusal)
    return molecules_of(codec.domain).filter(lambda structure: refusal(structure) is None)


@pytest.fixture(scope="module")
def bonds() -> BondTensorCodec:
    return BondTensorCodec()


def tensor_of(*cells: tuple[int, int, int]) -> Tensor:
    tensor = np.zeros((4, 16, 16), dtype=np.uint8)
    for cell in cells:
        tensor[cell] = 1
    return tensor


@given(data=st.data())
def test_structures_come_back(
    codec: MoleculeCodec, known: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(known)
    codec.domain.check(structure)
    tensor = codec.encode(structure)
    assert tensor.shape == codec.shape
    assert tensor.dtype == np.uint8
    back = codec.decode(tensor)
    assert back == (structure if codec.depends_on_atom_order else canonical_form(structure))
    assert back.formula == structure.formula
    assert codec.read(tensor) == back


@given(data=st.data())
def test_tensors_come_back(
    codec: MoleculeCodec, known: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    tensor = codec.encode(data.draw(known))
    np.testing.assert_array_equal(codec.encode(codec.decode(tensor)), tensor)


@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_rounding_undoes_less_than_half(
    codec: MoleculeCodec, known: st.SearchStrategy[Structure], data: st.DataObject, seed: int
) -> None:
    tensor = codec.encode(data.draw(known))
    noise = np.random.default_rng(seed).uniform(-0.49, 0.49, codec.shape)
    np.testing.assert_array_equal(codec.round(tensor + noise), tensor)


@given(data=st.data())
def test_numbering_shows_where_the_codec_says_so(
    codec: MoleculeCodec, known: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(known)
    order = data.draw(st.permutations(range(structure.n_atoms)))
    tensor = codec.encode(structure.permuted(order))
    assert codec.decode(tensor).connectivity == structure.connectivity
    if not codec.depends_on_atom_order:
        np.testing.assert_array_equal(tensor, codec.encode(structure))


@given(data=st.data())
def test_any_molecule_is_exact_or_refused(
    codec: MoleculeCodec, molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(molecules)
    if getattr(codec, "refusal", codec.domain.refusal)(structure) is None:
        assert codec.decode(codec.encode(structure)).connectivity == structure.connectivity
    else:
        with pytest.raises(StructureError, match=re.escape(structure.formula)):
            codec.encode(structure)


@given(structure=STRUCTURES)
def test_digits_come_back(bonds: BondTensorCodec, structure: Structure) -> None:
    digits = bonds.encode_digits(structure)
    assert len(digits) == 136
    assert bonds.decode_digits(digits) == structure
    np.testing.assert_array_equal(tensor_from_digits(digits), bonds.encode(structure))


def tensor_from_digits(digits: str) -> Tensor:
    """The definition, cell by cell: row i, columns k from i up; order, and +5 if aromatic."""
    cells = iter(digits)
    tensor = np.zeros((4, 16, 16), dtype=np.uint8)
    for i in range(16):
        for k in range(i, 16):
            digit = int(next(cells))
            order = digit - 5 if digit > 5 else digit
            if order:
                tensor[order - 1, i, k] = 1
            tensor[3, i, k] = digit > 5
    return tensor


def test_cells_of_one_molecule_by_hand(bonds: BondTensorCodec) -> None:
    # CH3-CH=CH-C#CH, numbered so that one bond joins the first atom and the last.
    structure = Structure(
        ("C",) * 5, (Bond(0, 1, 2, aromatic=True), Bond(0, 4, 1), Bond(1, 2, 1), Bond(2, 3, 3))
    )
    expected = tensor_of((1, 0, 0), (3, 0, 0), (0, 0, 3), (0, 1, 1), (2, 2, 2))
    np.testing.assert_array_equal(bonds.encode(structure), expected)
    digits = bonds.encode_digits(structure)
    assert {place: digit for place, digit in enumerate(digits) if digit != "0"} == {
        0: "7",
        3: "1",
        16: "1",
        16 + 15: "3",
    }


CHAIN_OF_18 = Structure(("C",) * 18, tuple(Bond(k, k + 1, 1) for k in range(17)))


@pytest.mark.parametrize(
    ("structure", "reason"),
    [
        (Structure.from_smiles("CCO"), "contains O"),
        (Structure.from_smiles("ClCCBr"), "contains Br, Cl"),
        (CHAIN_OF_18, "18 carbons"),
        (Structure(("C",), ()), "1 carbon:"),
    ],
)
@pytest.mark.parametrize(
    "codec", [BondTensorCodec(), TableCodec(HYDROCARBONS)], ids=["bond tensor", "table"]
)
def test_structures_outside_the_domain_are_refused(
    codec: MoleculeCodec, structure: Structure, reason: str
) -> None:
    for refuse in (codec.domain.check, codec.encode):
        with pytest.raises(StructureError, match=reason):
            refuse(structure)


STAR_OF_FIVE = [(0, 0, k) for k in range(5)]


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (tensor_of((0, 0, 0), (0, 5, 2)), "below the diagonal"),
        (tensor_of((0, 0, 0), (1, 0, 0)), "0-1 has two bond orders"),
        (tensor_of((0, 0, 0), (3, 1, 1)), "1-2 has an aromatic flag but no bond"),
        (tensor_of((0, 0, 0)) * 0.5, "neither 0 nor 1"),
        (tensor_of((0, 0, 0)) * 2, "neither 0 nor 1"),
        (tensor_of((0, 0, 0)) * np.nan, "neither 0 nor 1"),
        (-tensor_of((0, 0, 0)).astype(float), "neither 0 nor 1"),
        (tensor_of(), "empty"),
        (tensor_of((0, 0, 0), (0, 2, 2)), "2 molecules"),
        (tensor_of((0, 1, 1)), "2 molecules"),  # Atom 0 is bound to nothing.
        (tensor_of(*STAR_OF_FIVE), r"atom 0 \(C\) has 5 bonds"),
        (tensor_of((2, 0, 0), (1, 1, 1)), r"atom 1 \(C\) has 5 bonds"),
    ],
)
def test_tensors_that_are_no_molecule_are_refused(
    bonds: BondTensorCodec, tensor: NDArray[np.generic], reason: str
) -> None:
    with pytest.raises(StructureError, match=reason):
        bonds.decode(tensor)


@pytest.mark.parametrize("shape", [(4, 16), (1, 4, 16, 16), (3, 16, 16), (4, 15, 16), (1024,)])
def test_tensors_of_another_shape_are_refused(
    bonds: BondTensorCodec, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ShapeError, match=r"\(4, 16, 16\)"):
        bonds.decode(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize(
    ("digits", "reason"),
    [
        ("1" + "0" * 134, "135 bond digits"),
        ("1" + "0" * 136, "137 bond digits"),
        ("", "0 bond digits"),
        *(("1" + digit + "0" * 134, f"bond digit '{digit}'") for digit in "945x ²"),
        ("0" * 136, "empty"),
        ("11111" + "0" * 131, "5 bonds"),
        ("01" + "0" * 134, "2 molecules"),
    ],
)
def test_digits_that_are_no_molecule_are_refused(
    bonds: BondTensorCodec, digits: str, reason: str
) -> None:
    with pytest.raises(StructureError, match=reason):
        bonds.decode_digits(digits)


@given(structure=STRUCTURES, data=st.data())
def test_connectivity_does_not_depend_on_the_numbering(
    structure: Structure, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(structure.n_atoms)))
    other = structure.permuted(order)
    assert other.connectivity == structure.connectivity
    assert other.formula == structure.formula
    undone = other.permuted([order.index(atom) for atom in range(structure.n_atoms)])
    assert undone == structure


@given(structure=STRUCTURES)
def test_connectivity_is_a_smiles_of_the_same_molecule(structure: Structure) -> None:
    again = Structure.from_smiles(structure.connectivity)
    assert again.connectivity == structure.connectivity
    assert again.n_atoms == structure.n_atoms


@pytest.mark.parametrize("flagged", [True, False])
def test_both_kekule_forms_of_benzene_are_one_molecule(
    bonds: BondTensorCodec, flagged: bool
) -> None:
    ring = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5)]

    def form(first: int) -> Structure:
        orders = [1 + (place + first) % 2 for place in range(6)]
        bonded = zip(ring, orders, strict=True)
        return Structure(("C",) * 6, sort_bonds((a, b, n, flagged) for (a, b), n in bonded))

    forms = [form(0), form(1)]
    assert forms[0] != forms[1]
    assert (bonds.encode(forms[0]) != bonds.encode(forms[1])).any()
    assert {form.connectivity for form in forms} == {"c1ccccc1"}
    assert {form.formula for form in forms} == {"C6H6"}


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [0, 1, 3], [-1, 0, 1], [0, 1, 2, 3]])
def test_permuted_refuses_what_is_no_permutation(order: list[int]) -> None:
    with pytest.raises(StructureError, match="no permutation"):
        Structure.from_smiles("CCC").permuted(order)


@pytest.fixture(scope="module")
def table(real_data: Path) -> list[dict[str, str]]:
    with (real_data / "reversibledata.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.real_data
def test_every_real_row_comes_back(table: list[dict[str, str]], bonds: BondTensorCodec) -> None:
    assert len(table) == 1320
    for row in table:
        structure = bonds.decode_digits(row["C"])
        tensor = bonds.encode(structure)
        assert bonds.encode_digits(structure) == row["C"]
        assert bonds.decode(tensor) == structure
        np.testing.assert_array_equal(tensor, tensor_from_digits(row["C"]))


@pytest.mark.real_data
def test_connectivity_of_real_rows_is_canonical(
    table: list[dict[str, str]], bonds: BondTensorCodec
) -> None:
    for row in table:
        structure = bonds.decode_digits(row["C"])
        backwards = structure.permuted(range(structure.n_atoms - 1, -1, -1))
        assert backwards.connectivity == structure.connectivity
        again = Structure.from_smiles(structure.connectivity)
        assert again.connectivity == structure.connectivity


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_diverged_tensor_is_not_rounded(value: float) -> None:
    tensor = np.zeros(BondTensorCodec.shape)
    tensor[0, 0, 0] = value
    with pytest.raises(StructureError, match="finite"):
        BondTensorCodec().round(tensor)
