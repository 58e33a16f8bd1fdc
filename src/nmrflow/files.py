"""Opening the text files of sources, with errors that name the file and what to do."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import rich.progress

from nmrflow.console import shows_progress
from nmrflow.errors import DataError

_PART = 1 << 20


@contextmanager
def open_text(path: str | Path, expected: str, *, is_setting: bool = True) -> Iterator[TextIO]:
    """Open a UTF-8 text file, plain or gzipped (by its name), and report every failure.

    Args:
        path: The file; a byte order mark is skipped.
        expected: What the file should be, for messages.
        is_setting: Whether a setting names the file, as in trainings; then a bar says how much
            is read. Commands name their files themselves, and have their own bars.

    Raises:
        DataError: If it is missing, a folder, unreadable, empty, cut off, or no text. Also
            raised from within the block, where reading lines meets the damage.
    """
    where = f"{path} ({expected})"
    setting = "data.path, or whichever setting names this file"
    file = _find(path, where, f"check {setting}" if is_setting else "check its name")
    try:
        hidden = not (is_setting and shows_progress())
        with rich.progress.open(
            file, "rb", description=file.name, transient=True, disable=hidden
        ) as raw:
            content = gzip.GzipFile(fileobj=raw) if file.suffix.lower() == ".gz" else raw
            yield io.TextIOWrapper(content, encoding="utf-8-sig", newline="")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: not UTF-8 text (byte {error.start} of a block); is it the right file?"
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{where}: damaged or cut-off gzip file ({error}); fetch it again"
        ) from error
    except OSError as error:
        raise DataError(f"{where}: cannot be read ({error})") from error


def contents_digest(paths: Iterable[str | None], expected: str) -> str:
    """What text files hold, in 64 hexadecimal digits (SHA-256), wherever they lie.

    Args:
        paths: The files, packed or not; None for one that is not given.
        expected: As of :func:`open_text`.

    Raises:
        DataError: If a file cannot be read.
    """
    found = hashlib.sha256()
    for path in paths:
        found.update(b"\0")
        if path is not None:
            with open_text(path, expected) as stream:
                while part := stream.read(_PART):
                    found.update(part.encode())
    return found.hexdigest()


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
