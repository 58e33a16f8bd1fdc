"""Peak lists wherever they come from: typed, or in files of any form that is read."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from nmrflow.chem.notation import on_one_line
from nmrflow.errors import DataError, SpectrumError
from nmrflow.files.reading import read_text
from nmrflow.formats.jcamp import read_jcamp
from nmrflow.formats.spectrum_sdf import SpectrumRow, read_sdf_spectra
from nmrflow.formats.text_reader import read_peaks
from nmrflow.limits import MAX_SHARED_LINES, MAX_TEXT_BYTES
from nmrflow.spectra.axis import ShiftAxis

SDF_SUFFIXES = (".sdf", ".sd", ".nmredata")
JCAMP_SUFFIXES = (".jdx", ".dx", ".jcamp")
SPECTRUM_SUFFIXES = (*SDF_SUFFIXES, *JCAMP_SUFFIXES, ".txt", ".csv", ".tsv", ".xml")
"""What names of files of spectra end with, ``.gz`` perhaps behind; others are read as text."""

TYPED = "peak list"
"""Where a spectrum is that was given itself, not as a file."""

_LINE_OF_ERROR = re.compile(r"^line (\d+)(?=:)")
_FILE_NAME = re.compile(r"[^\s,;]+\.[A-Za-z][A-Za-z0-9]{0,7}")
_NUMBERS = re.compile(r"[\s.,;+-]*[0-9][0-9\s.,;+-]*")
_NUMBER_ALONE = re.compile(r"(?:^|\s)[+-]?[0-9]+(?:\.[0-9]+)?(?=\s|$)")
_LIST_OF_NUMBERS = re.compile(r"[0-9]\s*[,;]\s*[+-]?[0-9]")


def read_spectra(source: str, axis: ShiftAxis = ShiftAxis()) -> Iterator[SpectrumRow]:
    """Read the spectra of a file, or a peak list that is given itself.

    A name's ending says what a file is: an SDF with assigned spectra, a JCAMP-DX peak table, or
    else a peak list as :func:`nmrflow.formats.text_reader.read_peaks` takes it. Lines ``> name``
    in a list begin one spectrum each; comments before the first such line are said of all.

    Args:
        source: The path of a file, or a peak list.
        axis: Says of which nucleus the shifts are.

    Raises:
        DataError: If the source is the path of no file, or of one that cannot be read; of an SDF
            while rows are read.
    """
    file = _find(source)
    if file is None:
        return read_lists(source, TYPED, axis)
    suffix = Path(file.name.lower().removesuffix(".gz")).suffix
    if suffix in SDF_SUFFIXES:
        return read_sdf(source, axis)
    text = read_text(source, "a list of peaks", MAX_TEXT_BYTES)
    if suffix in JCAMP_SUFFIXES:
        return iter([read_jcamp_spectrum(text, source, axis)])
    return read_lists(text, source, axis)


def _find(source: str) -> Path | None:
    """The file that a source is the path of; None if it is no path."""
    if not source.strip():
        return None
    try:
        file = Path(source).expanduser()
        is_folder, exists = file.is_dir(), file.exists()
    except (OSError, ValueError, RuntimeError):
        # Too long for a name, a null character, somebody's home who does not exist.
        is_folder = exists = False
    if is_folder and not _NUMBERS.fullmatch(source):
        raise DataError(f"{source}: is a folder; give a file of peaks, or the peaks themselves")
    if exists and not is_folder:
        return file
    if _looks_like_path(source):
        raise DataError(
            f"{source}: no such file (looked in {Path.cwd()}); check its name, or give the peaks "
            "themselves, such as '63.4, 25.1'"
        )
    return None


def _looks_like_path(source: str) -> bool:
    text = source.strip()
    if "\n" in text or _LIST_OF_NUMBERS.search(text):
        return False
    if text.lower().endswith((*SPECTRUM_SUFFIXES, ".gz")) or _FILE_NAME.fullmatch(text):
        return True
    # A slash may also stand among the notes of a list, as in CDCl3/CD3OD.
    return bool(re.search(r"[/\\]", text)) and not _NUMBER_ALONE.search(text)


def read_sdf(path: str, axis: ShiftAxis) -> Iterator[SpectrumRow]:
    """The spectra of an SDF, whose records need no structure that can be read."""
    for row in read_sdf_spectra(path, axis):
        if row.peaks is None:
            line = row.where.rpartition(":")[2]
            row = replace(row, reason=f"record from line {line}: {row.reason}")
        elif row.reason is not None:
            remarks = (*row.peaks.remarks, f"the record's structure is not read: {row.reason}")
            row = replace(row, reason=None, peaks=replace(row.peaks, remarks=remarks))
        yield row


def read_jcamp_spectrum(text: str, where: str, axis: ShiftAxis) -> SpectrumRow:
    """The spectrum of a JCAMP-DX file's text, or why there is none."""
    try:
        peaks = read_jcamp(text, axis)
    except SpectrumError as error:
        return SpectrumRow(1, f"{where}:1", "", None, str(error))
    name = on_one_line(peaks.metadata.get("title", ""))
    return SpectrumRow(1, f"{where}:1", name, peaks, None)


def read_lists(text: str, source: str, axis: ShiftAxis) -> Iterator[SpectrumRow]:
    """The spectra below lines ``> name``, and one that stands before the first such line."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    starts = [k for k, line in enumerate(lines) if line.startswith(">")]
    if not starts:
        where = source if source is TYPED else f"{source}:1"
        yield _read_list(SpectrumRow(1, where, "", None, None), lines, axis)
        return
    before = lines[: starts[0]]
    shared = [line for line in before if not line.strip() or line.lstrip().startswith("#")]
    if len(shared) * len(starts) > MAX_SHARED_LINES:
        raise DataError(
            f"{source}: {len(shared):,} lines of comments above, and said of, {len(starts):,} "
            f"spectra are more than {MAX_SHARED_LINES:,}; shorten them, or divide the file"
        )
    rows = [
        (f"{source}:{start + 1}", lines[start][1:], start + 1, lines[start + 1 : stop])
        for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True)
    ]
    if len(shared) < len(before):
        rows.insert(0, (f"{source}:1", "", 0, before))
        shared = []
    for number, (where, name, n_above, block) in enumerate(rows, start=1):
        row = SpectrumRow(number, where, on_one_line(name), None, None)
        yield _read_list(row, [*shared, *block], axis, len(shared), n_above)


def _read_list(
    row: SpectrumRow, lines: Sequence[str], axis: ShiftAxis, n_shared: int = 0, n_above: int = 0
) -> SpectrumRow:
    """Fill a row; of its lines the first ``n_shared`` begin the file, the others follow on."""

    def in_file(match: re.Match[str]) -> str:
        line = int(match[1])
        return f"line {line if line <= n_shared else line - n_shared + n_above}"

    try:
        return replace(row, peaks=read_peaks("\n".join(lines), axis))
    except SpectrumError as error:
        return replace(row, reason=_LINE_OF_ERROR.sub(in_file, str(error), count=1))
