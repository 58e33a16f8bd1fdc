"""What peak lists as text are made of: shifts, groups, heads, and how a line is refused."""

import re
from functools import cache
from typing import NamedTuple

from nmrflow.errors import SpectrumError
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import BRACKET

MAX_RANGE_PPM = 10.0
"""A wider range is no signal: its dash separates two shifts."""

NAMES_OF_SHIFTS = frozenset(("ppm", "shift", "shift_ppm", "chemical_shift", "delta", "δ"))
"""What a shift is called, in the header of a table or before a list."""

# Python's own \d and float() also take digits of other scripts.
NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
"""A number with a decimal point: a regular expression, as those below."""

COUNT = r"([1-9][0-9]{0,2})"
"""A number of atoms."""

LIST_HINT = (
    "separate shifts by commas, put notes in brackets behind them, or give a table with a header "
    "such as ppm,intensity"
)

CHECK = "check the number"
"""What to do about a shift out of range."""

_SHIFT = re.compile(rf"({NUMBER})(?:\s*-\s*({NUMBER}))? ?(?:ppm)?")


class Words(NamedTuple):
    """What is written in lists of one nucleus's shifts.

    Args:
        head: Begins a publication's sentence, up to the first shift; ``conditions`` in brackets.
        name: How the spectrum is called in it.
        lead: What may stand around the conditions.
        group: Tells the kind or the number of atoms: CH2, 2C, 2 × CH. Its groups are number and
            kind, kind and number, or number.
        letters: The multiplicity of each kind, in capitals.
    """

    head: re.Pattern[str]
    name: str
    lead: re.Pattern[str]
    group: re.Pattern[str]
    letters: dict[str, str]


@cache
def words(nucleus: Nucleus) -> Words:
    """The words of a nucleus."""
    mass, element = nucleus.mass, nucleus.element
    delta = rf"(?:δ|delta|d(?![a-z]))(?:\s?_?{element}(?![a-z]))?"
    lead = rf"(?:[\s:=,/]|{delta}|[(\[]ppm[)\]]|ppm\b|in\b)*"
    isotope = rf"(?:{mass}[\s-]*{element}|{element}[\s-]*{mass}|{nucleus.noun})"
    decoupled = r"(?:[\s-]*[{(]\s*1H\s*[})])?"
    name = (
        rf"(?:{isotope}{decoupled}[\s,-]*(?:(?:DEPT|APT|INEPT|UDEFT)[\s-]*(?:Q|[0-9]{{2,3}})?[\s-]*)?"
        rf"NMR\b{decoupled}|{isotope}{decoupled}(?=\s*[(:δ])|δ\s?_?{element}(?![\w]))"
    )
    conditions = rf"(?P<conditions>{BRACKET}|\[[^\[\]]*\]|[0-9.]+ ?MHz[^δ;:]{{0,40}}(?=δ))"
    head = rf"\s*(?:{name}|{delta}){lead}(?:{conditions}{lead})?"
    kind = rf"{element}H[23]?|{element}q?"
    letters = {group.upper(): letter for letter, group in nucleus.groups.items()}
    if bare := nucleus.letter(0):
        letters[f"{element}Q".upper()] = bare
    return Words(
        re.compile(head, re.IGNORECASE),
        name,
        re.compile(lead, re.IGNORECASE),
        re.compile(
            rf"(?:{COUNT} ?[x×X*]? ?)?({kind})|({kind})? ?[x×X*] ?{COUNT}"
            rf"|{COUNT} ?(?:[x×X]|{nucleus.noun}s)"
        ),
        letters,
    )


def read_shift(text: str, line: int, nucleus: Nucleus) -> tuple[float, float]:
    """Shift and half width of a number or of a range.

    Raises:
        SpectrumError: If it is none.
    """
    match = _SHIFT.fullmatch(text)
    if not match:
        raise refused(line, text, "is not a shift", LIST_HINT)
    ends = [float(end) for end in match.groups() if end]
    for end in ends:
        check_shift(end, nucleus, line, text, CHECK)
    if len(ends) == 1:
        return ends[0], 0.0
    low, high = min(ends), max(ends)
    if high - low > MAX_RANGE_PPM:
        why = f"spans more than {MAX_RANGE_PPM:g} ppm"
        raise refused(line, text, why, "separate two shifts by a comma")
    if low == high:
        return low, 0.0
    return round((low + high) / 2, 6), round((high - low) / 2, 6)


def check_shift(shift_ppm: float, nucleus: Nucleus, line: int, read: str, hint: str) -> None:
    """As :meth:`nmrflow.spectra.nucleus.Nucleus.check_shift`, of a number of a line."""
    try:
        nucleus.check_shift(shift_ppm)
    except SpectrumError as error:
        raise refused(line, read, f"is no {nucleus.name} shift ({error})", hint) from None


def refused(line: int, read: str, why: str, hint: str) -> SpectrumError:
    """The error for a line: what was read, why it is refused, what to do."""
    read = " ".join(read.split())
    shown = read if len(read) <= 60 else f"{read[:57]}..."
    return SpectrumError(f"line {line}: {shown!r} {why}; {hint}")
