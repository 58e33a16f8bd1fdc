"""A few rules that tell hydrocarbons which valence allows but strain forbids."""

from nmrflow.chem.generation.edits import Skeleton

SMALL_RING = 8
"""Rings below this size hold no triple bond, no allene and no bridgehead double bond.

Cyclooctyne is the smallest cycloalkyne that can be kept; Bredt's rule forbids a double bond
at the bridgehead of small bicyclic systems.
"""

MAX_THREE_RINGS = 2
"""Rings of three that one carbon may be in: the middle one of spiropentane is in two."""


def find_strain(skeleton: Skeleton, rings: tuple[tuple[int, ...], ...]) -> str | None:
    """The first reason why a skeleton is no plausible molecule, in words, or None.

    Args:
        skeleton: One Kekulé form.
        rings: Its smallest rings (symmetrised), the carbons of each.
    """
    linear = {
        atom for atom, row in enumerate(skeleton) if 3 in row.values() or _n_double(row) == 2
    }
    for atom in linear:
        # A triple bond has two linear ends, which is why orders are compared as well.
        if any(order == 2 and other in linear for other, order in skeleton[atom].items()):
            return "more than two double bonds in a row"
    small = [frozenset(ring) for ring in rings if len(ring) < SMALL_RING]
    if any(ring & linear for ring in small):
        return f"a linear carbon in a ring of fewer than {SMALL_RING}"
    three = [ring for ring in small if len(ring) == 3]
    if any(
        sum(atom in ring for ring in three) > MAX_THREE_RINGS for ring in three for atom in ring
    ):
        return f"a carbon in more than {MAX_THREE_RINGS} rings of three"
    for k, ring in enumerate(small):
        for other in small[:k]:
            if _has_bridgehead_alkene(skeleton, ring, other):
                return "a double bond at a bridgehead"
    return None


def _n_double(row: dict[int, int]) -> int:
    return sum(order == 2 for order in row.values())


def _has_bridgehead_alkene(
    skeleton: Skeleton, ring: frozenset[int], other: frozenset[int]
) -> bool:
    common = ring & other
    if len(common) < 3:  # One common bond is fusion, one common carbon spiro: no bridge.
        return False
    outside = (ring | other) - common
    return any(
        2 in skeleton[atom].values() and not outside.isdisjoint(skeleton[atom]) for atom in common
    )
