"""13C chemical shifts of simple hydrocarbons by textbook additivity rules.

The shift of a carbon is a base value, plus an increment for every other carbon by its distance
in bonds (alpha 1, beta 2, ...), plus corrections for branching.
:mod:`embedded.increments` holds the numbers and their sources. The rules know no
stereochemistry: as far as they tell the two forms of an alkene apart, the shifts are those of
the E form.

Left out, because the rules are poor or uncertain there (:func:`predict_shifts` refuses them):

* a quaternary carbon next to a tertiary or quaternary one: the tabulated corrections of -15
  and -25 ppm rest on few compounds;
* a quaternary carbon next to a triple bond: the alkyne increments miss the end carbon of
  3,3-dimethyl-1-butyne by 6 ppm;
* more than one multiple bond or ring, except benzene: conjugation and ring strain have no place
  in the rules;
* cycloalkanes with substituents other than one unbranched chain on cyclohexane: what a ring
  carbon feels depends on its conformation;
* benzenes with a branched alkyl group next to another group: the increments are those of
  groups that are alone on a ring and turn freely.
"""

from collections.abc import Sequence

from embedded.increments import (
    ALKENE,
    ALKENYL,
    ALKYNE,
    ALKYNYL,
    ARYL_INCREMENTS,
    ARYL_METHYL,
    BENZENE,
    CYCLOALKANES,
    CYCLOHEXYL_RING_LONG,
    CYCLOHEXYL_RINGS,
    CYCLOHEXYL_SHORT_CHAINS,
    NO_GROUP,
    ORTHO_ON_ARYL_METHYL,
    PHENYL,
    SP3_BASE,
    SP3_INCREMENTS,
    STERIC_CORRECTIONS,
    Group,
)
from nmrflow.chem.structure import Bond, Structure
from nmrflow.errors import StructureError


def predict_shifts(structure: Structure) -> tuple[float, ...]:
    """13C shifts of a hydrocarbon that the rules cover.

    Args:
        structure: An alkane; an acyclic alkene or alkyne with one multiple bond; an unbranched
            cycloalkane C3 to C10; an n-alkylcyclohexane; or an alkylbenzene.

    Returns:
        One shift per carbon in ppm, rounded to 0.1, in the atom order of ``structure``.
        Carbons that are equivalent by symmetry have the same value.

    Raises:
        StructureError: If ``structure`` is none of these, or so crowded that the rules fail.
    """
    if any(element != "C" for element in structure.elements):
        raise StructureError("the additivity rules cover hydrocarbons only")
    ring = _ring_atoms(structure)
    multiple = [bond for bond in structure.bonds if bond.order > 1]
    if ring:
        shifts = _benzene(structure, ring) if multiple else _cycloalkane(structure, ring)
    elif not multiple:
        shifts = {atom: _sp3(structure, atom, NO_GROUP) for atom in range(structure.n_atoms)}
    elif len(multiple) == 1:
        shifts = _alkene_or_alkyne(structure, multiple[0])
    else:
        raise StructureError(f"{len(multiple)} multiple bonds; the rules cover one, or benzene")
    # The sums have one decimal; rounding removes the order of summation, and so of the atoms.
    return tuple(round(shifts[atom], 1) for atom in range(structure.n_atoms))


def _ring_atoms(structure: Structure) -> tuple[int, ...]:
    """Atoms of the only ring in ring order, or none for an acyclic structure."""
    n_rings = len(structure.bonds) - structure.n_atoms + 1
    if n_rings > 1:
        raise StructureError(f"{n_rings} rings; the rules cover one at most")
    if n_rings == 0:
        return ()
    near = [{other for other, _ in row} for row in structure.neighbours]
    ends = [atom for atom, others in enumerate(near) if len(others) == 1]
    while ends:  # Stripping chain ends leaves the ring alone.
        end = ends.pop()
        inner = near[end].pop()
        near[inner].discard(end)
        if len(near[inner]) == 1:
            ends.append(inner)
    ring = [next(atom for atom, others in enumerate(near) if others)]
    while rest := near[ring[-1]].difference(ring):
        ring.append(min(rest))
    return tuple(ring)


def _step(structure: Structure, front: list[int], seen: set[int]) -> list[int]:
    """The unseen neighbours of ``front``, each once; they are added to ``seen``."""
    found = []
    for atom in front:
        for other, _ in structure.neighbours[atom]:
            if other not in seen:
                seen.add(other)
                found.append(other)
    return found


def _increments(structure: Structure, start: int, group: Group, unit: Sequence[int]) -> float:
    """Shift of an sp3 carbon without corrections, ppm; ``unit`` holds the atoms of ``group``.

    What lies behind the far atoms of the group does not count; branches on its nearest atom
    count like any other sp3 carbon.
    """
    shift = SP3_BASE
    seen, front = {start}, [start]
    for distance, increment in enumerate(SP3_INCREMENTS):
        front = _step(structure, front, seen)
        for atom in front:
            shift += group.increments[distance] if atom in unit else increment
        if not seen.isdisjoint(unit):
            seen.update(unit)
    return shift


def _sp3(structure: Structure, start: int, group: Group, unit: Sequence[int] = ()) -> float:
    """Shift of an sp3 carbon in ppm: increments and corrections for branching."""
    shift = _increments(structure, start, group, unit)
    own = len(structure.neighbours[start])
    for other, _ in structure.neighbours[start]:
        branching = len(structure.neighbours[other]) - (group.flat if other in unit else 0)
        correction = STERIC_CORRECTIONS[own - 1][branching - 1]
        if correction is None:
            raise StructureError(
                f"atoms {start} and {other} are too crowded: the rules are poor for a quaternary "
                "carbon next to a tertiary or quaternary one"
            )
        shift += correction
    return shift


