"""Generated hydrocarbons are valid, plausible, distinct, within the domain, and repeatable."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.enumeration import enumerate_hydrocarbons
from nmrflow.chem.codecs.published import HYDROCARBONS, BondTensorCodec
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.generation.edits import skeleton_of
from nmrflow.chem.generation.strain import find_strain
from nmrflow.chem.generation.walk import generate_molecules
from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError

SEEDS = [
    Structure.from_smiles(s)
    for s in (
        "CC(C)=CCCC(C)=CC",
        "Cc1ccc2ccccc2c1",
        "CC1(C)C2CCC1(C)C=C2",
        "CCC#CC",
        "C1CCC2CC2C1",
    )
]


def strain(structure: Structure) -> str | None:
    mol = structure.to_mol()
    skeleton = skeleton_of(structure.bonds, [0] * structure.n_atoms, [4])
    return find_strain(skeleton, mol.GetRingInfo().AtomRings())


def hydrocarbons_to(max_carbons: int) -> Domain:
    return Domain([["C", 0, 4]], max_carbons, 2)


def check_known(structure: Structure) -> None:
    """What the generator already knew is what RDKit says of the bare table."""
    bare = Structure(structure.elements, structure.bonds, structure.charges)
    assert structure.connectivity == bare.connectivity
    assert structure.n_hydrogens == bare.n_hydrogens
    flags = [bond.GetIsAromatic() for bond in bare.to_mol().GetBonds()]
    assert [bond.aromatic for bond in structure.bonds] == flags


@settings(max_examples=8)
@given(
    seeds=st.lists(st.sampled_from(SEEDS), min_size=1),
    seed=st.integers(0, 2**32),
    max_carbons=st.integers(12, 17),
)
def test_generated_structures_are_molecules_of_the_domain(
    seeds: list[Structure], seed: int, max_carbons: int
) -> None:
    made = list(generate_molecules(seeds, 30, seed, hydrocarbons_to(max_carbons)))
    codec = BondTensorCodec()
    assert len(made) == 30
    for structure in made:
        assert 2 <= structure.n_atoms <= max_carbons
        assert codec.decode(codec.encode(structure)) == structure
        assert strain(structure) is None
        check_known(structure)
    names = {structure.connectivity for structure in made}
    assert len(names) == 30
    assert not names & {structure.connectivity for structure in seeds}


HETERO_DOMAINS = {
    "CHNO": Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=9),
    "charged": Domain([["C", 0, 4], ["N", 0, 3], ["N", 1, 4], ["O", 0, 2], ["O", -1, 1]], 9),
    "two valences": Domain([["C", 0, 4], ["S", 0, 2], ["S", 0, 6], ["O", 0, 2]], 9),
}


@pytest.mark.parametrize("name", HETERO_DOMAINS)
@settings(max_examples=8)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_molecules_of_several_kinds_are_of_the_domain(
    molecules_of: Callable[[Domain], st.SearchStrategy[Structure]],
    name: str,
    data: st.DataObject,
    seed: int,
) -> None:
    domain = HETERO_DOMAINS[name]
    # Around an odd molecule alone, whose surroundings nothing else has, there may be nothing.
    plain = Structure.from_smiles("CC(C)CO")
    seeds = [plain, *data.draw(st.lists(molecules_of(domain), max_size=3))]
    codec = TableCodec(domain)
    made = list(generate_molecules(seeds, 30, seed, domain))
    assert made == list(generate_molecules(seeds[::-1], 30, seed, domain))
    assert len(made) == 30
    for structure in made:
        check_known(structure)
        domain.check(structure)
        assert codec.decode(codec.encode(structure)).connectivity == structure.connectivity
    names = {structure.connectivity for structure in made}
    assert len(names) == len(made)
    assert not names & {structure.connectivity for structure in seeds}


def test_all_kinds_are_reached_from_one() -> None:
    ethane = Structure.from_smiles("CC")
    made = list(generate_molecules([ethane], 500, 0, HETERO_DOMAINS["CHNO"]))
    names = {structure.connectivity for structure in made}
    assert len(made) == 500
    assert names >= {"CO", "CN", "CCO", "C#N", "C=O", "NO", "CC(N)=O"}


def test_same_seed_same_list_and_a_longer_list_begins_with_the_shorter() -> None:
    def make(n: int, seed: int, seeds: list[Structure] = SEEDS) -> list[Structure]:
        return list(generate_molecules(seeds, n, seed, HYDROCARBONS))

    assert make(100, 3) == make(100, 3)
    assert make(150, 3)[:100] == make(100, 3)
    assert make(100, 3, [*SEEDS[::-1], SEEDS[0]]) == make(100, 3)
    assert make(100, 4) != make(100, 3)


def test_seeds_come_first_when_asked_for_and_once() -> None:
    made = list(generate_molecules([*SEEDS, *SEEDS], 5, 0, HYDROCARBONS, with_seeds=True))
    names = [structure.connectivity for structure in made]
    assert len(set(names)) == len(names) == len(SEEDS) + 5
    assert set(names[: len(SEEDS)]) == {structure.connectivity for structure in SEEDS}


def test_a_small_space_is_exhausted_and_ends() -> None:
    made = generate_molecules([Structure.from_smiles("CC")], 1_000, 0, hydrocarbons_to(3))
    # Of the acyclic and cyclic molecules with 2 and 3 carbons all are made but ethane itself;
    # cyclopropyne and cyclopropadiene are refused.
    assert {structure.connectivity for structure in made} == {
        "C=C", "C#C", "CCC", "C=CC", "C#CC", "C=C=C", "C1CC1", "C1=CC1",
    }  # fmt: skip


def test_it_reaches_far_from_a_single_seed() -> None:
    butane = Structure.from_smiles("CCCC")
    names = {s.connectivity for s in generate_molecules([butane], 1_000, 0, hydrocarbons_to(7))}
    alkanes = (s for s in enumerate_hydrocarbons(["alkanes"]) if s.n_atoms <= 6)
    assert {s.connectivity for s in alkanes} - names == {"CCCC"}


@pytest.mark.parametrize(
    ("seeds", "reason"),
    [
        ([], "at least one"),
        ([Structure.from_smiles("CCO")], "C2H6O"),
        ([Structure.from_smiles("C")], "CH4"),
        ([Structure.from_smiles("C" * 18)], "C18H38 has 18 carbons.*; it cannot be a seed"),
    ],
)
def test_impossible_seeds_are_refused(seeds: list[Structure], reason: str) -> None:
    with pytest.raises(StructureError, match=reason):
        next(generate_molecules(seeds, 1, 0, HYDROCARBONS))


@pytest.mark.parametrize(
    "smiles",
    [
        "C1CCCCC#C1",  # cycloheptyne
        "C1=C=CCC1",  # cyclopentadiene with an allene
        "C=C=C=C",
        "C12=CCC(CC1)C2",  # norbornene with its double bond at the bridgehead
        "C12C3C1C32",  # tetrahedrane
    ],
)
def test_strained_molecules_are_refused(smiles: str) -> None:
    assert strain(Structure.from_smiles(smiles)) is not None


@pytest.mark.parametrize(
    "smiles",
    [
        "C1CCCCCC#C1",  # cyclooctyne
        "C=C=C",
        "C1=CC2CCC1C2",  # norbornene
        "C1CC12CC2",  # spiropentane
        "C12C3C4C1C5C2C3C45",  # cubane
        "c1ccc2ccccc2c1",
        "C1CCC2=C(C1)CCCC2",  # a double bond at a fusion is none at a bridgehead
        "C1CC2=CC=C(CCCCCC1)C=C2",  # paracyclophane: a long bridge
        "c1ccc2c(c1)C1C=CC2C=C1",  # benzobarrelene
        "C#CC#C",
        "C#CC=C",
    ],
)
def test_known_molecules_pass(smiles: str) -> None:
    assert strain(Structure.from_smiles(smiles)) is None
