"""The peak assignments of JCAMP-DX blocks: what a peak table has no place for.

An assignment is ``(x, y, <text>)``, perhaps with a multiplicity before the text. The texts written
here are settings such as ``group=CH3; atoms=1 2``; those of others are kept as notes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nmrflow.formats.jcamp_blocks import TABLE, Block, Entry, hidden, shown
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import Peak, counted

ASSIGNMENTS = "PEAKASSIGNMENTS"
"""The plain label of peak assignments."""

FORM = "(XYA)"
"""The form in which they are written."""

# Fields begin and end with a sign: blanks that two parts could share would be tried in all ways.
_FIELD = r"[^\s,;()<>](?:[^,;()<>]{0,58}[^\s,;()<>])?"
_ENTRY = re.compile(
    rf"\(\s*({_FIELD})\s*,\s*({_FIELD})\s*(?:,\s*(?:({_FIELD})\s*)?)?,\s*<([^<>]*)>\s*\)"
)
_UNTOLD = "untold"


def assignment_lines(peaks: Sequence[Peak], nucleus: Nucleus) -> list[str]:
    """One line a peak, in their order; none at all where a peak table tells everything."""
    texts = ["; ".join(_settings(peak, nucleus)) for peak in peaks]
    if not any(texts):
        return []
    return [
        f"({', '.join(xy_of(peak))}, <{text}>)" for peak, text in zip(peaks, texts, strict=True)
    ]


def xy_of(peak: Peak) -> tuple[str, str]:
    """Shift and intensity as a table has them; an intensity that is not told is 1."""
    intensity = 1.0 if peak.intensity is None else peak.intensity
    return repr(float(peak.shift_ppm)).upper(), repr(float(intensity)).upper()


def tabled(block: Block) -> Block:
    """A block of assignments with a peak table made of these."""
    if ASSIGNMENTS not in block:
        return block
    entry = block[ASSIGNMENTS]
    rows = [f"{x}, {y}" for x, y, *_ in counted(_cut(entry))]
    return block | {TABLE: Entry(entry.line, ["(XY..XY)", *rows])}


def with_assignments(
    peaks: Sequence[Peak],
    pairs: Sequence[tuple[float, float]],
    block: Block,
    nucleus: Nucleus,
) -> tuple[tuple[Peak, ...], tuple[str, ...]]:
    """The peaks of a block's table with what its assignments say of them, and remarks.

    Args:
        peaks: In the table's order.
        pairs: Their x and y, as the table has them.
        block: The table's.
        nucleus: Whose peaks they are.
    """
    if ASSIGNMENTS not in block:
        return tuple(peaks), ()
    entries = list(counted(_cut(block[ASSIGNMENTS])))
    if [(_number(x), _number(y)) for x, y, *_ in entries] != list(pairs):
        said = "the peak assignments are not those of the peak table, and were passed over"
        return tuple(peaks), (said,)
    told = [
        _told(peak, kind, text, nucleus)
        for peak, (_, _, kind, text) in zip(peaks, entries, strict=True)
    ]
    return tuple(told), ()


def _cut(entry: Entry) -> Iterator[tuple[str, str, str, str]]:
    for match in _ENTRY.finditer("\n".join(entry.values)):
        x, y, kind, text = match.groups()
        yield x, y, kind or "", text


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _settings(peak: Peak, nucleus: Nucleus) -> Iterator[str]:
    if peak.multiplicity is not None:
        yield f"group={nucleus.groups[peak.multiplicity]}"
    if peak.n_carbons is not None:
        yield f"n={peak.n_carbons}"
    if peak.intensity is None:
        yield f"intensity={_UNTOLD}"
    if peak.half_width_ppm:
        yield f"half_width={float(peak.half_width_ppm)!r}"
    if peak.atoms:
        yield "atoms=" + " ".join(hidden(atom).replace(" ", "%20") for atom in peak.atoms)
    if peak.note:
        yield f"note={hidden(peak.note)}"


def _told(peak: Peak, kind: str, text: str, nucleus: Nucleus) -> Peak:
    """A peak with what its assignment says; a text that was not written here is its note."""
    if not text:
        return peak if not kind else replace(peak, note=kind)
    pairs = [part.partition("=") for part in text.split("; ")]
    told = {key: value for key, _, value in pairs}
    letters = {group: letter for letter, group in nucleus.groups.items()}
    known: dict[str, object] = {}
    for key, value in told.items():
        if key == "group" and value in letters:
            known["multiplicity"] = letters[value]
        elif key == "n" and re.fullmatch("[1-9][0-9]{0,8}", value):
            known["n_carbons"] = int(value)
        elif key == "intensity" and value == _UNTOLD:
            known["intensity"] = None
        elif key == "half_width" and re.fullmatch(r"[0-9.]{1,30}(?:e-?[0-9]{1,3})?", value):
            known["half_width_ppm"] = _number(value) or 0.0
        elif key == "atoms":
            known["atoms"] = tuple(map(shown, value.split(" ")))
        elif key == "note":
            known["note"] = shown(value)
        else:
            note = ", ".join(filter(None, (kind, " ".join(text.split()))))
            return replace(peak, note=note)
    return replace(peak, **known)  # type: ignore[arg-type]
