"""Peak lists as chemists write them, read from text.

Four forms are told apart by what stands in the text:

- a plain list of shifts: ``31.6, 34.6; 23.2 50.2``;
- a table with a header, one peak a line: ``ppm,intensity,multiplicity,n,atoms,note``;
- a publication's sentence: ``13C NMR (101 MHz, CDCl3) δ 158.4 (C), 128.7 (2C), 21.3.``;
- CSEARCH lines: ``LINE: 63.4 D``.

In all of them a number may have a decimal comma, lines that begin with ``#`` are comments, and
``# key=value; key=value`` is metadata.
"""

import csv
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence

from nmrflow.errors import SpectrumError
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import BRACKET, GROUPS, MULTIPLICITIES, Peak, PeakList

MAX_RANGE_PPM = 10.0
"""A wider range is no signal: its dash separates two shifts."""

_AXIS = ShiftAxis()
_MULTIPLICITY_OF = {group: letter for letter, group in GROUPS.items()} | {"CQ": "S"}
_DEVIATIONS_PPM = (1.0, 5.0)
_COLUMNS = {
    "ppm": "shift", "shift": "shift", "shift_ppm": "shift", "chemical_shift": "shift",
    "delta": "shift", "δ": "shift",
    "intensity": "intensity", "height": "intensity",
    "multiplicity": "multiplicity", "mult": "multiplicity",
    "n": "n", "n_carbons": "n", "count": "n",
    "atoms": "atoms", "atom": "atoms", "note": "note",
}  # fmt: skip

# Python's own \d and float() also take digits of other scripts.
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_DELTA = r"(?:δ|delta|d(?![a-z]))(?:\s?_?C(?![a-z]))?"
_LEAD = rf"(?:[\s:=,/]|{_DELTA}|[(\[]ppm[)\]]|ppm\b|in\b)*"
_HEAD = re.compile(
    rf"\s*(?:(?:13[\s-]*C|C[\s-]*13)[\s-]*(?:\{{\s*1H\s*\}})?[\s-]*NMR\b|{_DELTA}){_LEAD}"
    rf"(?:(?P<conditions>{BRACKET}){_LEAD})?",
    re.IGNORECASE,
)
# A dash with a blank behind it belongs to the number before it: a range, not a minus.
_WORD = re.compile(rf"{_NUMBER}\s*-\s+{_NUMBER}(?![^\s,;()])|(?P<bracket>{BRACKET})|[^\s,;()]+|\S")
_SHIFT = re.compile(rf"({_NUMBER})(?:\s*-\s*({_NUMBER}))? ?(?:ppm)?")
_TIGHT_COMMA = re.compile(r"(?<=[0-9]),(?=[0-9])")
_LOOSE_COMMA = re.compile(r"(?<![0-9]),|,(?![0-9])")
_NUMBER_WITH_COMMAS = re.compile(rf"[^\s;,()-]+(?:{_TIGHT_COMMA.pattern}[^\s;,()-]+)*")
# Between notes; not within '12,5 Hz' or 'J(C,F)'.
_NOTE_END = re.compile(rf"(?!{_TIGHT_COMMA.pattern})[,;](?![^()]{{0,40}}\))")
# A comma without a blank separates only behind a decimal point.
_CELL = r"[+-]?[0-9]+(?:[.,][0-9]*)?"
_TWO_COLUMNS = re.compile(
    rf"\s*(?:{_CELL}(?:\s*;\s*|\s+){_CELL}|[+-]?[0-9]+\.[0-9]*\s*,\s*{_CELL})\s*"
)
_COUNT = r"([1-9][0-9]{0,2})"
_GROUP = re.compile(rf"(?:{_COUNT} ?[x×]? ?)?(CH[23]?|Cq?)|(CH[23]?|Cq?)? ?[x×] ?{_COUNT}")
_CSEARCH = re.compile(r"\s*LINE\s*:", re.IGNORECASE)
_CSEARCH_LINE = re.compile(
    rf"{_CSEARCH.pattern}\s*(\S+)(?:\s+([SDTQUOEP]))?(?:\s+({_NUMBER}))?\s*", re.IGNORECASE
)
_MEGAHERTZ = re.compile(r"(?<![\w.])([0-9]+(?:[.,][0-9]+)?)\s*MHz", re.IGNORECASE)
_TEMPERATURE = re.compile(r"[0-9.]+ ?(?:K|°C)")

_LIST_HINT = (
    "separate shifts by commas, put notes in brackets behind them, or give a table with a header "
    "such as ppm,intensity"
)


