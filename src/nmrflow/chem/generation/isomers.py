"""Isomers of a molecule, by edits that keep its formula."""

from collections.abc import Iterator
from random import Random

from nmrflow.chem.domain import Domain
from nmrflow.chem.generation import edits
from nmrflow.chem.generation.strain import find_strain
from nmrflow.chem.structure import Structure, sort_bonds
from nmrflow.errors import StructureError

KEEPING = (edits.move_group, edits.move_group, edits.shift_bond, edits.shift_double_bond)
"""Edits that move bonds and leave the formula, each as often as it stands here."""

MOST_EDITS = 3
"""From the molecule to an isomer."""


def isomers_of(
    structure: Structure, domain: Domain, n_tries: int, seed: int
) -> Iterator[Structure]:
    """Unstrained isomers within a domain, a few edits away; one may come several times.

    Args:
        structure: Of the domain.
        domain: What is kept.
        n_tries: Each gives an isomer or none.
        seed: Of the edits.

    Raises:
        StructureError: If the structure is outside the domain.
    """
    rng = Random(seed)
    kinds = domain.kinds_of(structure)
    for _ in range(n_tries):
        skeleton = edits.skeleton_of(structure.bonds, kinds, domain.valences)
        for _ in range(1 + int(rng.random() * MOST_EDITS)):
            edited = skeleton.edited()
            if KEEPING[int(rng.random() * len(KEEPING))](edited, rng):
                skeleton = edited
        bonds = sort_bonds(
            (atom, other, order, False)
            for atom, row in enumerate(skeleton)
            for other, order in row.items()
            if atom < other
        )
        try:
            made = Structure(structure.elements, bonds, structure.charges)
            is_another = made.connectivity != structure.connectivity
            if made.formula != structure.formula or domain.refusal(made) or not is_another:
                continue
        except StructureError:
            continue
        mol = made.to_mol()  # What it tells of its rings does not outlive it.
        if find_strain(skeleton, mol.GetRingInfo().AtomRings()) is None:
            yield made
