"""Peak tables in JCAMP-DX files (``.jdx``, ``.dx``), read and written.

Of a spectrum's points nothing is read: peaks are picked where the spectrum was made.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nmrflow.errors import SpectrumError
from nmrflow.formats.shift_words import check_shift, refused
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import Peak, PeakList

_TABLE = "PEAKTABLE"
_LABEL = re.compile(r"\s*##([^=]*)=(.*)", re.DOTALL)
_FREQUENCY = ".OBSERVEFREQUENCY"
# (XY..XY), and with widths or multiplicities behind x and y.
_FORM = re.compile(r"\s*\(\s*X\s*Y\s*(?P<more>[MW\s]*)(?:\.\.[XYMW\s]*)?\)", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:E[+-]?[0-9]{1,4})?")
_POINTS = ("XYDATA", "NTUPLES", "DATATABLE", "XYPOINTS", "RADATA")
_PICK_HINT = (
    "pick its peaks in the program that made it, and export them as a peak table or a list of "
    "shifts"
)


class _Entry(NamedTuple):
    """One labelled record: its first line, from 1, and its value's lines, without comments."""

    line: int
    values: list[str]

    @property
    def text(self) -> str:
        """The value on one line."""
        return " ".join(" ".join(self.values).split())


_Block = dict[str, _Entry]
"""Records by plain label: capitals without blanks, dashes, slashes and underscores."""


def _cut_blocks(text: str) -> Iterator[_Block]:
    """The blocks of a file in their order; what stands before the first label is dropped.

    Of records with one label the first counts.

    Raises:
        SpectrumError: If a block has two peak tables, of which none may be dropped.
    """
    block: _Block = {}
    record = _Entry(0, [])
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        content = line.partition("$$")[0]
        match = _LABEL.fullmatch(content)
        if not match:
            record.values.append(content)
            continue
        label = re.sub(r"[\s\-/_]", "", match[1]).upper()
        record = _Entry(number, [match[2]])
        if label == "TITLE" and block:
            yield block
            block = {}
        if label == _TABLE and label in block:
            why, hint = "is a second peak table of one block", "give one a file"
            raise refused(number, content, why, hint)
        block.setdefault(label, record)
    if block:
        yield block


def _text_of(block: _Block, label: str) -> str:
    """The value of a plain label on one line; nothing if there is no such record."""
    return block[label].text if label in block else ""


def read_jcamp(text: str, axis: ShiftAxis = ShiftAxis()) -> PeakList:
    r"""Read the peak table of a JCAMP-DX file.

    Of several blocks the one with a peak table of the axis's nucleus is read.

    Returns:
        The peaks in their order, with intensities; ``title``, ``solvent`` and ``frequency_mhz``
        are metadata where the file tells them.

    Raises:
        SpectrumError: If there is no such table or more than one, it is of another nucleus, its
            unit is not told, or a line of it is no peak. The message names the line.

    Example:
        >>> read_jcamp("##XUNITS= PPM\n##PEAK TABLE= (XY..XY)\n63.4, 0.5").shifts_ppm
        (63.4,)
    """
    blocks = list(_cut_blocks(text))
    tables = [block for block in blocks if _TABLE in block]
    if not tables:
        raise _no_table(blocks)
    if len(tables) > 1:
        tables = [block for block in tables if _is_of(block, axis.nucleus)] or tables[:1]
    if len(tables) > 1:
        why = f"is one more {axis.nucleus.name} peak table"
        raise refused(tables[1][_TABLE].line, "##PEAK TABLE=", why, "give one a file")
    return _read_block(tables[0], axis.nucleus)


def write_jcamp(peaks: PeakList, title: str = "", nucleus: Nucleus = Carbon13()) -> str:
    """Write a peak list as a JCAMP-DX peak table that :func:`read_jcamp` reads back.

    Shifts and intensities keep all their digits; an intensity that is not told is written as 1.
    Of the metadata ``title``, if none is given, ``frequency_mhz`` and ``solvent`` are written,
    of a range its middle.
    """
    told = peaks.metadata
    frequency = told.get("frequency_mhz", "")
    records = {
        "TITLE": title or told.get("title", ""),
        "JCAMP-DX": "5.01",
        "DATA TYPE": "NMR PEAK TABLE",
        "DATA CLASS": "PEAK TABLE",
        "ORIGIN": "nmrflow",
        "OWNER": "",
        ".OBSERVE FREQUENCY": frequency if _is_frequency(frequency) else None,
        ".OBSERVE NUCLEUS": f"^{nucleus.name}",
        ".SOLVENT NAME": told.get("solvent"),
        "XUNITS": "PPM",
        "YUNITS": "ARBITRARY UNITS",
        "NPOINTS": str(len(peaks.peaks)),
        "PEAK TABLE": "(XY..XY)",
    }
    lines = []
    for label, text in records.items():
        if text is not None:
            # Two dollar signs would begin a comment.
            value = re.sub(r"\$(?=\$)", "$ ", " ".join(text.split()))
            lines.append(f"##{label}= {value}".rstrip())
    for peak in peaks.peaks:
        intensity = 1.0 if peak.intensity is None else peak.intensity
        lines.append(f"{float(peak.shift_ppm)!r}, {float(intensity)!r}".upper())
    return "\n".join([*lines, "##END=", ""])


def _no_table(blocks: Sequence[_Block]) -> SpectrumError:
    for block in blocks:
        for label in _POINTS:
            if label in block:
                why = "begins the points of a spectrum, and there is no peak table"
                return refused(block[label].line, f"##{label}=", why, _PICK_HINT)
    what = "no peak table (##PEAK TABLE=)" if blocks else "no JCAMP-DX records (##LABEL= value)"
    return SpectrumError(f"line 1: the file holds {what}; export the peaks as a JCAMP-DX table")


