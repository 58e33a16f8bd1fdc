"""Blocks of JCAMP-DX files, and what those around a peak table say of it."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote, unquote

from nmrflow.formats.shift_words import refused
from nmrflow.spectra.nucleus import Nucleus

TABLE = "PEAKTABLE"
"""The plain label of a peak table."""

_PLAIN = " !\"&'()*+,-./:=?@[\\]^_`{|}~"
_NO_PART = re.compile(r"[\s\-/_]")
_LABEL = re.compile(r"\s*##([^=]*)=(.*)", re.DOTALL)


class Entry(NamedTuple):
    """One labelled record: its first line, from 1, and its value's lines, without comments."""

    line: int
    values: list[str]

    @property
    def text(self) -> str:
        """The value on one line."""
        return " ".join(" ".join(self.values).split())


Block = dict[str, Entry]
"""Records by plain label: capitals without blanks, dashes, slashes and underscores."""


def cut_blocks(text: str) -> Iterator[Block]:
    """The blocks of a file in their order; what stands before the first label is dropped.

    Of records with one label the first counts.

    Raises:
        SpectrumError: If a block has two peak tables, of which none may be dropped.
    """
    block: Block = {}
    record = Entry(0, [])
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        content = line.partition("$$")[0]
        match = _LABEL.fullmatch(content) if "##" in content else None
        if not match:
            record.values.append(content)
            continue
        label = _NO_PART.sub("", match[1]).upper()
        record = Entry(number, [match[2]])
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


class Table(NamedTuple):
    """A block with a peak table, and the blocks that it belongs to, the closest first."""

    block: Block
    relatives: Sequence[Sequence[Block]]

    def told(self, *labels: str) -> str:
        """What the table's block says, or else the closest blocks, if they say one thing."""
        for blocks in ([self.block], *self.relatives):
            values = {
                text for block in blocks for label in labels if (text := text_of(block, label))
            }
            if len(values) == 1:
                return values.pop()
        return ""


def with_relatives(table: Block, blocks: Sequence[Block], nucleus: Nucleus) -> Table:
    """A table with the blocks that it refers to, those of its title, and all of its nucleus."""
    spectra = [block for block in blocks if block is not table and "BLOCKS" not in block]
    others = [block for block in spectra if is_of(block, nucleus)]
    numbers = re.findall(r"BLOCK[\s_]?ID\s*=\s*([0-9]{1,6})", text_of(table, "CROSSREFERENCE"))
    titles = text_of(table, "TITLE")
    referred = [block for block in others if text_of(block, "BLOCKID") in numbers]
    titled = [block for block in others if titles and text_of(block, "TITLE") == titles]
    return Table(table, (referred, titled, others))


def choose_edited(tables: list[Block], remarks: list[str]) -> list[Block]:
    """Of the tables of an electronic notebook the one that a chemist edited."""
    filled = [block for block in tables if text_of(block, "NPOINTS") != "0"] or tables
    edited = [b for b in filled if text_of(b, "$CSCATEGORY").upper() == "EDIT_PEAK"]
    automatic = [b for b in filled if text_of(b, "$CSCATEGORY").upper() == "AUTO_PEAK"]
    if len(edited) + len(automatic) != len(filled) or len(edited or automatic) != 1:
        return tables
    (chosen,) = edited or automatic
    which = "the edited one (EDIT_PEAK)" if edited else "the automatic one (AUTO_PEAK)"
    remarks.append(f"of {len(tables)} peak tables {which} was taken")
    return [chosen]


def is_of(block: Block, nucleus: Nucleus) -> bool:
    """Whether a block tells this nucleus, or none."""
    told = re.sub("[^A-Z0-9]", "", text_of(block, ".OBSERVENUCLEUS").upper())
    return told in ("", *nucleus.spellings)


def hidden(text: str) -> str:
    """A text in ASCII, without line ends and signs that mean something here, as ``%`` and hex."""
    signs = quote(text, _PLAIN, errors="surrogatepass")
    return re.sub("^ | $|(?<= ) ", "%20", signs)


def shown(text: str) -> str:
    """The text that was hidden."""
    return unquote(text, errors="replace")
