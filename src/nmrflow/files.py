"""Files that settings name: which those are, and opening them, with errors that say what to do."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import rich.progress

from nmrflow.console import shows_progress
from nmrflow.errors import DataError


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
