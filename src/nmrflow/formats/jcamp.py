"""Peak tables in JCAMP-DX files (``.jdx``, ``.dx``), read and written.

Of a spectrum's points nothing is read: peaks are picked where the spectrum was made.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nmrflow.errors import SpectrumError
from nmrflow.formats.jcamp_assignments import (
    FORM,
    assignment_lines,
    tabled,
    with_assignments,
    xy_of,
)
from nmrflow.formats.jcamp_blocks import (
    TABLE,
    Block,
    Table,
    choose_edited,
    cut_blocks,
    hidden,
    is_of,
    shown,
    text_of,
    with_relatives,
)
from nmrflow.formats.left_out import remark_left_out
from nmrflow.formats.shift_words import check_shift, refused
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import Peak, PeakList, counted
from nmrflow.spectra.solvents import find_solvents

_FREQUENCY = ".OBSERVEFREQUENCY"
_METADATA = "$NMRFLOW METADATA"
_OWN_RECORD = ("title", "frequency_mhz", "solvent")
_SOLVENTS = (".SOLVENTNAME", "SOLVENTNAME", "$SOLVENT", "SOLVENT", "$CSSOLVENTNAME")
# (XY..XY), and with widths or multiplicities behind x and y.
_FORM = re.compile(r"\s*\(\s*X\s*Y\s*(?P<more>[MW\s]*)(?:\.\.[XYMW\s]*)?\)", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:E[+-]?[0-9]{1,4})?")
_PAIR = re.compile(r"\s*([0-9.-]+)\s*,\s*([0-9.-]+)\s*")  # as most lines are
_POINTS = ("XYDATA", "NTUPLES", "DATATABLE", "XYPOINTS", "RADATA")
_PAIR_HINT = "a peak is written as 63.4, 0.55 (with decimal points)"
_PICK_HINT = (
    "pick its peaks in the program that made it, and export them as a peak table or a list of "
    "shifts"
)


def read_jcamp(text: str, axis: ShiftAxis = ShiftAxis()) -> PeakList:
    r"""Read the peak table of a JCAMP-DX file.

    Of several blocks the one with a peak table of the axis's nucleus is read, of an electronic
    notebook's two tables the one that was edited. Solvent, frequency and the unit ppm that its
    block does not tell are those of the spectrum that it refers to, or of its title, or of all.

    Returns:
        The peaks in their order, with intensities and what assignments say; ``title``, ``solvent``
        and ``frequency_mhz`` are metadata where the file tells them, and so is what
        :func:`write_jcamp` wrote as ``$NMRFLOW METADATA``.

    Raises:
        SpectrumError: If there is no such table or more than one, it is of another nucleus, its
            unit is not told, or a line of it is no peak. The message names the line.

    Example:
        >>> read_jcamp("##XUNITS= PPM\n##PEAK TABLE= (XY..XY)\n63.4, 0.5").shifts_ppm
        (63.4,)
    """
    blocks = list(cut_blocks(text))
    if not any(TABLE in block for block in blocks):
        blocks = [tabled(block) for block in blocks]
    tables = [block for block in blocks if TABLE in block]
    if not tables:
        raise _no_table(blocks)
    nucleus, remarks = axis.nucleus, list[str]()
    if len(tables) > 1:
        tables = [block for block in tables if is_of(block, nucleus)] or tables[:1]
    if len(tables) > 1:
        tables = choose_edited(tables, remarks)
    if len(tables) > 1:
        why = f"is one more {nucleus.name} peak table"
        raise refused(tables[1][TABLE].line, "##PEAK TABLE=", why, "give one a file")
    return _read_block(with_relatives(tables[0], blocks, nucleus), nucleus, remarks)


def write_jcamp(peaks: PeakList, title: str = "", nucleus: Nucleus = Carbon13()) -> str:
    """Write a peak list as a JCAMP-DX peak table that :func:`read_jcamp` reads back.

    It keeps everything. In the table an intensity that is not told is 1, and of a range the
    middle stands; what else peaks say is written as peak assignments, and metadata that have no
    record of their own, or do not fit there, as ``$NMRFLOW METADATA``.

    Args:
        peaks: The peak list.
        title: Its title, in place of the one among the metadata.
        nucleus: Whose shifts they are.

    Raises:
        SpectrumError: If a shift, or another number, is none that is read back.

    Warns:
        LeftOutWarning: If anything is not read back as it was.
    """
    metadata = {**peaks.metadata, "title": title} if title else dict(peaks.metadata)
    plain = {key: _plain(metadata[key]) for key in _OWN_RECORD if metadata.get(key)}
    if not _is_frequency(plain.get("frequency_mhz", "")):
        plain.pop("frequency_mhz", None)
    others = [key for key, text in metadata.items() if plain.get(key) != text]
    records = {
        "TITLE": plain.get("title", ""),
        "JCAMP-DX": "5.01",
        "DATA TYPE": "NMR PEAK TABLE",
        "DATA CLASS": "PEAK TABLE",
        "ORIGIN": "nmrflow",
        "OWNER": "",
        ".OBSERVE FREQUENCY": plain.get("frequency_mhz"),
        ".OBSERVE NUCLEUS": f"^{nucleus.name}",
        ".SOLVENT NAME": plain.get("solvent"),
        "XUNITS": "PPM",
        "YUNITS": "ARBITRARY UNITS",
        "NPOINTS": str(len(peaks.peaks)),
    }
    lines = [f"##{label}= {text}".rstrip() for label, text in records.items() if text is not None]
    if others:
        settings = (f"{hidden(key).replace('=', '%3D')}={hidden(metadata[key])}" for key in others)
        lines += [f"##{_METADATA}=", *settings]
    lines += ["##PEAK TABLE= (XY..XY)", *(", ".join(xy_of(peak)) for peak in peaks.peaks)]
    if assigned := assignment_lines(peaks.peaks, nucleus):
        lines += [f"##PEAK ASSIGNMENTS= {FORM}", *assigned]
    text = "\n".join([*lines, "##END=", ""])
    kept = read_jcamp(text, ShiftAxis(nucleus=nucleus))
    remark_left_out("JCAMP-DX", replace(peaks, metadata=metadata), kept)
    return text


def _no_table(blocks: Sequence[Block]) -> SpectrumError:
    for block in blocks:
        for label in _POINTS:
            if label in block:
                why = "begins the points of a spectrum, and there is no peak table"
                return refused(block[label].line, f"##{label}=", why, _PICK_HINT)
    what = "no peak table (##PEAK TABLE=)" if blocks else "no JCAMP-DX records (##LABEL= value)"
    return SpectrumError(f"line 1: the file holds {what}; export the peaks as a JCAMP-DX table")


def _plain(text: str) -> str:
    # Two dollar signs would begin a comment.
    return re.sub(r"\$(?=\$)", "$ ", " ".join(text.split()).strip("<>"))


def _is_frequency(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text.upper())) and 0 < float(text) < math.inf


def _read_block(table: Table, nucleus: Nucleus, remarks: list[str]) -> PeakList:
    block = table.block
    data_type = text_of(block, "DATATYPE")
    is_plain = data_type.upper().replace(" ", "") == TABLE  # of older notebooks
    types = data_type if not is_plain else table._replace(block={}).told("DATATYPE")
    if data_type and "NMR" not in types.upper():
        hint = f"give a {nucleus.name} NMR peak table"
        raise refused(block["DATATYPE"].line, data_type, "is no NMR data", hint)
    if not is_of(block, nucleus):
        told = block[".OBSERVENUCLEUS"]
        hint = f"give a {nucleus.name} peak table"
        raise refused(told.line, told.text, f"is not {nucleus.name}", hint)
    for label in ("XFACTOR", "YFACTOR"):
        factor = text_of(block, label)
        if factor and not (_NUMBER.fullmatch(factor.upper()) and float(factor) == 1):
            hint = "export the peaks as plain numbers"
            raise refused(block[label].line, factor, f"is an ##{label}= other than 1", hint)
    frequency = table.told(_FREQUENCY)
    divisor = _units_per_ppm(table, frequency)
    if "XUNITS" not in block:
        remarks.append("the peak table has no unit, and was read in that of its spectrum, ppm")
    peaks, pairs = list[Peak](), list[tuple[float, float]]()
    for line, x, y in _read_pairs(block):
        pairs.append((x, y))
        shift_ppm = x / divisor
        check_shift(shift_ppm, nucleus, line, f"{x:g}", "check the number and ##XUNITS=")
        peaks.append(Peak(shift_ppm, intensity=y))
    solvent = table.told(*_SOLVENTS).strip("<>") or _reference(table)
    known = {"title": text_of(block, "TITLE"), "frequency_mhz": frequency, "solvent": solvent}
    metadata = {key: text for key, text in known.items() if text} | _other_metadata(block)
    assigned, passed_over = with_assignments(peaks, pairs, block, nucleus)
    return PeakList(assigned, metadata, (*remarks, *passed_over))


def _other_metadata(block: Block) -> dict[str, str]:
    """What was written because it has no record of its own, or does not fit there."""
    entry = block.get(_METADATA.replace(" ", ""))
    pairs = (line.strip().partition("=") for line in (entry.values if entry else ()))
    return {shown(key): shown(text) for key, sign, text in pairs if sign}


def _reference(table: Table) -> str:
    """The internal reference of the shifts, if it is a solvent."""
    parts = [part.strip(" <>()") for part in table.told(".SHIFTREFERENCE").split(",")]
    is_internal = parts[0].upper() == "INTERNAL" and len(parts) > 1
    return parts[1] if is_internal and find_solvents(parts[1]) else ""


def _units_per_ppm(table: Table, frequency: str) -> float:
    """How much of the table's x is one ppm: 1, or in a table in Hz the spectrometer's MHz."""
    block = table.block
    line, units = block[TABLE].line, text_of(block, "XUNITS").upper()
    if "PPM" in units or (not units and "PPM" in table.told("XUNITS").upper()):
        return 1.0
    if units not in ("HZ", "HERTZ"):
        if not units:
            why, hint = "has no unit", "add ##XUNITS= PPM above it, if it is ppm"
            raise refused(line, "##PEAK TABLE=", why, hint)
        hint = "give a table in PPM or HZ"
        raise refused(block["XUNITS"].line, units, "is no unit of a chemical shift", hint)
    if not _is_frequency(frequency):
        hint = "add ##.OBSERVE FREQUENCY= in MHz, or export the table in ppm"
        raise refused(line, "##PEAK TABLE=", "is in Hz and no frequency is told", hint)
    return float(frequency)


def _read_pairs(block: Block) -> Iterator[tuple[int, float, float]]:
    """Line, x and y of every peak of a block's table."""
    table = block[TABLE]
    form = _FORM.match(table.values[0])
    if not form:
        hint = "the forms (XY..XY), (XYW..XYW) and (XYM..XYM) are read"
        raise refused(table.line, table.text or "##PEAK TABLE=", "is no known form", hint)
    lines = [table.values[0][form.end() :], *table.values[1:]]
    n_fields = 2 + len("".join(form["more"].split()))
    groups = list(counted(_cut_lines(lines, table.line, n_fields)))
    text = "\n".join(lines)
    is_unclear = "." not in text and bool(re.search("[0-9],[0-9]", text))
    _check_number(block, len(groups), is_unclear=is_unclear)
    for number, (x, y, *_) in groups:
        if not (_NUMBER.fullmatch(x) and _NUMBER.fullmatch(y)):
            raise refused(number, f"{x}, {y}", "is no peak", _PAIR_HINT)
        pair = float(x), float(y)
        if not (math.isfinite(pair[0]) and math.isfinite(pair[1])):
            raise refused(number, f"{x}, {y}", "is no peak", _PAIR_HINT)
        yield number, *pair


def _cut_lines(
    lines: Sequence[str], first: int, n_fields: int
) -> Iterator[tuple[int, Sequence[str]]]:
    """Line and fields of every peak."""
    for number, line in enumerate(lines, start=first):
        if match := _PAIR.fullmatch(line):
            yield number, match.groups()
        else:
            for group in _cut_groups(line, number, n_fields):
                yield number, group


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


def _check_number(block: Block, n_found: int, *, is_unclear: bool) -> None:
    """Refuse a table that is empty or cut off, and one whose commas may be decimal ones."""
    told = text_of(block, "NPOINTS")
    line = block[TABLE].line
    if not n_found:
        raise refused(line, "##PEAK TABLE=", "holds no peak", "add lines such as 63.4, 0.55")
    if told.isascii() and told.isdecimal() and len(told) < 10:
        if int(told) != n_found:
            hint = "correct ##NPOINTS=, write decimal points, or export the table again"
            raise refused(line, f"##NPOINTS= {told}", f"but {n_found} peaks are there", hint)
    elif is_unclear:
        hint = "write decimal points, or tell ##NPOINTS="
        raise refused(line, "##PEAK TABLE=", "has commas that may be decimal ones", hint)
