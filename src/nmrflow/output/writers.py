"""Files that answers are written to, item by item, in little memory."""

import csv
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from nmrflow.errors import DataError
from nmrflow.formats.spectrum_sdf import write_record
from nmrflow.output.items import Item
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.writing import check_writable, written_whole

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


@contextmanager
def _table(stream: TextIO, heading: Heading) -> Iterator[Add]:
    writer = csv.DictWriter(
        stream, heading.columns, restval="", extrasaction="ignore", lineterminator="\n"
    )
    writer.writeheader()

    def add(item: Item) -> None:
        if item.row:
            writer.writerow({key: "" if v is None else v for key, v in item.row.items()})

    yield add


@contextmanager
def _json(stream: TextIO, heading: Heading) -> Iterator[Add]:
    about = json.dumps({"schema_version": SCHEMA_VERSION, **heading.about}, ensure_ascii=False)
    stream.write(about.removesuffix("}") + ', "results": [')
    between = itertools.chain(["\n"], itertools.repeat(",\n"))

    def add(item: Item) -> None:
        if item.record:
            stream.write(next(between) + json.dumps(dict(item.record), ensure_ascii=False))

    yield add
    stream.write("\n]}\n")


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
        if item.title or item.is_refused:
            stream.write(page.card(item))

    stream.write(page.head(heading.title, heading.lines))
    yield add
    stream.write(page.FOOT)


_TEXTS: dict[str, Callable[[TextIO, Heading], AbstractContextManager[Add]]] = {
    ".csv": _table,
    ".json": _json,
    ".sdf": _sdf,
    ".html": _page,
}
_PICTURES = (".svg", ".png")

FORMS = (*_TEXTS, *_PICTURES)
"""Endings of files that can be written."""


def check_output(file: Path) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        DataError: If its ending is unknown, or as :func:`nmrflow.writing.check_writable`.
    """
    if file.suffix.lower() not in FORMS:
        raise DataError(f"{file}: no form is known by this ending; choose {', '.join(FORMS)}")
    check_writable(file)


@contextmanager
def open_outputs(files: Sequence[Path], heading: Heading) -> Iterator[Add]:
    """Files that grow by one item at a time, and appear under their names when all is written.

    A picture is a file of its own for each item: the first has the name given, the next have
    ``-2``, ``-3`` and so on before the ending.

    Args:
        files: Each of one of the :data:`FORMS`.
        heading: What stands once in each.

    Raises:
        DataError: As :func:`check_output`, or if writing fails.
    """
    for file in files:
        check_output(file)
    try:
        with ExitStack() as stack:
            adders = [stack.enter_context(_opened(file, heading)) for file in files]

            def add(item: Item) -> None:
                for add_one in adders:
                    add_one(item)

            yield add
    except OSError as error:
        raise DataError(f"{error.filename or files}: cannot be written ({error})") from error


@contextmanager
def _opened(file: Path, heading: Heading) -> Iterator[Add]:
    if file.suffix.lower() in _PICTURES:
        yield _pictures(file)
        return
    with (
        written_whole(file) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as stream,
        _TEXTS[file.suffix.lower()](stream, heading) as add,
    ):
        yield add


def _pictures(file: Path) -> Add:
    numbers = itertools.count(1)

    def add(item: Item) -> None:
        if item.answer is None:
            return
        from nmrflow.output.pictures import picture

        n = next(numbers)
        name = f"{file.stem}-{n}{file.suffix}" if n > 1 else file.name
        form = file.suffix.lower().removeprefix(".")
        with written_whole(file.with_name(name)) as unfinished:
            unfinished.write_bytes(picture(item.answer, form))

    return add
