"""Records of any SDF, one after another, and the tags that they carry."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nmrflow.errors import DataError
from nmrflow.files import open_text

_TAG = re.compile(r"^>.*?<(?P<name>[^<>]+)>")
_ID_TAG = "nmrshiftdb2 ID"


@dataclass(frozen=True)
class SdfRecord:
    """One record of an SDF, cut but not parsed.

    Args:
        number: Its place in the file, from 1.
        line: Its first line, from 1.
        molblock: The molfile.
        properties: Names and texts of the properties, in file order.
        is_complete: Whether a ``$$$$`` line closes it.
    """

    number: int
    line: int
    molblock: str
    properties: tuple[tuple[str, str], ...]
    is_complete: bool

    @property
    def identifier(self) -> str:
        """The record's own, or one made from its place."""
        return dict(self.properties).get(_ID_TAG, "").strip() or f"record-{self.number}"


def read_records(
    path: str | Path, expected: str, *, is_setting: bool = False
) -> Iterator[SdfRecord]:
    """Cut an SDF, or a molfile, which is one record without an end line.

    Args:
        path: The file, plain or ``.gz``.
        expected: What the file should be, for messages.
        is_setting: As of :func:`nmrflow.files.open_text`.

    Raises:
        DataError: As :func:`nmrflow.files.open_text`.
    """
    with open_text(path, expected, is_setting=is_setting) as stream:
        yield from _cut(stream)


def title_of(record: SdfRecord) -> str:
    """The first line of the record's molfile."""
    return record.molblock.partition("\n")[0].strip()


def name_of(record: SdfRecord) -> str:
    """The title, or else the record's nmrshiftdb2 ID, or else nothing."""
    return title_of(record) or dict(record.properties).get(_ID_TAG, "").strip()


def write_tags(tags: Mapping[str, str]) -> str:
    """Write tags with their texts, and the line that ends a record.

    Args:
        tags: Names and texts. Of a text, blank lines and control characters are left out, and a
            line that would be read as a tag or as the record's end gets a blank before it.

    Raises:
        DataError: If a name cannot stand between angle brackets.
    """
    parts = []
    for name, text in tags.items():
        if not name.strip() or not name.isprintable() or re.search("[<>]", name):
            raise DataError(
                f"the SDF tag {name!r} cannot be written; name it without <, > and line ends"
            )
        parts.append(f"> <{name.strip()}>\n" + "".join(map(_value_line, _lines_of(text))) + "\n")
    return "".join(parts) + "$$$$\n"


def _cut(lines: Iterable[str]) -> Iterator[SdfRecord]:
    number, first_line = 1, 1
    molblock: list[str] = []
    tags: list[tuple[str, list[str]]] = []
    for line_number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        if text.startswith("$$$$"):
            yield _record(number, first_line, molblock, tags, is_complete=True)
            number, first_line, molblock, tags = number + 1, line_number + 1, [], []
        elif match := _TAG.match(text):
            tags.append((match["name"], []))
        elif not tags:
            molblock.append(text)
        elif text.strip():
            tags[-1][1].append(text)
    if tags or any(text.strip() for text in molblock):
        yield _record(number, first_line, molblock, tags, is_complete=False)


def _record(
    number: int,
    line: int,
    molblock: list[str],
    tags: list[tuple[str, list[str]]],
    *,
    is_complete: bool,
) -> SdfRecord:
    properties = tuple((name, "".join(f"{text}\n" for text in texts)) for name, texts in tags)
    return SdfRecord(number, line, "\n".join(molblock), properties, is_complete)


def _lines_of(text: str) -> list[str]:
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    lines = (
        "".join(c if c.isprintable() else " " for c in line).rstrip()
        for line in re.split(r"[\r\n]", encodable)
    )
    return [line for line in lines if line]


def _value_line(line: str) -> str:
    return f" {line}\n" if line.startswith((">", "$$$$")) else f"{line}\n"
