"""Which part of a publication's text is the spectrum: what stands before and behind is not."""

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from nmrflow.formats.shift_words import refused, words
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import BRACKET

_BRACKET = re.compile(BRACKET)
_DEPT = r"(?:DEPT|INEPT)"
_EDITED = re.compile(rf"{_DEPT}[\s-]*Q?[\s-]*(?:45|90|135)", re.IGNORECASE)
# What each kind may begin with stands before it, and saves most of the search.
_OTHER = re.compile(
    r"(?=[A-Z0-9mδ\[-])(?:"
    rf"(?=[A-Zm\[-])(?<![\w-])(?:{_DEPT}[\s-]*(?:Q|45|90|135)?(?![\w])|APT(?!\w)|HSQC|HMQC|HMBC"
    r"|COSY|TOCSY|NOESY|ROESY|INADEQUATE|(?:HR|LR|LC|GC|ESI|EI|CI|FAB|APCI|MALDI)[\s-]?(?:ESI|EI|TOF)?[\s-]?MS"
    r"|HRESIMS|HREIMS|MS(?!\w)|(?:FT[\s-]?|-)?IR(?!\w)|UV(?:[-/]?vis)?(?!\w)|Anal(?:ysis|\.)"
    r"|Elemental|[Mm]\.?\s?[Pp]\.?(?=[\s:=]*[0-9>])|Rf(?=[\s:=]*0)|\[α\]|m/z|Calcd|Found\s*:)"
    r"|(?=[0-9A-Z])(?<![\w])(?:[0-9]{1,3}\s*[A-Z][a-z]?|[A-Z][a-z]?-[0-9]{1,3})"
    r"(?:\s*\{[^{}]{1,9}\})?[\s,-]*(?:[A-Z]{2,6}[\s-]*)?NMR(?!\w)|(?<!\w)NMR(?!\w)"
    r"|(?<![\w])δ\s?_?(?:H|F|P|N|B|Si)(?![\w])"
    r"|(?=[13])(?<![\w-])(?:1H|19F|31P|15N|11B)(?=\s*[(:δ]))"
)


_LETTER = re.compile("[A-Za-zα]")
"""One is in every name of a spectrum."""


class Section(NamedTuple):
    """Where a spectrum stands in a text.

    Args:
        start: Where its head begins.
        end: Behind its last character.
        remarks: What of the text is passed over.
    """

    start: int
    end: int
    remarks: tuple[str, ...]


def find_section(text: str, nucleus: Nucleus) -> Section:
    """The part of a text that is the spectrum of a nucleus; all of one without any head.

    Raises:
        SpectrumError: If other spectra are there and none of the nucleus, or several of it.
    """
    if not _LETTER.search(text):
        return Section(0, len(text), ())
    plain = without_brackets(text)
    heads = _heads(plain, nucleus)
    other = [
        (match.start(), " ".join(match[0].split()))
        for match in _OTHER.finditer(plain)
        if not any(start <= match.start() < end for start, end in heads)
    ]
    if not heads and not other:
        return Section(0, len(text), ())
    ends = sorted([*(start for start, _ in (*heads, *other)), len(text)])
    whole, edited = list[Section](), list[tuple[int, str]]()
    for start, head_end in heads:
        end = ends[ends.index(start) + 1]
        if _is_edited(text, start, head_end):
            edited.append((start, " ".join(text[start:head_end].split())[:40]))
        else:
            whole.append(Section(start, end, ()))
    name = nucleus.name
    if len(whole) > 1:
        line = _line_at(text, whole[1].start)
        lines = " and ".join(str(_line_at(text, section.start)) for section in whole[:2])
        hint = (
            f"they begin on lines {lines}: keep the one that you mean, or put a line '> name' "
            "above each to ask for all"
        )
        why = f"begins one more {name} spectrum"
        raise refused(line, text[whole[1].start :][:60], why, hint)
    if not whole:
        start = min([*edited, *other])[0]
        hint = f"begin with '{name} NMR' and give one spectrum"
        why = f"is no part of a {name} peak list"
        raise refused(_line_at(text, start), text[start:][:60], why, hint)
    section = whole[0]
    return section._replace(remarks=_passed_over(text, section, [*other, *edited]))


def without_brackets(text: str) -> str:
    """The text, as long as before, with blanks where brackets stand."""
    if "(" not in text:
        return text
    return _BRACKET.sub(lambda match: " " * len(match[0]), text)


def _heads(plain: str, nucleus: Nucleus) -> list[tuple[int, int]]:
    """Where names of the nucleus's spectra begin and end; 13C NMR (CDCl3): δC is one."""
    heads = list[tuple[int, int]]()
    for match in _own(nucleus).finditer(plain):
        between = plain[heads[-1][1] : match.start()] if heads else ""
        is_same = not re.search("[0-9]", between) or (len(between) < 60 and "MHz" in between)
        if heads and is_same and not _OTHER.search(between):
            heads[-1] = (heads[-1][0], match.end())
        else:
            heads.append(match.span())
    return heads


def _is_edited(text: str, start: int, head_end: int) -> bool:
    """Whether a spectrum is a DEPT, by its name, the word before or the brackets behind it."""
    behind = re.compile(rf"[\s:]*({BRACKET})").match(text, head_end)
    before = re.search(rf"{_DEPT}[\s-]*(?:Q|45|90|135)?[\s,-]*$", text[max(0, start - 20) : start])
    name = text[start:head_end]
    return bool(before or re.search(_DEPT, name) or _EDITED.search(behind[1] if behind else ""))


@cache
def _own(nucleus: Nucleus) -> re.Pattern[str]:
    """The name of a nucleus's spectrum, wherever it stands."""
    first = f"{str(nucleus.mass)[0]}{nucleus.element[0]}{nucleus.noun[0]}δ"
    return re.compile(rf"(?=[{first}])(?<![\w]){words(nucleus).name}", re.IGNORECASE)


def _passed_over(
    text: str, section: Section, others: Sequence[tuple[int, str]]
) -> tuple[str, ...]:
    first = min([section.start, *(start for start, _ in others)])
    before = " ".join(text[:first].split())
    shown = [f"{before[:40]!r}{'...' if len(before) > 40 else ''}"] if before.strip(" .;") else []
    shown += [f"{name} (line {_line_at(text, start)})" for start, name in sorted(others)[:6]]
    shown += ["and more"] if len(others) > 6 else []
    return (f"passed over, as no part of the spectrum: {', '.join(shown)}",) if shown else ()


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
