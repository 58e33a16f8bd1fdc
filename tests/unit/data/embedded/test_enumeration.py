"""The enumeration makes every molecule of a family once, and none that is foreign to it."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from embedded.enumeration import (
    FAMILIES,
    MAX_CARBONS,
    METHYL,
    SMALL_GROUPS,
    Alkyl,
    alkanes,
    alkenes,
    alkyl_groups,
    alkylbenzenes,
    alkynes,
    cycloalkane,
    enumerate_hydrocarbons,
    n_alkylcyclohexane,
)
from nmrflow.chem.structure import Structure

ETHYL, PROPYL = SMALL_GROUPS[1:3]
Family = Callable[..., Iterator[Structure]]


def test_alkyl_groups_are_counted_right() -> None:
    # Rooted trees with at most three children (OEIS A000598): methyl, ethyl, two propyls ...
    assert [len(alkyl_groups(n)) for n in range(1, 9)] == [1, 1, 2, 4, 8, 17, 39, 89]
    assert all(len(set(alkyl_groups(n))) == len(alkyl_groups(n)) for n in range(1, 9))


@pytest.mark.parametrize(
    ("family", "first", "counts"),
    [
        (alkanes, 1, [1, 1, 1, 2, 3, 5, 9, 18, 35, 75]),
        (alkenes, 2, [1, 1, 3, 5, 13, 27, 66]),
        (alkynes, 2, [1, 1, 2, 3, 7, 14]),
    ],
)
def test_isomers_are_counted_right_and_differ(
    family: Family, first: int, counts: list[int]
) -> None:
    for n_carbons, count in enumerate(counts, first):
        isomers = list(family(n_carbons))
        assert len(isomers) == count
        assert len({isomer.connectivity for isomer in isomers}) == count
        assert {isomer.n_atoms for isomer in isomers} == {n_carbons}


@pytest.mark.parametrize("family", [alkanes, alkenes, alkynes])
def test_branch_limit_selects_among_all_isomers(family: Family) -> None:
    def n_branches(structure: Structure) -> int:
        return sum(max(0, len(row) - 2) for row in structure.neighbours)

    everything = [(n_branches(isomer), isomer.connectivity) for isomer in family(8)]
    for limit in range(4):
        limited = sorted(isomer.connectivity for isomer in family(8, limit))
        assert limited == sorted(name for n, name in everything if n <= limit)


@pytest.mark.parametrize(
    ("groups", "count"),
    [
        ([], 1),
        ([METHYL], 1),
        ([METHYL] * 2, 3),
        ([METHYL] * 3, 3),
        ([METHYL] * 4, 3),
        ([METHYL] * 5, 1),
        ([METHYL] * 6, 1),
        ([METHYL, ETHYL], 3),
        ([METHYL, METHYL, ETHYL], 6),
        ([METHYL, ETHYL, PROPYL], 10),
    ],
)
def test_alkylbenzenes_have_every_position_once(groups: list[Alkyl], count: int) -> None:
    isomers = list(alkylbenzenes(groups))
    assert len(isomers) == len({isomer.connectivity for isomer in isomers}) == count
    assert all(sum(bond.aromatic for bond in isomer.bonds) == 6 for isomer in isomers)


@pytest.mark.parametrize(
    ("made", "smiles"),
    [
        (cycloalkane(3), "C1CC1"),
        (cycloalkane(10), "C1CCCCCCCCC1"),
        (n_alkylcyclohexane(1), "CC1CCCCC1"),
        (n_alkylcyclohexane(4), "CCCCC1CCCCC1"),
        (next(alkylbenzenes([SMALL_GROUPS[4]])), "CC(C)(C)c1ccccc1"),
        (next(alkylbenzenes([SMALL_GROUPS[3]])), "CC(C)c1ccccc1"),
    ],
)
def test_builders_make_the_molecule_they_name(made: Structure, smiles: str) -> None:
    assert made.connectivity == Structure.from_smiles(smiles).connectivity


def test_all_families_together_keep_to_the_domain() -> None:
    structures = list(enumerate_hydrocarbons())
    assert len({structure.connectivity for structure in structures}) == len(structures)
    sizes = Counter(structure.n_atoms for structure in structures)
    assert set(sizes) == set(range(2, MAX_CARBONS + 1))
    assert max(sizes.values()) < 0.2 * len(structures)  # No size outweighs the others.
    assert all(set(structure.elements) == {"C"} for structure in structures)


def test_the_order_is_fixed_and_families_can_be_chosen() -> None:
    separate = [s for family in FAMILIES for s in enumerate_hydrocarbons([family])]
    assert separate == list(enumerate_hydrocarbons())


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ValueError, match="no family 'dienes'"):
        next(enumerate_hydrocarbons(["dienes"]))
