"""Files that answers are written to, item by item, in little memory."""

import csv
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from nmrflow.errors import DataError
from nmrflow.files.writing import check_writable, written_whole
from nmrflow.formats.spectrum_sdf import write_record
from nmrflow.output.items import Item
from nmrflow.spectra.nucleus import Carbon13, Nucleus

SCHEMA_VERSION = 1
"""Of the JSON files; raised when a name in them changes."""


@dataclass(frozen=True)
class Heading:
    """What a file says once.

    Args:
        columns: Of a table.
        about: Of JSON: command, network, settings.
        title: Of a page.
        lines: Beneath it.
        nucleus: Whose shifts an SDF holds.
    """

    columns: Sequence[str]
    about: Mapping[str, Any]
    title: str
    lines: Sequence[str] = ()
    nucleus: Nucleus = Carbon13()


Add = Callable[[Item], None]
"""Writes one item."""

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBERS = re.compile(r"[-+]?[0-9.]+(?: [-+]?[0-9.]+)*")


def _cell(value: Any) -> Any:  # noqa: ANN401 - whatever a row holds
    """A cell that no spreadsheet takes for a formula.

    A text that would be one, or that would look like one treated so, has an apostrophe before
    it, which spreadsheets do not show; numbers, and lists of them, stay as they are.
    """
    if value is None:
        return ""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBERS.fullmatch(value):
        return f"'{value}"
    return value


@contextmanager
def _table(stream: TextIO, heading: Heading) -> Iterator[Add]:
    writer = csv.DictWriter(
        stream, heading.columns, restval="", extrasaction="ignore", lineterminator="\n"
    )
    writer.writeheader()

    def add(item: Item) -> None:
        if item.row:
            writer.writerow({key: _cell(value) for key, value in item.row.items()})

    yield add


@contextmanager
def _json(stream: TextIO, heading: Heading) -> Iterator[Add]:
    about = json.dumps({"schema_version": SCHEMA_VERSION, **heading.about}, ensure_ascii=False)
    stream.write(about.removesuffix("}") + ', "results": [')
    between = itertools.chain(["\n"], itertools.repeat(",\n"))
    notes: list[str] = []

    def add(item: Item) -> None:
        if item.note:
            notes.append(item.note)
        if item.record:
            stream.write(next(between) + json.dumps(dict(item.record), ensure_ascii=False))

    yield add
    said = f', "notes": {json.dumps(notes, ensure_ascii=False)}' if notes else ""
    stream.write(f"\n]{said}}}\n")


@contextmanager
def _sdf(stream: TextIO, heading: Heading) -> Iterator[Add]:
    def add(item: Item) -> None:
        if item.structure is None and not item.is_refused:
            return  # A row of a larger answer, whose structure another item has.
        told = partial(write_record, name=item.title, properties=item.properties)
        stream.write(told(item.structure, item.shifts_ppm, nucleus=heading.nucleus))

    yield add


@contextmanager
def _page(stream: TextIO, heading: Heading) -> Iterator[Add]:
    # Here and below: what draws takes a second to import, and most answers are text.
    from nmrflow.output import page

    def add(item: Item) -> None:
        if item.title or item.is_refused or item.note:
            stream.write(page.card(item))

    stream.write(page.head(heading.title, heading.lines))
    yield add
    stream.write(page.FOOT)


@contextmanager
def _published(stream: TextIO, heading: Heading) -> Iterator[Add]:  # noqa: ARG001 - as the others
    from nmrflow.output.spectra import as_published

    def add(item: Item) -> None:
        if item.answer is not None:
            title = " ".join(item.title.split())
            stream.write(f"> {title}\n{as_published(item.answer)}")

    yield add


_TEXTS: dict[str, Callable[[TextIO, Heading], AbstractContextManager[Add]]] = {
    ".csv": _table,
    ".json": _json,
    ".sdf": _sdf,
    ".html": _page,
    ".txt": _published,
}
SINGLE = (".svg", ".png", ".jdx")
"""Of the forms, those that hold one answer: pictures, and spectra of JCAMP-DX."""