def _is_of(block: _Block, nucleus: Nucleus) -> bool:
    told = re.sub("[^A-Z0-9]", "", _text_of(block, ".OBSERVENUCLEUS").upper())
    return told in ("", *nucleus.spellings)


def _is_frequency(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text.upper())) and 0 < float(text) < math.inf


def _read_block(block: _Block, nucleus: Nucleus) -> PeakList:
    data_type = _text_of(block, "DATATYPE")
    if data_type and "NMR" not in data_type.upper():
        hint = f"give a {nucleus.name} NMR peak table"
        raise refused(block["DATATYPE"].line, data_type, "is no NMR data", hint)
    if not _is_of(block, nucleus):
        told = block[".OBSERVENUCLEUS"]
        hint = f"give a {nucleus.name} peak table"
        raise refused(told.line, told.text, f"is not {nucleus.name}", hint)
    for label in ("XFACTOR", "YFACTOR"):
        factor = _text_of(block, label)
        if factor and not (_NUMBER.fullmatch(factor.upper()) and float(factor) == 1):
            hint = "export the peaks as plain numbers"
            raise refused(block[label].line, factor, f"is an ##{label}= other than 1", hint)
    divisor = _units_per_ppm(block)
    peaks = []
    for line, x, y in _read_pairs(block):
        shift_ppm = x / divisor
        check_shift(shift_ppm, nucleus, line, f"{x:g}", "check the number and ##XUNITS=")
        peaks.append(Peak(shift_ppm, intensity=y))
    labels = {"title": "TITLE", "frequency_mhz": _FREQUENCY, "solvent": ".SOLVENTNAME"}
    metadata = {key: text for key, label in labels.items() if (text := _text_of(block, label))}
    return PeakList(tuple(peaks), metadata)


def _units_per_ppm(block: _Block) -> float:
    """How much of the table's x is one ppm: 1, or in a table in Hz the spectrometer's MHz."""
    line, units = block[_TABLE].line, _text_of(block, "XUNITS").upper()
    if "PPM" in units:
        return 1.0
    if units not in ("HZ", "HERTZ"):
        if not units:
            why, hint = "has no unit", "add ##XUNITS= PPM above it, if it is ppm"
            raise refused(line, "##PEAK TABLE=", why, hint)
        hint = "give a table in PPM or HZ"
        raise refused(block["XUNITS"].line, units, "is no unit of a chemical shift", hint)
    frequency = _text_of(block, _FREQUENCY)
    if not _is_frequency(frequency):
        hint = "add ##.OBSERVE FREQUENCY= in MHz, or export the table in ppm"
        raise refused(line, "##PEAK TABLE=", "is in Hz and no frequency is told", hint)
    return float(frequency)


def _read_pairs(block: _Block) -> Iterator[tuple[int, float, float]]:
    """Line, x and y of every peak of a block's table."""
    table = block[_TABLE]
    form = _FORM.match(table.values[0])
    if not form:
        hint = "the forms (XY..XY), (XYW..XYW) and (XYM..XYM) are read"
        raise refused(table.line, table.text or "##PEAK TABLE=", "is no known form", hint)
    lines = [table.values[0][form.end() :], *table.values[1:]]
    n_fields = 2 + len("".join(form["more"].split()))
    groups = [
        (number, group)
        for number, line in enumerate(lines, start=table.line)
        for group in _cut_groups(line, number, n_fields)
    ]
    text = "\n".join(lines)
    is_unclear = "." not in text and bool(re.search("[0-9],[0-9]", text))
    _check_number(block, len(groups), is_unclear=is_unclear)
    for number, (x, y, *_) in groups:
        for text in (x, y):
            if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
                hint = "a peak is written as 63.4, 0.55 (with decimal points)"
                raise refused(number, f"{x}, {y}", "is no peak", hint)
        yield number, float(x), float(y)


def _cut_groups(line: str, number: int, n_fields: int) -> Iterator[list[str]]:
    """The fields of every peak of a line, of which at least x and y must be there."""
    if "," not in line:
        # Some programs put blanks where the format has commas.
        words = re.split(r"[\s;]+", line.strip(" \t;").upper())
        if words == [""]:
            return
        groups = [words[i : i + n_fields] for i in range(0, len(words), n_fields)]
    else:
        joined = re.sub(r"\s*,\s*", ",", line.strip(" \t;").upper())
        groups = [group.split(",") for group in re.split(r"[\s;]+", joined)]
    for group in groups:
        if not 2 <= len(group) <= n_fields:
            hint = f"write {n_fields} numbers a peak, with decimal points and commas between"
            raise refused(number, ", ".join(group), f"is not {n_fields} numbers", hint)
        yield group


def _check_number(block: _Block, n_found: int, *, is_unclear: bool) -> None:
    """Refuse a table that is empty or cut off, and one whose commas may be decimal ones."""
    told = _text_of(block, "NPOINTS")
    line = block[_TABLE].line
    if not n_found:
        raise refused(line, "##PEAK TABLE=", "holds no peak", "add lines such as 63.4, 0.55")
    if told.isascii() and told.isdecimal() and len(told) < 10:
        if int(told) != n_found:
            hint = "correct ##NPOINTS=, write decimal points, or export the table again"
            raise refused(line, f"##NPOINTS= {told}", f"but {n_found} peaks are there", hint)
    elif is_unclear:
        hint = "write decimal points, or tell ##NPOINTS="
        raise refused(line, "##PEAK TABLE=", "has commas that may be decimal ones", hint)
