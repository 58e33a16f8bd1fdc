"""Every edit leaves a connected skeleton within valence, and does what its name says."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.chem.generation import edits
from nmrflow.chem.generation.edits import Edit, Skeleton
from nmrflow.chem.generation.walk import EDITS
from nmrflow.chem.structure import Structure, sort_bonds

TOLUENE, BUTENE, CUMENE = "Cc1ccccc1", "C=CCC", "CC(C)c1ccccc1"


def to_structure(skeleton: Skeleton) -> Structure:
    bonds = [
        (a, b, order, False) for a, row in enumerate(skeleton) for b, order in row.items() if a < b
    ]
    return Structure(("C",) * len(skeleton), sort_bonds(bonds))


def results(edit: Edit, smiles: str) -> set[str]:
    """What else an edit can make of a molecule, in 300 tries."""
    found = set()
    for seed in range(300):
        skeleton = edits.skeleton_of(Structure.from_smiles(smiles).bonds)
        if edit(skeleton, Random(seed)):
            found.add(to_structure(skeleton).connectivity)
    return found - {Structure.from_smiles(smiles).connectivity}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
@given(structure=st.from_type(Structure), seed=st.integers(0, 2**32))
def test_an_edit_leaves_a_molecule(edit: Edit, structure: Structure, seed: int) -> None:
    skeleton = edits.skeleton_of(structure.bonds)
    if edit(skeleton, Random(seed)):
        # A Structure refuses what does not hang together or has five bonds.
        assert to_structure(skeleton).n_atoms == len(skeleton)
        assert all(
            skeleton[b][a] == order for a, row in enumerate(skeleton) for b, order in row.items()
        )


@given(structure=st.from_type(Structure), donor=st.from_type(Structure), seed=st.integers(0, 99))
def test_an_exchange_leaves_a_molecule(structure: Structure, donor: Structure, seed: int) -> None:
    groups = edits.groups_of(edits.skeleton_of(donor.bonds)) or [[{}]]
    skeleton = edits.skeleton_of(structure.bonds)
    if edits.exchange_group(groups)(skeleton, Random(seed)):
        assert to_structure(skeleton).n_atoms == len(skeleton)


@pytest.mark.parametrize(
    ("edit", "smiles", "expected"),
    [
        (edits.add_carbon, "CC", {"CCC"}),
        (edits.add_carbon, BUTENE, {"C=CCCC", "C=C(C)CC", "C=CC(C)C", "CC=CCC"}),
        (edits.insert_carbon, "C1CC1", {"C1CCC1"}),
        (edits.remove_carbon, "CC(C)C", {"CCC"}),
        (edits.remove_carbon, "C1CCC1", {"C1CC1"}),
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


def test_groups_are_what_single_bonds_outside_rings_hold() -> None:
    skeleton = edits.skeleton_of(Structure.from_smiles(CUMENE).bonds)
    groups = [to_structure(group).connectivity for group in edits.groups_of(skeleton)]
    # Two methyls and what they hang on, isopropyl and phenyl.
    rest = Structure.from_smiles("CCc1ccccc1").connectivity
    assert sorted(groups) == sorted(["C", "C", rest, rest, "CCC", "c1ccccc1"])


def test_an_exchange_takes_the_place_of_a_hydrogen_or_of_a_group() -> None:
    phenyl = edits.skeleton_of(Structure.from_smiles("c1ccccc1").bonds)
    assert results(edits.exchange_group([phenyl]), "CC") == {
        Structure.from_smiles(s).connectivity for s in (TOLUENE, "CCc1ccccc1")
    }