def read_peaks(text: str, axis: ShiftAxis = _AXIS) -> PeakList:
    """Read a peak list in any of the four forms.

    The middle and the width of a range are rounded to a millionth of a ppm; a single shift
    keeps every digit. In brackets behind a shift ``C``, ``CH``, ``CH2`` and ``CH3`` (or the
    letters ``s d t q``, unless a coupling constant stands beside them) are a multiplicity,
    ``2C`` and ``2 × CH`` a number of carbons, and all else is kept as a note. A CSEARCH line's
    deviation is checked, not kept; so are its codes other than :data:`MULTIPLICITIES`.

    Args:
        text: The peak list; a byte order mark, any line ends, Unicode dashes, blanks and
            subscripts are accepted.
        axis: Says which numbers are 13C shifts.

    Returns:
        Every peak of the text, in its order.

    Raises:
        SpectrumError: If the text holds no peak, or anything that is neither a peak nor a known
            annotation, or a comma that may mean two things. The message names the line.

    Example:
        >>> read_peaks("δ 158.4 (C), 129.4–129.2 (2C, m)").peaks[1]
        Peak(shift_ppm=129.3, multiplicity=None, n_carbons=2, intensity=None, \
half_width_ppm=0.1, atoms=(), note='m')
    """
    lines, metadata = _without_comments(_to_plain_characters(text).split("\n"))
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise _refused(len(lines), lines[-1], "holds no shift", _LIST_HINT)
    if delimiter := _table_delimiter(first):
        return PeakList(tuple(_read_table(lines, delimiter, axis)), metadata)
    lines = [re.sub(r"(?<=\s)#.*", "", line) for line in lines]
    if any(map(_CSEARCH.match, lines)):
        return PeakList(tuple(_read_csearch(lines, axis)), metadata)
    _refuse_columns(lines)
    peaks, conditions = _read_sentence("\n".join(lines), axis)
    return PeakList(tuple(peaks), metadata | conditions)


def _refused(line: int, read: str, why: str, hint: str) -> SpectrumError:
    read = " ".join(read.split())
    shown = read if len(read) <= 60 else f"{read[:57]}..."
    return SpectrumError(f"line {line}: {shown!r} {why}; {hint}")


def _refuse_columns(lines: Sequence[str]) -> None:
    """A table without a header: intensities and running numbers would be read as shifts."""
    rows = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if len(rows) > 1 and all(_TWO_COLUMNS.fullmatch(line) for _, line in rows):
        hint = (
            "put a header such as ppm,intensity above columns, or the shifts of a list on one line"
        )
        raise _refused(*rows[0], "may be two shifts, or a shift and something else", hint)


def _to_plain_characters(text: str) -> str:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub("[‐‑‒–—−﹣－]", "-", text)
    text = text.replace("¹³C", "13C").replace("¹H", "1H")
    # Behind a letter only: a footnote sign behind a shift must not become one of its digits.
    return re.sub("(?<=[A-Za-z])[₀-₉]", lambda digit: str(unicodedata.digit(digit[0])), text)


