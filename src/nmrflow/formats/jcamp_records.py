"""Labelled records of JCAMP-DX files: ``##LABEL= value``, in blocks that ``##TITLE=`` begins."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nmrflow.errors import SpectrumError

TABLE = "PEAKTABLE"
"""The plain label of a peak table."""

_LABEL = re.compile(r"\s*##([^=]*)=(.*)", re.DOTALL)


@dataclass
class Record:
    """One labelled record.

    Args:
        line: Its first line, from 1.
        values: The lines of its value, without comments.
    """

    line: int
    values: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The value on one line."""
        return " ".join(" ".join(self.values).split())


Block = dict[str, Record]
"""Records by plain label: capitals without blanks, dashes, slashes and underscores."""


def cut_blocks(text: str) -> Iterator[Block]:
    """The blocks of a file in their order; what stands before the first label is dropped.

    Of records with one label the first counts.

    Raises:
        SpectrumError: If a block has two peak tables, of which none may be dropped.
    """
    block: Block = {}
    record = Record(0)
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        content = line.partition("$$")[0]
        match = _LABEL.fullmatch(content)
        if not match:
            record.values.append(content)
            continue
        label = re.sub(r"[\s\-/_]", "", match[1]).upper()
        record = Record(number, [match[2]])
        if label == "TITLE" and block:
            yield block
            block = {}
        if label == TABLE and label in block:
            why, hint = "is a second peak table of one block", "give one a file"
            raise refused(number, content, why, hint)
        block.setdefault(label, record)
    if block:
        yield block


def text_of(block: Block, label: str) -> str:
    """The value of a plain label on one line; nothing if there is no such record."""
    return block[label].text if label in block else ""


def refused(line: int, read: str, why: str, hint: str) -> SpectrumError:
    """The error for a line: what was read, why it is refused, what to do."""
    read = " ".join(read.split())
    shown = read if len(read) <= 60 else f"{read[:57]}..."
    return SpectrumError(f"line {line}: {shown!r} {why}; {hint}")
