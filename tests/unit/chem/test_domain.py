"""What the networks know, and what is said of all else."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.chem.codecs.published import HYDROCARBONS
from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure
from nmrflow.errors import ConfigError, StructureError


@given(st.from_type(Structure))
def test_every_hydrocarbon_of_the_right_size_is_known(structure: Structure) -> None:
    HYDROCARBONS.check(structure)


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C", "CH4 has 1 carbon: 2 to 17 are known"),
        ("C" * 18, "C18H38 has 18 carbons: 2 to 17 are known"),
        ("CCO", "C2H6O contains O: only hydrocarbons, of C and H, are known"),
        ("ClCCBr", "C2H4BrCl contains Br, Cl: only"),
        ("O", "H2O contains O: only"),  # The element is said before the size.
        ("OCCCCCCCCCCCCCCCCCCCC", "contains O: only"),
    ],
)
def test_all_else_is_refused_in_words(smiles: str, reason: str) -> None:
    with pytest.raises(StructureError, match=f"^.*{reason}"):
        HYDROCARBONS.check(Structure.from_smiles(smiles))


@pytest.mark.parametrize("n", [2, 17])
def test_both_ends_are_included(n: int) -> None:
    HYDROCARBONS.check(Structure.from_smiles("C" * n))


CHNO = Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=9)
CHARGED = Domain(
    [["C", 0, 4], ["N", 0, 3], ["N", 1, 4], ["O", 0, 2], ["O", -1, 1], ["S", 0, 2], ["S", 0, 6]],
    max_atoms=12,
)


@pytest.mark.parametrize("domain", [CHNO, CHARGED], ids=["CHNO", "charged"])
@given(data=st.data())
def test_every_molecule_of_the_domain_is_known(
    molecules_of: Callable[[Domain], st.SearchStrategy[Structure]],
    domain: Domain,
    data: st.DataObject,
) -> None:
    structure = data.draw(molecules_of(domain))
    domain.check(structure)
    kinds = domain.kinds_of(structure)
    charges = structure.charges or (0,) * structure.n_atoms
    for atom, kind in enumerate(kinds):
        assert domain.atom_types[kind] == (
            structure.elements[atom],
            charges[atom],
            structure.valences[atom],
        )


@given(data=st.data())
def test_what_is_refused_is_not_counted_and_the_rest_is(
    molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(molecules)
    reason = CHARGED.refusal(structure)
    if reason is not None:
        assert structure.formula in reason
        for refuse in (CHARGED.check, CHARGED.kinds_of):
            with pytest.raises(StructureError) as caught:
                refuse(structure)
            assert str(caught.value) == reason
    else:
        assert len(CHARGED.kinds_of(structure)) == structure.n_atoms
    if reason is None or structure.n_atoms <= CHARGED.max_atoms:
        assert CHARGED.has_kinds_of(structure) == (reason is None)


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("CCS", "C2H6S contains S: only C, H, N and O are known"),
        ("C" * 10, "C10H22 has 10 heavy atoms: 1 to 9 are known"),
        ("C[NH3+]", r"CH6N\+ holds N with charge \+1 of valence 4 \(atom 1\): that kind of N is"),
        ("CC(=O)[O-]", r"C2H3O2- holds O with charge -1 of valence 1 \(atom 3\)"),
    ],
)
def test_of_several_kinds_each_refusal_has_its_words(smiles: str, reason: str) -> None:
    with pytest.raises(StructureError, match=f"^{reason}"):
        CHNO.check(Structure.from_smiles(smiles))


def test_another_valence_is_another_kind() -> None:
    CHARGED.check(Structure.from_smiles("CS(C)(=O)=O"))
    with pytest.raises(StructureError, match=r"C2H6OS holds S of valence 4 \(atom 1\)"):
        CHARGED.check(Structure.from_smiles("CS(C)=O"))


@given(data=st.data())
def test_a_formula_counts_what_the_molecule_has(
    molecules_of: Callable[[Domain], st.SearchStrategy[Structure]], data: st.DataObject
) -> None:
    structure = data.draw(molecules_of(CHNO))
    counted = CHNO.count(structure.formula)
    of_kinds = tuple(structure.elements.count(element) for element in "CNO")
    assert counted == (*of_kinds, sum(bond.order for bond in structure.bonds))
    assert CHNO.formula(counted) == structure.formula


@pytest.mark.parametrize(
    ("formula", "counted"),
    [
        ("C2H6O", (2, 0, 1, 2)),
        ("H6OC2", (2, 0, 1, 2)),
        ("H3N", (0, 1, 0, 0)),
        (" C6H5NO2", (6, 1, 2, 13)),
    ],
)
def test_formulas_of_several_elements(formula: str, counted: tuple[int, ...]) -> None:
    assert CHNO.count(formula) == counted


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("C2H6S", "'C2H6S' is none of a molecule of C, H, N and O, as C10H14 is"),
        ("C2H7O", "no molecule of 1 to 9 heavy atoms has the formula C2H7O"),
        ("C2H8O", "no molecule of 1 to 9 heavy atoms has the formula C2H8O"),
        ("C9H20O", "no molecule of 1 to 9 heavy atoms has the formula C9H20O"),
        ("H2", "'H2' is none of a molecule of"),
        ("C2H6O+", "is none of a molecule, as C10H14 is"),
        ("C2H6C", "is none of a molecule, as C10H14 is"),
        ("hello", "is none of a molecule, as C10H14 is"),
    ],
)
def test_formulas_of_no_molecule_are_refused(formula: str, reason: str) -> None:
    with pytest.raises(StructureError, match=reason):
        CHNO.count(formula)


def test_a_formula_need_not_tell_the_kinds() -> None:
    assert CHNO.tells_kinds
    assert not CHARGED.tells_kinds
    with pytest.raises(StructureError, match="C2H5NO2 does not say of which kinds"):
        CHARGED.count("C2H5NO2")


def test_what_is_known_in_a_few_words() -> None:
    assert HYDROCARBONS.describe() == "hydrocarbons of 2 to 17 carbons"
    assert CHNO.describe() == "molecules of C, H, N and O of 1 to 9 heavy atoms"


@pytest.mark.parametrize(
    ("types", "sizes", "reason"),
    [
        ([], {"max_atoms": 3}, "each once"),
        ([["C", 0, 4], ["C", 0, 4]], {"max_atoms": 3}, "each once"),
        ([["C", 0, 4]], {"max_atoms": 3, "min_atoms": 4}, "min_atoms=4, max_atoms=3"),
        ([["C", 0, 4]], {"max_atoms": 0}, "max_atoms=0"),
        ([["C", 0, 4]], {"max_atoms": 3, "min_atoms": 0}, "min_atoms=0"),
    ],
)
def test_a_domain_of_nothing_is_refused(
    types: list[list[str | int]], sizes: dict[str, int], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        Domain(types, **sizes)
