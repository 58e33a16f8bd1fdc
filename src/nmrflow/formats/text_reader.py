"""Peak lists as chemists write them, read from text.

The forms are told apart by what stands in the text:

- a plain list of shifts: ``31.6, 34.6; 23.2 50.2``;
- a table with a header, one peak a line: ``ppm,intensity,multiplicity,n,atoms,note``, or what
  programs and papers have above such columns;
- a publication's sentence: ``13C NMR (101 MHz, CDCl3) δ 158.4 (C), 128.7 (2C), 21.3.``;
- CSEARCH lines: ``LINE: 63.4 D``;
- TopSpin's own lists, ``peaklist.xml`` and ``peak.txt``.

In all of them a number may have a decimal comma, lines that begin with ``#`` are comments, and
``# key=value; key=value`` is metadata.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nmrflow.errors import SpectrumError
from nmrflow.formats import peak_table, topspin
from nmrflow.formats.annotations import without_idle_letters
from nmrflow.formats.columns import Header, read_header
from nmrflow.formats.sentence import read_sentence
from nmrflow.formats.shift_words import LIST_HINT, refused
from nmrflow.formats.typography import plain_text, without_markup
from nmrflow.limits import MAX_NUMBERS, MAX_SPECTRUM_LINES
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import Peak, PeakList

_NUMBER = re.compile(r"[0-9][0-9.,]*")
_READ = ("solvent", "nucleus", "frequency_mhz")
_COMMENT_BEHIND = re.compile(r"(?<=\s)(?<!\n)#.*")
_MAX_ABOVE = 5
_OF_TABLES = "\t|;"


def read_peaks(text: str, axis: ShiftAxis = ShiftAxis()) -> PeakList:
    """Read a peak list in any of the forms.

    The middle and the width of a range are rounded to a millionth of a ppm; a single shift
    keeps every digit. In brackets behind a shift ``C``, ``CH``, ``CH2`` and ``CH3`` (or the
    letters ``s d t q``, unless they say nothing of hydrogens) are a multiplicity, ``2C`` and
    ``2 × CH`` a number of carbons, and all else is kept as a note. What is passed over is
    remarked. A CSEARCH line's
    deviation is checked, not kept; so are its codes other than the letters of the nucleus.

    Args:
        text: The peak list; a byte order mark, any line ends, Unicode dashes, blanks and
            subscripts are accepted.
        axis: Says of which nucleus the shifts are.

    Raises:
        SpectrumError: If the text holds no peak, or anything that is neither a peak nor a known
            annotation, or a comma that may mean two things. The message names the line. Or if
            it holds more than :data:`nmrflow.limits.MAX_NUMBERS`.

    Example:
        >>> read_peaks("δ 158.4 (C), 129.4–129.2 (2C, m)").peaks[1]
        Peak(shift_ppm=129.3, multiplicity=None, n_carbons=2, intensity=None, \
half_width_ppm=0.1, atoms=(), note='m')
    """
    if (n_lines := text.count("\n")) > MAX_SPECTRUM_LINES:
        raise SpectrumError(
            f"{n_lines:,} lines are more than the {MAX_SPECTRUM_LINES:,} that a peak list may "
            "have; is it the right text?"
        )
    n_numbers = sum(1 for _ in _NUMBER.finditer(text)) if len(text) > MAX_NUMBERS else 0
    if n_numbers > MAX_NUMBERS:
        raise SpectrumError(
            f"{n_numbers:,} numbers are more than the {MAX_NUMBERS:,} that a peak list may have; "
            "is it the right text?"
        )
    nucleus = axis.nucleus
    if topspin.is_xml(text):
        return topspin.read_peaklist(text, nucleus)
    if topspin.is_printed(text):
        return topspin.read_printed(text, nucleus)
    lines, metadata = without_markup(text).split("\n"), dict[str, str]()
    if "#" in text:
        lines, metadata = _without_comments(lines, nucleus)
    if not any(map(str.strip, lines)):
        raise refused(len(lines), lines[-1], "holds no shift", LIST_HINT)
    if (found := _find_header(lines, nucleus)) is not None:
        header, rows, caption = found
        peaks, by_letter, remarks = peak_table.read_table(rows, header, nucleus)
        read = PeakList(peaks, metadata, caption + remarks)
        return without_idle_letters(read, by_letter, nucleus)
    rest = "\n".join(lines)
    if "#" in rest:
        rest = _COMMENT_BEHIND.sub("", rest)
    lines = plain_text(rest, nucleus).split("\n")
    if any(map(peak_table.is_csearch, lines)):
        return PeakList(tuple(peak_table.read_csearch(lines, nucleus)), metadata)
    told = read_sentence(lines, nucleus)
    read = PeakList(told.peaks, metadata | told.conditions, told.remarks, told.is_published)
    return without_idle_letters(read, told.by_letter, nucleus)


Listed = PeakList | str | Sequence[float] | NDArray[np.generic]
"""A peak list; its text; shifts in ppm; or a code ``(n_bins,)`` of zeros and ones, as integers or
booleans, whose bins' centres are then the peaks."""


