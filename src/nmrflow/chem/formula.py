"""Molecular formulas as they are typed."""

import re

from nmrflow.chem.structure import hill, max_valence
from nmrflow.errors import StructureError

_FORMULA = re.compile(r"(?:[A-Z][a-z]?(?:[1-9][0-9]{0,2})?)+")
_PART = re.compile(r"([A-Z][a-z]?)([0-9]*)")


def parse_formula(text: str) -> dict[str, int]:
    """How many atoms of each element a neutral molecule's formula says, hydrogen among them.

    Args:
        text: As C10H14 or C6H5Cl, each element once, in any order.

    Raises:
        StructureError: If it is no formula.

    Example:
        >>> parse_formula("C2H6O")
        {'C': 2, 'H': 6, 'O': 1}
    """
    plain = text.strip()
    parts = _PART.findall(plain) if _FORMULA.fullmatch(plain) else []
    counts = {element: int(n or 1) for element, n in parts}
    try:
        is_formula = bool(counts) and len(counts) == len(parts)
        is_formula = is_formula and all(max_valence(element) != 0 for element in counts)
    except StructureError:
        is_formula = False
    if not is_formula:
        raise StructureError(f"formula {text!r} is none of a molecule, as C10H14 is")
    return counts


def plain_formula(text: str) -> str:
    """A formula in Hill order, as structures write theirs; raises as :func:`parse_formula`."""
    return hill(parse_formula(text))