FORMS = (*_TEXTS, *SINGLE)
"""Endings of files that can be written."""


def check_output(file: Path) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        DataError: If its ending is unknown, or as :func:`nmrflow.files.writing.check_writable`.
    """
    if file.suffix.lower() not in FORMS:
        raise DataError(f"{file}: no form is known by this ending; choose {', '.join(FORMS)}")
    check_writable(file)


@contextmanager
def open_outputs(
    files: Sequence[Path], heading: Heading, written: list[Path] | None = None
) -> Iterator[Add]:
    """Files that grow by one item at a time, and appear under their names when all is written.

    A picture, or a spectrum of JCAMP-DX, is a file of its own for each answer: that of the first
    row has the name given, others have the number of their row and the molecule's name,
    ``-2-menthol``, ``-3`` and so on, before the ending. Such a name replaces a file of ours, and
    nothing else.

    Args:
        files: Each of one of the :data:`FORMS`.
        heading: What stands once in each.
        written: Gets the names of the files that were written.

    Raises:
        DataError: As :func:`check_output`, if writing fails, or if a picture's name is another
            output's, or of a file that is none of our pictures.
    """
    for file in files:
        check_output(file)
    written = [] if written is None else written
    try:
        with ExitStack() as stack:
            adders = [stack.enter_context(_opened(f, files, heading, written)) for f in files]

            def add(item: Item) -> None:
                for add_one in adders:
                    add_one(item)

            yield add
    except OSError as error:
        raise DataError(f"{error.filename or files}: cannot be written ({error})") from error


@contextmanager
def _opened(
    file: Path, files: Sequence[Path], heading: Heading, written: list[Path]
) -> Iterator[Add]:
    if file.suffix.lower() in SINGLE:
        yield _singles(file, files, written)
        return
    with (
        written_whole(file) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as stream,
        _TEXTS[file.suffix.lower()](stream, heading) as add,
    ):
        yield add
    written.append(file)


def _singles(file: Path, files: Sequence[Path], written: list[Path]) -> Add:
    numbers = itertools.count(1)

    def add(item: Item) -> None:
        if item.answer is None:
            return
        # A row's own number, so that refused rows move none; candidates have none.
        n = item.row.get("number") or next(numbers)
        called = file_stem(str(item.row.get("name") or ""))
        parts = filter(None, (file.stem, str(n), called))
        own = file.with_name(f"{'-'.join(parts)}{file.suffix}") if n > 1 else file
        if own != file:
            _check_derived(own, files)
        with written_whole(own) as unfinished:
            unfinished.write_bytes(_single(item, file.suffix.lower()))
        written.append(own)

    return add


def _single(item: Item, form: str) -> bytes:
    assert item.answer is not None
    if form == ".jdx":
        from nmrflow.output.spectra import as_jcamp

        return as_jcamp(item.answer, item.title).encode()
    from nmrflow.output.pictures import picture

    return picture(item.answer, form.removeprefix("."), item.caption)


def file_stem(title: str) -> str:
    """The beginning of a file's name that a title gives: letters, digits and hyphens.

    Example:
        >>> file_stem("2. p-cymene <b>"), file_stem("../../etc/passwd")
        ('2-p-cymene-b', 'etc-passwd')
    """
    return re.sub(r"[^A-Za-z0-9]+", "-", title)[:60].strip("-")


def _check_derived(own: Path, files: Sequence[Path]) -> None:
    """Refuse a name that we made up where it is somebody else's."""
    from nmrflow.output.pictures import is_ours

    if own.resolve() in [file.resolve() for file in files]:
        raise DataError(
            f"{own}: is to be written, and is the name of a further picture; rename it"
        )
    if own.exists() and not is_ours(own.read_bytes()):
        raise DataError(
            f"{own}: is the name of a further picture, and of a file that nmrflow did not draw; "
            "move it, or give the pictures another name (-o)"
        )
