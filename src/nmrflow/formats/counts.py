"""How many atoms of which kind a molecule has, as it is typed."""

import re
from collections.abc import Callable, Sequence

from nmrflow.chem.formula import max_valence
from nmrflow.errors import StructureError
from nmrflow.spectra.question import Conditions, Count

CARBONS = ("C", "CH", "CH2", "CH3")
"""Carbons by their hydrogens, as DEPT or an edited HSQC tells them."""

_COUNT = re.compile(
    r"\s*(?P<name>.+?)\s*(?P<sign><=|>=|≤|≥|=)\s*(?P<n>[0-9]{1,3})"
    r"(\s*[-–]\s*(?P<most>[0-9]{1,3}))?\s*"  # the dash of word processors, too
)


def parse_conditions(
    elements: str | None,
    counts: str | None,
    dept: str | None,
    substructures: Sequence[str] = (),
    without: Sequence[str] = (),
) -> Conditions:
    """Conditions as they are typed, None where nothing is.

    Args:
        elements: As of :func:`parse_elements`.
        counts: As of :func:`parse_atoms`.
        dept: Carbons by their hydrogens, as of :func:`parse_counts`.
        substructures: As of :class:`Conditions`.
        without: The same, of what the molecule does not hold.

    Raises:
        StructureError: If one cannot be read; it names the command's option.
    """
    return Conditions(
        None if elements is None else parse_elements(elements),
        () if counts is None else parse_atoms(counts, "--counts"),
        () if dept is None else parse_counts(dept, CARBONS, "--dept"),
        tuple(substructures),
        tuple(without),
    )


def parse_counts(text: str, names: Sequence[str], option: str) -> tuple[Count, ...]:
    """Numbers as they are typed: ``CH3=2, C=O>=1, CH<=4, CH2=2-3``.

    Args:
        text: Separated by commas.
        names: What may be counted; capitals do not matter.
        option: What the text is called in errors.

    Raises:
        StructureError: If one is of none of the names, has no number, or comes twice.
    """
    known = {name.lower(): name for name in names}
    return _parsed(text, option, lambda name: known.get(name.lower()), f"of {', '.join(names)}")


def parse_atoms(text: str, option: str) -> tuple[Count, ...]:
    """Numbers of atoms by element: ``N=1, O>=2, H=10-14``; raises as :func:`parse_counts`."""

    def element(name: str) -> str | None:
        try:
            max_valence(name)
        except StructureError:
            return None
        return name

    return _parsed(text, option, element, "an element")


def parse_elements(text: str) -> frozenset[str]:
    """Elements as they are typed: ``C,H,N,O``, ``C H Cl``, or ``CHNO`` where that is one reading.

    Raises:
        StructureError: If one is no element.
    """
    found = re.findall(r"[A-Z][a-z]?", text)
    if not found or re.sub(r"[\s,;]", "", text) != "".join(found):
        raise StructureError(f"elements {text!r}: name them as C,H,N,O")
    for element in found:
        max_valence(element)
    return frozenset(found)


def _parsed(
    text: str, option: str, find: Callable[[str], str | None], kinds: str
) -> tuple[Count, ...]:
    found: dict[str, Count] = {}
    for part in filter(str.strip, text.split(",")):
        match = _COUNT.fullmatch(part)
        name = match and find(match["name"])
        if match is None or name is None or (match["most"] and match["sign"] != "="):
            raise StructureError(
                f"{option} {part.strip()!r}: give a name, {kinds}; =, <= or >=; and a number, or "
                "two as 2-4"
            )
        n, most = int(match["n"]), match["most"]
        if most is not None and int(most) < n:
            raise StructureError(f"{option} {part.strip()!r}: {most} is less than {n}")
        least = 0 if match["sign"] in ("<=", "≤") else n
        no_bound = match["sign"] in (">=", "≥")
        own = Count(name, least, None if no_bound else int(most or n))
        found[name] = own if name not in found else _both(found[name], own, option)
    if not found:
        raise StructureError(f"{option}: nothing is named; give a name, {kinds}, and a number")
    return tuple(found.values())


def _both(one: Count, other: Count, option: str) -> Count:
    tops = [most for most in (one.most, other.most) if most is not None]
    both = Count(one.name, max(one.least, other.least), min(tops) if tops else None)
    if not both.allows(both.least):
        raise StructureError(f"{option}: {one} and {other} cannot both be")
    return both