def as_peaks(given: Listed, axis: ShiftAxis = ShiftAxis()) -> PeakList:
    """A spectrum as whoever asks has it, as a peak list whose shifts are checked.

    Raises:
        SpectrumError: As :func:`read_peaks`, if a number is no shift, or whole numbers no code.
        TypeError: If it is nothing of the kind.
    """
    if isinstance(given, str):
        return read_peaks(given, axis)
    if isinstance(given, np.ndarray) and given.dtype.kind in "biu":
        if given.shape != (axis.n_bins,) or not np.isin(given, (0, 1)).all():
            raise SpectrumError(f"a code is {axis.n_bins} zeros and ones, got shape {given.shape}")
        given = axis.centres_ppm()[given.astype(bool)]
    if not isinstance(given, PeakList):
        given = PeakList(tuple(Peak(float(shift)) for shift in given))
    for shift in given.shifts_ppm:
        axis.check_shift(shift)
    return given


def _find_header(
    lines: Sequence[str], nucleus: Nucleus
) -> tuple[Header, list[str], tuple[str, ...]] | None:
    """A table's header, the lines with blanks for what stands above it, and what that is."""
    above = list[str]()
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        header = read_header(line, nucleus)
        if header is not None and (not above or header.delimiter in _OF_TABLES):
            caption = " ".join(" ".join(above).split())
            remark = (f"passed over above the table: {caption[:60]!r}",) if caption else ()
            return header, [*[""] * number, *lines[number:]], remark
        above.append(line)
        if len(above) > _MAX_ABOVE or re.search(r"[0-9][.,][0-9]", line):
            return None
    return None


def _without_comments(lines: Sequence[str], nucleus: Nucleus) -> tuple[list[str], dict[str, str]]:
    """The lines with comments blanked, which keeps their numbers, and the metadata in them."""
    kept: list[str] = []
    metadata: dict[str, str] = {}
    is_above = True  # all that is kept
    for number, line in enumerate(lines, 1):
        said = line.strip()
        if not said.startswith("#"):
            kept.append(line)
            is_above = is_above and not said
            continue
        comment = said.lstrip("#")
        if is_above and _is_commented_header(comment, nucleus):
            kept.append(comment)
            is_above = False
            continue
        kept.append("")
        # Also "# solvent: CDCl3", as people note it.
        comment = re.sub(r"^\s*(solvent|nucleus)\s*:\s*", r"\1=", comment, flags=re.IGNORECASE)
        pairs = (pair.partition("=") for pair in re.split(r";\s*(?=[\w .-]{1,40}=)", comment))
        metadata |= {_key(name): value.strip() for name, _, value in pairs if value.strip()}
        told, name = metadata.get("nucleus", nucleus.name), nucleus.name
        if str(nucleus.mass) not in told:
            raise refused(number, told, f"is not {name}", f"give a {name} peak list")
    return kept, metadata


def _key(name: str) -> str:
    """The name of a piece of metadata; those that are read are read in any case."""
    plain = name.strip()
    return plain.lower() if plain.lower() in _READ else plain


def _is_commented_header(comment: str, nucleus: Nucleus) -> bool:
    """Whether a comment is a table's header, as numpy.savetxt writes it."""
    header = read_header(comment, nucleus)
    return header is not None and all(header.columns)
