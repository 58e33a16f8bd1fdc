"""Every edit leaves a connected skeleton within valence, and does what its name says."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.chem.codecs.published import HYDROCARBONS
from nmrflow.chem.domain import Domain
from nmrflow.chem.generation import edits
from nmrflow.chem.generation.edits import Edit, Skeleton
from nmrflow.chem.generation.walk import EDITS
from nmrflow.chem.structure import Structure, sort_bonds

TOLUENE, BUTENE, CUMENE = "Cc1ccccc1", "C=CCC", "CC(C)c1ccccc1"


CHNO = Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=9)
CHARGED = Domain([["C", 0, 4], ["N", 0, 3], ["N", 1, 4], ["O", 0, 2], ["O", -1, 1]], max_atoms=9)
DOMAINS = {"hydrocarbons": HYDROCARBONS, "CHNO": CHNO, "charged": CHARGED}
ALL_EDITS = [*EDITS, edits.change_kind]

MoleculesOf = Callable[[Domain], st.SearchStrategy[Structure]]


@pytest.fixture(params=DOMAINS, scope="module")
def domain(request: pytest.FixtureRequest) -> Domain:
    return DOMAINS[request.param]


@pytest.fixture(scope="module")
def known(domain: Domain, molecules_of: MoleculesOf) -> st.SearchStrategy[Structure]:
    """Molecules with a bond: from a lone atom no edit leads anywhere."""
    known = st.from_type(Structure) if domain is HYDROCARBONS else molecules_of(domain)
    return known.filter(lambda structure: structure.bonds)


def to_skeleton(structure: Structure | str, domain: Domain = HYDROCARBONS) -> Skeleton:
    if isinstance(structure, str):
        structure = Structure.from_smiles(structure)
    return edits.skeleton_of(structure.bonds, domain.kinds_of(structure), domain.valences)


def to_structure(skeleton: Skeleton, domain: Domain = HYDROCARBONS) -> Structure:
    bonds = [
        (a, b, order, False) for a, row in enumerate(skeleton) for b, order in row.items() if a < b
    ]
    types = [domain.atom_types[kind] for kind in skeleton.kinds]
    return Structure(
        tuple(t.element for t in types), sort_bonds(bonds), tuple(t.charge for t in types)
    )


def check_molecule(skeleton: Skeleton, domain: Domain) -> None:
    # A Structure refuses what does not hang together or has too many bonds.
    structure = to_structure(skeleton, domain)
    assert structure.n_atoms == len(skeleton) == len(skeleton.kinds)
    assert skeleton.valences == domain.valences
    if domain.min_atoms <= structure.n_atoms <= domain.max_atoms:
        assert domain.kinds_of(structure) == tuple(skeleton.kinds)
    assert all(
        skeleton[b][a] == order for a, row in enumerate(skeleton) for b, order in row.items()
    )


def results(edit: Edit, smiles: str, domain: Domain = HYDROCARBONS) -> set[str]:
    """What else an edit can make of a molecule, in 300 tries."""
    found = set()
    for seed in range(300):
        skeleton = to_skeleton(smiles, domain)
        if edit(skeleton, Random(seed)):
            found.add(to_structure(skeleton, domain).connectivity)
    return found - {Structure.from_smiles(smiles).connectivity}


@given(data=st.data(), seed=st.integers(0, 2**32))
def test_an_edit_leaves_a_molecule(
    domain: Domain, known: st.SearchStrategy[Structure], data: st.DataObject, seed: int
) -> None:
    before = to_skeleton(data.draw(known), domain)
    untouched = before.edited()
    for edit in ALL_EDITS:
        skeleton = before.edited()
        if edit(skeleton, Random(seed)):
            check_molecule(skeleton, domain)
        assert before == untouched, edit.__name__  # a copy is a copy
        assert before.kinds == untouched.kinds, edit.__name__


@given(data=st.data(), seed=st.integers(0, 99))
def test_an_exchange_leaves_a_molecule(
    domain: Domain, known: st.SearchStrategy[Structure], data: st.DataObject, seed: int
) -> None:
    structure, donor = data.draw(known), data.draw(known)
    lone = Skeleton([{}], [0], domain.valences)
    groups = edits.groups_of(to_skeleton(donor, domain)) or [lone]
    skeleton = to_skeleton(structure, domain)
    if edits.exchange_group(groups)(skeleton, Random(seed)):
        check_molecule(skeleton, domain)


@pytest.mark.parametrize(
    ("edit", "smiles", "expected"),
    [
        (edits.add_atom, "CC", {"CCC"}),
        (edits.add_atom, BUTENE, {"C=CCCC", "C=C(C)CC", "C=CC(C)C", "CC=CCC"}),
        (edits.insert_atom, "C1CC1", {"C1CCC1"}),
        (edits.remove_atom, "CC(C)C", {"CCC"}),
        (edits.remove_atom, "C1CCC1", {"C1CC1"}),
        (edits.move_group, "CC1CCC1", set()),
        (edits.move_group, "CCC1CCC1", {"CC1(C)CCC1", "CC1CCC1C", "CC1CC(C)C1"}),
        (edits.shift_bond, "CCCC", {"CC(C)C"}),
        (edits.change_order, "C=C", {"CC", "C#C"}),
        (edits.shift_double_bond, BUTENE, {"CC=CC"}),
        (edits.open_ring, "C1CC1", {"CCC"}),
        (edits.close_ring, "CCC", {"C1CC1"}),
        (edits.make_benzene, "CC1CCCCC1", {TOLUENE}),
        (edits.make_benzene, "C1CCCC1", set()),
    ],
)
def test_an_edit_makes_what_its_name_says(edit: Edit, smiles: str, expected: set[str]) -> None:
    assert results(edit, smiles) == {Structure.from_smiles(s).connectivity for s in expected}


@pytest.mark.parametrize(
    ("edit", "smiles", "expected"),
    [
        (edits.add_atom, "CO", {"CCO", "CON", "COO", "COC", "NCO", "OCO"}),
        (edits.insert_atom, "CN", {"CCN", "CNN", "CON"}),
        (edits.remove_atom, "COC", {"CC", "CO"}),
        (edits.change_kind, "CO", {"NO", "OO", "CC", "CN"}),
        (edits.change_kind, "C=O", {"N=O", "O=O", "C=C", "C=N"}),
        (edits.change_kind, "C#C", {"C#N"}),
        (edits.make_benzene, "C1CCNCC1", {"c1ccncc1"}),
        (edits.make_benzene, "C1CCOCC1", set()),
        (edits.change_order, "CO", {"C=O"}),
    ],
)
def test_an_edit_knows_kinds(edit: Edit, smiles: str, expected: set[str]) -> None:
    made = {Structure.from_smiles(s).connectivity for s in expected}
    assert results(edit, smiles, CHNO) == made


def test_of_hydrocarbons_no_kind_changes() -> None:
    assert results(edits.change_kind, "CCC") == set()


def test_groups_are_what_single_bonds_outside_rings_hold() -> None:
    skeleton = to_skeleton(CUMENE)
    groups = [to_structure(group).connectivity for group in edits.groups_of(skeleton)]
    # Two methyls and what they hang on, isopropyl and phenyl.
    rest = Structure.from_smiles("CCc1ccccc1").connectivity
    assert sorted(groups) == sorted(["C", "C", rest, rest, "CCC", "c1ccccc1"])


def test_an_exchange_takes_the_place_of_a_hydrogen_or_of_a_group() -> None:
    phenyl = to_skeleton("c1ccccc1")
    assert results(edits.exchange_group([phenyl]), "CC") == {
        Structure.from_smiles(s).connectivity for s in (TOLUENE, "CCc1ccccc1")
    }
