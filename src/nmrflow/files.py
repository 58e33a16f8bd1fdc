"""Files: which settings name one, text opened with errors that say what to do, written whole."""

import codecs
import gzip
import hashlib
import io
import os
import secrets
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import rich.progress

from nmrflow.console import shows_progress
from nmrflow.errors import DataError

_PART = 1 << 20
_N_SNIFFED = 4096
_LENIENT = "nmrflow.windows-1252"


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
            buffer = io.BufferedReader(cast(io.RawIOBase, content), 1 << 16)
            encoding = _encoding_of(buffer.peek(_N_SNIFFED)[:_N_SNIFFED], f"{path} ({expected})")
            yield io.TextIOWrapper(buffer, encoding=encoding, errors=_LENIENT, newline="")
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


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Where to write what has its name only once it is whole.

    Whatever ends the block, or the process, leaves the old file or the new one; several may
    write the same file at once, and the last has it.

    Args:
        path: The file; its folder is there.

    Returns:
        A file beside it, of a name of its own, which the block writes.
    """
    own = f"{os.getpid()}-{secrets.token_hex(4)}"
    unfinished = path.with_name(f".{path.name[:40]}.{own}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _encoding_of(head: bytes, where: str) -> str:
    """The encoding of a text by its first bytes; what is no text is refused."""
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
def _opened(path: str | Path, expected: str, *, is_setting: bool) -> Iterator[BinaryIO]:
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
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if is_packed else raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        what = f"damaged or cut-off gzip file ({error})"
        raise DataError(f"{where}: {what}; fetch it again") from error
    except OSError as error:
        raise DataError(f"{where}: cannot be read ({error})") from error


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
        if file.stat().st_size == 0:
            raise DataError(f"{where}: the file is empty; {advice}, or fetch it again")
    except (OSError, TypeError, RuntimeError) as error:
        # TypeError: a number as a path. RuntimeError: somebody's home who does not exist.
        raise DataError(f"{where}: cannot be opened ({error}); {advice}") from error
    return file
