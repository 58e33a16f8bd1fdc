"""Molecular formulas as they are typed and written, and how much an element binds."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from rdkit import Chem, rdBase

from nmrflow.errors import StructureError

_FORMULA = re.compile(r"(?:[A-Z][a-z]?(?:[1-9][0-9]{0,2})?)+")
_PART = re.compile(r"([A-Z][a-z]?)([0-9]*)")


def parse_formula(text: str) -> dict[str, int]:
    """How many atoms of each element a neutral molecule's formula says, hydrogen among them.

    Args:
        text: As C10H14 or C6H5Cl, each element once, in any order; also as it is pasted, with
            subscripts (C₇H₈), blanks or mark-up, and in small letters where that is one formula.

    Raises:
        StructureError: If it is no formula.

    Example:
        >>> parse_formula("C2H6O")
        {'C': 2, 'H': 6, 'O': 1}
    """
    plain = _plain(text)
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


def _plain(text: str) -> str:
    """A formula without what word processors and web pages put into it."""
    plain = re.sub(r"</?su[bp]>|[_{}$~\s\u200b]", "", unicodedata.normalize("NFKC", text))
    # In small letters alone carbon and hydrogen cannot be told from Co, Cs or Hf, but for c7h8.
    small = re.fullmatch(r"c([0-9]*)h([0-9]*)", plain)
    return f"C{small[1]}H{small[2]}" if small else plain


def plain_formula(text: str) -> str:
    """A formula in Hill order, as structures write theirs; raises as :func:`parse_formula`."""
    return hill(parse_formula(text))


@cache
def max_valence(element: str, charge: int = 0) -> int | None:
    """Greatest sum of bond orders of an atom without radicals; None where there is no limit.

    A charged atom binds as the neutral one with as many electrons does.

    Raises:
        StructureError: If there is no such element.
    """
    table = Chem.GetPeriodicTable()
    with rdBase.BlockLogs():
        try:
            number = table.GetAtomicNumber(element)
            most = max(table.GetValenceList(max(number - charge, 1)))
        except (RuntimeError, OverflowError) as error:
            raise StructureError(f"{element} is no element") from error
    return most if most >= 0 else None


def hill(counts: Mapping[str, int], charge: int = 0) -> str:
    """A molecular formula in Hill order: C, H, then the others by their symbols."""
    first = ["C", "H"] if counts.get("C") else []
    order = [*first, *sorted(set(counts) - set(first))]
    text = "".join(
        symbol + (str(counts[symbol]) if counts[symbol] > 1 else "")
        for symbol in order
        if counts.get(symbol)
    )
    size = str(abs(charge)) if abs(charge) > 1 else ""
    return text + (f"{size}{'+' if charge > 0 else '-'}" if charge else "")


def elements_of(formula: str) -> frozenset[str]:
    """The elements in a formula that :func:`hill` wrote, of an ion too.

    Example:
        >>> sorted(elements_of("C6H5Cl"))
        ['C', 'Cl', 'H']
    """
    return frozenset(element for element, _ in _PART.findall(formula))
