"""Records of any SDF, one after another, and the tags that they carry."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nmrflow.errors import DataError
from nmrflow.files.reading import open_text
from nmrflow.limits import MAX_TEXT_BYTES

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

    Arguments and errors are as of :func:`nmrflow.files.reading.open_text`.
    """
    number, first_line = 1, 1
    molblock: list[str] = []
    tags: list[tuple[str, list[str]]] = []
    n_characters = 0

    def record(*, is_complete: bool) -> SdfRecord:
        properties = tuple((name, "".join(f"{text}\n" for text in texts)) for name, texts in tags)
        return SdfRecord(number, first_line, "\n".join(molblock), properties, is_complete)

    with open_text(path, expected, is_setting=is_setting) as lines:
        for line_number, line in enumerate(lines, start=1):
            text = line.rstrip("\r\n")
            n_characters += len(line)
            if n_characters > MAX_TEXT_BYTES:
                raise DataError(
                    f"{path}:{first_line}: a record of more than {MAX_TEXT_BYTES:,} characters; "
                    "is it the right file?"
                )
            if text.startswith("$$$$"):
                yield record(is_complete=True)
                number, first_line, molblock, tags = number + 1, line_number + 1, [], []
                n_characters = 0
            elif match := _TAG.match(text):
                tags.append((match["name"], []))
            elif not tags:
                molblock.append(text)
            elif text.strip():
                tags[-1][1].append(text)
    if tags or any(text.strip() for text in molblock):
        yield record(is_complete=False)


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
        parts.append(f"> <{name.strip()}>\n" + "".join(_value_lines(text)) + "\n")
    return "".join(parts) + "$$$$\n"


def _value_lines(text: str) -> Iterator[str]:
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    for line in re.split(r"[\r\n]", encodable):
        if shown := "".join(c if c.isprintable() else " " for c in line).rstrip():
            yield f" {shown}\n" if shown.startswith((">", "$$$$")) else f"{shown}\n"