def _alkene_or_alkyne(structure: Structure, bond: Bond) -> dict[int, float]:
    """Shifts of an acyclic hydrocarbon with one multiple bond, ppm by atom."""
    rule, group = (ALKENE, ALKENYL) if bond.order == 2 else (ALKYNE, ALKYNYL)
    ends = (bond.begin, bond.end)
    if bond.order == 3 and any(
        len(structure.neighbours[alpha]) == 4
        for end in ends
        for alpha, _ in structure.neighbours[end]
    ):
        raise StructureError("a quaternary carbon next to a triple bond")
    shifts = {
        atom: _sp3(structure, atom, group, ends)
        for atom in range(structure.n_atoms)
        if atom not in ends
    }
    for near, far in (ends, ends[::-1]):
        shift = rule.base
        sides = ((near, far, rule.own, rule.geminal), (far, near, rule.other, rule.other_geminal))
        for start, closed, increments, geminal in sides:
            seen, front = {start, closed}, [start]
            for distance, increment in enumerate(increments):
                front = _step(structure, front, seen)
                shift += increment * len(front)
                shift += geminal if distance == 0 and len(front) == 2 else 0.0
        for alpha, _ in structure.neighbours[near]:
            if alpha != far:
                n_beta = len(structure.neighbours[alpha]) - 1
                shift += rule.beta_pair * (n_beta * (n_beta - 1) // 2)
        shifts[near] = shift
    return shifts


def _cycloalkane(structure: Structure, ring: tuple[int, ...]) -> dict[int, float]:
    """Shifts of an unbranched cycloalkane or an n-alkylcyclohexane, ppm by atom."""
    chain = [atom for atom in range(structure.n_atoms) if atom not in ring]
    if not chain:
        if len(ring) not in CYCLOALKANES:
            raise StructureError(f"a ring of {len(ring)}; the rules cover 3 to 10")
        return dict.fromkeys(ring, CYCLOALKANES[len(ring)])
    degrees = [len(row) for row in structure.neighbours]
    if len(ring) != 6 or sum(degrees[atom] - 2 for atom in ring) != 1:
        raise StructureError("the rules cover no rings with substituents but n-alkylcyclohexane")
    if max(degrees[atom] for atom in chain) > 2:
        raise StructureError("a branched alkyl group on cyclohexane; the rules cover n-alkyl")
    place = next(k for k, atom in enumerate(ring) if degrees[atom] == 3)
    values = CYCLOHEXYL_RINGS.get(len(chain), CYCLOHEXYL_RING_LONG)
    shifts = {ring[(place + k) % 6]: values[min(k, 6 - k)] for k in range(6)}
    # The correction for a tertiary neighbour is that of open chains, which turn freely. The ring
    # cannot: without it the rule meets methyl- and ethylcyclohexane, with it it is 3 ppm low.
    shifts |= {atom: _increments(structure, atom, NO_GROUP, ()) for atom in chain}
    if len(chain) in CYCLOHEXYL_SHORT_CHAINS:
        chain.sort(key=lambda atom: -degrees[atom])
        shifts |= zip(chain, CYCLOHEXYL_SHORT_CHAINS[len(chain)], strict=True)
    return shifts


def _benzene(structure: Structure, ring: tuple[int, ...]) -> dict[int, float]:
    """Shifts of an alkylbenzene, ppm by atom."""
    multiple = [bond for bond in structure.bonds if bond.order > 1]
    in_ring = [b for b in multiple if b.order == 2 and b.begin in ring and b.end in ring]
    if len(ring) != 6 or len(multiple) != 3 or len(in_ring) != 3:
        raise StructureError("benzene with alkyl groups is the only unsaturated ring covered")
    shifts = {
        atom: _sp3(structure, atom, PHENYL, ring)
        for atom in range(structure.n_atoms)
        if atom not in ring
    }
    kinds: list[str | None] = []
    for atom in ring:
        first = [other for other, _ in structure.neighbours[atom] if other not in ring]
        kinds.append(_alkyl_kind(structure, atom, first[0]) if first else None)
    for place, atom in enumerate(ring):
        shifts[atom] = BENZENE
        for other, kind in enumerate(kinds):
            if kind is not None:
                around = abs(place - other)
                shifts[atom] += ARYL_INCREMENTS[kind][min(around, 6 - around)]
        if kinds[place] is None:
            continue
        ortho = [kind for kind in (kinds[place - 1], kinds[(place + 1) % 6]) if kind is not None]
        if ortho and {kinds[place], *ortho} & {"secondary", "tertiary"}:
            raise StructureError("a branched alkyl group next to another one on benzene")
        if kinds[place] == "methyl":
            (methyl,) = (o for o, _ in structure.neighbours[atom] if o not in ring)
            shifts[methyl] = ARYL_METHYL + ORTHO_ON_ARYL_METHYL * len(ortho)
    return shifts


def _alkyl_kind(structure: Structure, ipso: int, first: int) -> str:
    """The row of :data:`ARYL_INCREMENTS` for the group that starts with ``first``."""
    inner = [other for other, _ in structure.neighbours[first] if other != ipso]
    if len(inner) == 1 and len(structure.neighbours[inner[0]]) == 1:
        return "ethyl"
    return ("methyl", "primary", "secondary", "tertiary")[len(inner)]