def _without_comments(lines: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The lines with comments blanked, which keeps their numbers, and the metadata in them."""
    kept: list[str] = []
    metadata: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        comment = line.strip().lstrip("#")
        if not line.lstrip().startswith("#"):
            kept.append(line)
        elif _is_commented_header(comment) and not any(map(str.strip, kept)):
            kept.append(comment)
        else:
            kept.append("")
            pairs = (pair.partition("=") for pair in comment.split(";"))
            metadata |= {key.strip(): value.strip() for key, _, value in pairs if value.strip()}
        nucleus = metadata.get("nucleus", "13C")
        if "13" not in nucleus:
            raise _refused(number, nucleus, "is not 13C", "give a 13C peak list")
    return kept, metadata


def _is_commented_header(comment: str) -> bool:
    """Whether a comment is a table's header, as numpy.savetxt writes it."""
    delimiter = _table_delimiter(comment)
    return delimiter is not None and all(map(_column_name, comment.split(delimiter)))


def _column_name(cell: str) -> str:
    name = re.sub(r"[(\[/].*", "", cell.strip().strip('"')).strip().lower()
    return _COLUMNS.get(name.replace(" ", "_"), "")


def _table_delimiter(line: str) -> str | None:
    """What separates the columns if the line is a table's header, else None."""
    delimiter = max(",;\t", key=line.count)
    cells = line.split(delimiter)
    is_header = (
        len(cells) > 1
        and "shift" in map(_column_name, cells)
        and not any(re.match(r'[\s"]*[+-]?[0-9.]', cell) for cell in cells)
    )
    return delimiter if is_header else None


def _read_shift(text: str, line: int, axis: ShiftAxis) -> tuple[float, float]:
    """Shift and half width of a number or of a range."""
    match = _SHIFT.fullmatch(text)
    if not match:
        raise _refused(line, text, "is not a shift", _LIST_HINT)
    ends = [float(end) for end in match.groups() if end]
    try:
        for end in ends:
            axis.check_shift(end)
    except SpectrumError as error:
        raise _refused(line, text, f"is no 13C shift ({error})", "check the number") from None
    low, high = min(ends), max(ends)
    if high - low > MAX_RANGE_PPM:
        why = f"spans more than {MAX_RANGE_PPM:g} ppm"
        raise _refused(line, text, why, "separate two shifts by a comma")
    if low == high:
        return low, 0.0
    return round((low + high) / 2, 6), round((high - low) / 2, 6)


def _read_sentence(text: str, axis: ShiftAxis) -> tuple[list[Peak], dict[str, str]]:
    """A plain list, or a publication's: the same but for a head and for notes in brackets."""
    text = text.rstrip().removesuffix(".")
    head = _HEAD.match(text)
    start = head.end() if head else 0
    text = _with_decimal_points(text, start)
    found: list[tuple[float, float, list[str]]] = []
    line, counted = 1, 0
    for match in _WORD.finditer(text, start):
        word = match[0]
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        if word in (",", ";", "and", "&") or _COLUMNS.get(word.lower()) == "shift":
            continue
        if word in ("(", ")"):
            raise _refused(line, text[match.start() :], "has an odd bracket", "close or remove it")
        if not match["bracket"]:
            found.append((*_read_shift(word, line, axis), []))
        elif found:
            found[-1][2].append(word[1:-1])
        else:
            raise _refused(line, word, "stands before the first shift", "put notes behind shifts")
    if not found:
        raise _refused(_line_at(text, len(text)), text, "holds no shift", _LIST_HINT)
    peaks = [_annotated(shift, half_width, notes) for shift, half_width, notes in found]
    return peaks, _read_conditions((head["conditions"] or "")[1:-1]) if head else {}


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _with_decimal_points(text: str, start: int) -> str:
    """The text, as long as before, with decimal commas from ``start`` on replaced by points."""
    plain = re.sub(BRACKET, lambda match: " " * len(match[0]), text)
    if other := re.compile(r"\bNMR\b", re.IGNORECASE).search(plain, start):
        read = text[: other.end()].rpartition("\n")[2]
        hint = "begin with '13C NMR' and give one spectrum"
        raise _refused(_line_at(text, other.end()), read, "is no part of a 13C peak list", hint)
    numbers = [n for n in _NUMBER_WITH_COMMAS.finditer(plain, start) if re.search("[0-9]", n[0])]
    with_comma = [number for number in numbers if "," in number[0]]
    if not with_comma or any(n[0].count(",") > 1 or "." in n[0] for n in with_comma):
        return text
    # Behind the notes of a publication a comma separates, and says nothing of '158,4'. In a list
    # of whole numbers blanks may have been forgotten.
    is_publication = start > 0 or plain != text
    if (
        len(numbers) == 1
        or re.search(r"\.[0-9]", plain[start:])
        or (_LOOSE_COMMA.search(plain) and not is_publication)
    ):
        line = _line_at(text, with_comma[0].start())
        hint = "write 31.34 for one shift or '31, 34' for two"
        raise _refused(line, with_comma[0][0], "may be one shift or two", hint)
    commas = {match.start() for match in _TIGHT_COMMA.finditer(plain, start)}
    return "".join("." if i in commas else character for i, character in enumerate(text))


def _read_conditions(text: str) -> dict[str, str]:
    """Metadata from the brackets behind ``13C NMR``."""
    metadata = {}
    if frequency := _MEGAHERTZ.search(text):
        metadata["frequency_mhz"] = frequency[1].replace(",", ".")
        text = text[: frequency.start()] + text[frequency.end() :]
    parts = [" ".join(part.split()) for part in _NOTE_END.split(text)]
    parts = [part for part in parts if not re.fullmatch(_LEAD, part, re.IGNORECASE)]
    solvent = next((part for part in parts if not _TEMPERATURE.fullmatch(part)), None)
    if solvent:
        parts.remove(solvent)
        metadata["solvent"] = solvent
    if parts:
        metadata["conditions"] = ", ".join(parts)
    return metadata


def _annotated(shift_ppm: float, half_width_ppm: float, brackets: Sequence[str]) -> Peak:
    """A peak with what the brackets behind it say."""
    text = " ".join(", ".join(brackets).split())
    groups, counts, notes = [], [], []
    for part in filter(None, map(str.strip, _NOTE_END.split(text))):
        match = _GROUP.fullmatch(part)
        group, count = (match[2] or match[3], match[1] or match[4]) if match else (None, None)
        # 2C counts carbons; it does not say that they bear no hydrogen.
        groups += [group] if group and not (count and group == "C") else []
        counts += [int(count)] if count else []
        notes += [] if match else [part]
    if len(groups) > 1 or len(counts) > 1:
        # Unlike carbons under one peak: neither one multiplicity nor one number is true of it.
        return Peak(shift_ppm, half_width_ppm=half_width_ppm, note=text)
    multiplicity = _MULTIPLICITY_OF[groups[0].upper()] if groups else None
    letters = [note for note in notes if note.upper() in MULTIPLICITIES]
    if len(letters) == 1 and not groups and not re.search("J|[Hh]z", text):
        multiplicity = letters[0].upper()
        notes.remove(letters[0])
    n_carbons = counts[0] if counts else None
    note = ", ".join(notes)
    return Peak(shift_ppm, multiplicity, n_carbons, half_width_ppm=half_width_ppm, note=note)


def _read_csearch(lines: Sequence[str], axis: ShiftAxis) -> Iterator[Peak]:
    low, high = _DEVIATIONS_PPM
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = _CSEARCH_LINE.fullmatch(line.replace(",", "."))
        if not match or not low <= float(match[3] or low) <= high:
            hint = (
                "write 'LINE: 63.4 D 2.0': a shift, perhaps one of S D T Q U O E P, perhaps a "
                f"deviation of {low:g} to {high:g} ppm"
            )
            raise _refused(number, line, "is no CSEARCH line", hint)
        shift_ppm, half_width_ppm = _read_shift(match[1], number, axis)
        code = (match[2] or "").upper()
        multiplicity = code if code in MULTIPLICITIES else None
        yield Peak(shift_ppm, multiplicity, half_width_ppm=half_width_ppm)


def _read_table(lines: Sequence[str], delimiter: str, axis: ShiftAxis) -> Iterator[Peak]:
    reader = csv.reader(
        (f"{line}\n" for line in lines), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    columns: list[str] = []
    n_peaks = 0
    try:
        for row in reader:
            cells = [" ".join(cell.split()) for cell in row]
            line = reader.line_num
            if any(cells) and not columns:
                columns = _read_header(cells, line)
            elif any(cells):
                n_peaks += 1
                yield _read_row(columns, cells, line, axis)
    except csv.Error as error:
        read = lines[reader.line_num - 1]
        raise _refused(reader.line_num, read, f"is no row ({error})", "check quotes") from None
    if not n_peaks:
        raise _refused(len(lines), delimiter.join(columns), "holds no shift", "add rows")


def _read_header(cells: Sequence[str], line: int) -> list[str]:
    columns = [_column_name(cell) for cell in cells]
    for i, (cell, column) in enumerate(zip(cells, columns, strict=True)):
        if cell and not column:
            known = "columns are ppm, intensity, multiplicity, n, atoms and note"
            raise _refused(line, cell, "is no known column", known)
        if column and column in columns[:i]:
            raise _refused(line, cell, "is there twice", "remove one of the columns")
    return columns


def _read_row(columns: Sequence[str], cells: Sequence[str], line: int, axis: ShiftAxis) -> Peak:
    row = " | ".join(cells)
    if any(cell and (i >= len(columns) or not columns[i]) for i, cell in enumerate(cells)):
        hint = "a decimal comma needs ; or tab between the columns"
        raise _refused(line, row, "has cells under no column", hint)
    values = {column: "" for column in _COLUMNS.values()} | dict(zip(columns, cells, strict=False))
    numbers = values["shift"] + values["intensity"]
    if "," in numbers and "." in numbers:
        raise _refused(line, row, "mixes decimal commas and points", "write points")
    shift_ppm, half_width_ppm = _read_shift(values["shift"].replace(",", "."), line, axis)
    intensity = values["intensity"].replace(",", ".")
    if intensity and not (re.fullmatch(_NUMBER, intensity) and math.isfinite(float(intensity))):
        raise _refused(line, intensity, "is no intensity", "give a number or nothing")
    n_carbons = values["n"]
    if n_carbons and not re.fullmatch(_COUNT, n_carbons):
        raise _refused(line, n_carbons, "is no number of carbons", "give 1 to 999 or nothing")
    letter = values["multiplicity"].upper()
    letter = _MULTIPLICITY_OF.get(letter, letter)
    if letter and letter not in MULTIPLICITIES:
        raise _refused(line, letter, "is no multiplicity", "give S, D, T, Q or nothing")
    return Peak(
        shift_ppm,
        letter or None,
        int(n_carbons) if n_carbons else None,
        float(intensity) if intensity else None,
        half_width_ppm,
        tuple(re.findall(r"[^\s,;]+", values["atoms"])),
        values["note"],
    )
