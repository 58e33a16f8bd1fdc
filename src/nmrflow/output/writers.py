"""Files that answers are written to, item by item, in little memory."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

from nmrflow.errors import DataError
from nmrflow.files import written_whole
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


class _Writer(Protocol):
    def add(self, item: Item) -> None: ...

    def close(self) -> None: ...


class _Table:
    def __init__(self, stream: TextIO, heading: Heading) -> None:
        self.writer = csv.DictWriter(
            stream, heading.columns, restval="", extrasaction="ignore", lineterminator="\n"
        )
        self.writer.writeheader()

    def add(self, item: Item) -> None:
        if item.row:
            self.writer.writerow({key: "" if v is None else v for key, v in item.row.items()})

    def close(self) -> None:
        pass


class _Json:
    def __init__(self, stream: TextIO, heading: Heading) -> None:
        self.stream, self.between = stream, "\n"
        about = json.dumps({"schema_version": SCHEMA_VERSION, **heading.about}, ensure_ascii=False)
        stream.write(about.removesuffix("}") + ', "results": [')

    def add(self, item: Item) -> None:
        if item.record:
            self.stream.write(self.between + json.dumps(dict(item.record), ensure_ascii=False))
            self.between = ",\n"

    def close(self) -> None:
        self.stream.write("\n]}\n")


class _Sdf:
    def __init__(self, stream: TextIO, heading: Heading) -> None:
        self.stream, self.nucleus = stream, heading.nucleus

    def add(self, item: Item) -> None:
        if item.structure is None and not item.is_refused:
            return  # A row of a larger answer, whose structure another item has.
        self.stream.write(
            write_record(
                item.structure,
                item.shifts_ppm,
                name=item.title,
                properties=item.properties,
                nucleus=self.nucleus,
            )
        )

    def close(self) -> None:
        pass


class _Page:
    def __init__(self, stream: TextIO, heading: Heading) -> None:
        # Here and below: what draws takes a second to import, and most answers are text.
        from nmrflow.output import page

        self.stream, self.page = stream, page
        stream.write(page.head(heading.title, heading.lines))

    def add(self, item: Item) -> None:
        if item.title or item.is_refused:
            self.stream.write(self.page.card(item))

    def close(self) -> None:
        self.stream.write(self.page.FOOT)


_TEXTS: dict[str, Callable[[TextIO, Heading], _Writer]] = {
    ".csv": _Table,
    ".json": _Json,
    ".sdf": _Sdf,
    ".html": _Page,
}
_PICTURES = (".svg", ".png")

FORMS = (*_TEXTS, *_PICTURES)
"""Endings of files that can be written."""


def check_output(file: Path) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        DataError: If its ending is unknown, or its folder is missing.
    """
    if file.suffix.lower() not in FORMS:
        raise DataError(f"{file}: no form is known by this ending; choose {', '.join(FORMS)}")
    if not file.parent.is_dir():
        raise DataError(f"{file}: there is no folder {file.parent}; make it first")
    if file.is_dir():
        raise DataError(f"{file}: is a folder; name a file")


@contextmanager
def open_outputs(files: Sequence[Path], heading: Heading) -> Iterator[Callable[[Item], None]]:
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
            writers = [_open(file, heading, stack) for file in files]

            def add(item: Item) -> None:
                for writer in writers:
                    writer.add(item)

            yield add
    except OSError as error:
        raise DataError(f"{error.filename or files}: cannot be written ({error})") from error


def _open(file: Path, heading: Heading, stack: ExitStack) -> _Writer:
    if file.suffix.lower() in _PICTURES:
        return _Pictures(file)
    return stack.enter_context(_opened(file, heading))


@contextmanager
def _opened(file: Path, heading: Heading) -> Iterator[_Writer]:
    with (
        written_whole(file) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as stream,
    ):
        writer = _TEXTS[file.suffix.lower()](stream, heading)
        yield writer
        writer.close()


class _Pictures:
    def __init__(self, file: Path) -> None:
        self.file, self.n = file, 0

    def add(self, item: Item) -> None:
        if item.answer is None:
            return
        from nmrflow.output.pictures import picture

        self.n += 1
        name = f"{self.file.stem}-{self.n}{self.file.suffix}" if self.n > 1 else self.file.name
        form = self.file.suffix.lower().removeprefix(".")
        with written_whole(self.file.with_name(name)) as unfinished:
            unfinished.write_bytes(picture(item.answer, form))

    def close(self) -> None:
        pass
