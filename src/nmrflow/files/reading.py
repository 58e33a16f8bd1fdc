"""Files: which settings name one, text opened with errors that say what to do."""

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import rich.progress

from nmrflow.console import shows_progress
from nmrflow.errors import DataError
from nmrflow.limits import MAX_LINE, MAX_PACKED_RATIO

_PART = 1 << 20
_BUFFER = 1 << 16
_N_SNIFFED = 4096
_LENIENT = "nmrflow.windows-1252"


_OTHER_PROGRAMS = {
    b"PK\x03\x04": "a ZIP archive, as .zip and .xlsx are; unpack it, or save the table as .csv",
    b"\xd0\xcf\x11\xe0": "a document of Microsoft Office; save the table as .csv",
    b"%PDF": "a PDF; copy the peaks out of it",
    b"VjCD": "a ChemDraw file; save it as .mol, or copy it as SMILES",
}
"""What files of other programs begin with."""


@contextmanager
def open_text(path: str | Path, expected: str, *, is_setting: bool = True) -> Iterator[TextIO]:
    """Open a text file, plain or gzipped (by its name), and report every failure.

    It is read as UTF-8, or as UTF-16 where it is that; single bytes that are no UTF-8 are read
    as Windows-1252, so that a letter of another program spoils its own field and nothing else.

    Args:
        path: The file; a byte order mark is skipped.
        expected: What the file should be, for messages.
        is_setting: Whether a setting names the file, as in trainings; then a bar says how much
            is read. Commands name their files themselves, and have their own bars.

    Raises:
        DataError: If it is missing, a folder, unreadable, empty, cut off, or no text. Also
            raised from within the block, where reading lines meets the damage.
    """
    try:
        with _opened(path, expected, is_setting=is_setting) as content:
            encoding = _encoding_of(content.peek(_N_SNIFFED)[:_N_SNIFFED], f"{path} ({expected})")
            yield io.TextIOWrapper(content, encoding=encoding, errors=_LENIENT, newline="")
    except UnicodeDecodeError as error:
        raise _not_text(f"{path} ({expected})", "damaged UTF-16") from error


def read_text(path: str | Path, expected: str, max_bytes: int) -> str:
    """The whole of a file that a command names, decoded as by :func:`open_text`.

    Raises:
        DataError: As :func:`open_text`, or if it is larger.
    """
    with _opened(path, expected, is_setting=False) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise DataError(f"{path} ({expected}): too large; is it the right file?")
    where = f"{path} ({expected})"
    try:
        return content.decode(_encoding_of(content[:_N_SNIFFED], where), _LENIENT)
    except UnicodeDecodeError as error:
        raise _not_text(where, "damaged UTF-16") from error


def contents_digest(paths: Iterable[str | None], expected: str) -> str:
    """What text files hold, in 64 hexadecimal digits (SHA-256), wherever they lie, packed or not.

    A path is None of a file that is not given; raises as :func:`open_text`.
    """
    found = hashlib.sha256()
    for path in paths:
        found.update(b"\0")
        if path is not None:
            with open_text(path, expected) as stream:
                while part := stream.read(_PART):
                    found.update(part.encode())
    return found.hexdigest()


def _encoding_of(head: bytes, where: str) -> str:
    """The encoding of a text by its first bytes; what is no text is refused."""
    for mark, what in _OTHER_PROGRAMS.items():
        if head.startswith(mark):
            raise DataError(f"{where}: is {what}")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Every second byte of a western text in UTF-16 is null, and none of one in UTF-8.
    n_even, n_odd = head[::2].count(0), head[1::2].count(0)
    if not n_even and not n_odd:
        return "utf-8-sig"
    if min(n_even, n_odd) == 0 and 4 * (n_even + n_odd) > len(head):
        return "utf-16-le" if n_odd else "utf-16-be"
    raise _not_text(where, "null characters at its beginning")


def _not_text(where: str, why: str) -> DataError:
    advice = "is it the right file? if so, save or export it as text in UTF-8"
    return DataError(f"{where}: not UTF-8 text ({why}); {advice}")


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """What bytes are that cannot be decoded: a handler of errors for codecs."""
    if not isinstance(error, UnicodeDecodeError) or error.encoding != "utf-8":
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_LENIENT, _as_windows_1252)


@contextmanager
def _opened(path: str | Path, expected: str, *, is_setting: bool) -> Iterator[io.BufferedReader]:
    """The bytes of a file, unpacked; every failure is a DataError."""
    where = f"{path} ({expected})"
    setting = "data.path, or whichever setting names this file"
    file = _find(path, where, f"check {setting}" if is_setting else "check its name")
    try:
        hidden = not (is_setting and shows_progress())
        with rich.progress.open(
            file, "rb", description=file.name, transient=True, disable=hidden
        ) as raw:
            is_packed = file.suffix.lower() == ".gz"
            content = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if is_packed else raw
            yield io.BufferedReader(_Bounded(content, raw, where), _BUFFER)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        what = f"damaged or cut-off gzip file ({error})"
        raise DataError(f"{where}: {what}; fetch it again") from error
    except OSError as error:
        raise DataError(f"{where}: cannot be read ({error})") from error


class _Bounded(io.RawIOBase):
    """What a file holds, up to the limits of lines and of packing."""

    def __init__(self, content: BinaryIO, packed: BinaryIO, where: str) -> None:
        self._content, self._packed, self._where = content, packed, where
        self._n = self._n_of_line = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - writable memory, at most a line's
        part = self._content.read(len(buffer))
        buffer[: len(part)] = part
        self._n += len(part)
        ends = part.find(b"\n"), part.find(b"\r")
        first = min((end for end in ends if end >= 0), default=len(part))
        if self._n_of_line + first > MAX_LINE:
            what = f"a line of more than {MAX_LINE:,} bytes"
            raise DataError(f"{self._where}: {what}; is it the right file?")
        last = max(part.rfind(b"\n"), part.rfind(b"\r"))
        self._n_of_line = len(part) - last - 1 + (self._n_of_line if last < 0 else 0)
        if self._n > max(MAX_LINE, MAX_PACKED_RATIO * self._packed.tell()):
            what = f"unpacks to more than {MAX_PACKED_RATIO} times its size"
            raise DataError(f"{self._where}: {what}; unpack it first if it is the right file")
        return len(part)


def names_a_file(key: str) -> bool:
    """Whether a setting of this name, or path of names, says where a file lies.

    Files may move: what they hold is compared by digest, and packaged weights name none.
    """
    name = key.rpartition(".")[2]
    return name in ("path", "resume") or name.endswith("_path")


def _find(path: str | Path, where: str, advice: str) -> Path:
    try:
        file = Path(path).expanduser()
        if not file.is_absolute():
            advice += f" (looked in {Path.cwd()})"
        if not file.exists():
            raise DataError(f"{where}: no such file; {advice}")
        if file.is_dir():
            raise DataError(f"{where}: is a folder, a file is needed; {advice}")
        if file.is_file() and file.stat().st_size == 0:
            raise DataError(f"{where}: the file is empty; {advice}, or fetch it again")
    except (OSError, TypeError, RuntimeError) as error:
        # TypeError: a number as a path. RuntimeError: somebody's home who does not exist.
        raise DataError(f"{where}: cannot be opened ({error}); {advice}") from error
    return file
