"""Files written whole or not at all, and folders that one process has at a time.

All that nmrflow writes goes through here. docs/limits.md says what is promised.
"""

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nmrflow.errors import DataError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_UNFINISHED = ".unfinished"
_LOCK = ".lock"


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Where to write what has its name only once it is whole and on the disk.

    Whatever ends the block, the process or the machine leaves the old file or the new one;
    several may write the same file at once, and the last has it. What is replaced keeps its
    mode. Of a link that which it leads to is replaced. Pipes, devices, and the file that standard
    output goes to, are written as they are.

    Args:
        path: The file; its folder is there.

    Returns:
        A file beside it, of a name of its own, which the block writes.
    """
    target, mode = _target(path)
    if target is None:
        yield path
        return
    unfinished = _beside(target)
    try:
        descriptor = _create(unfinished, mode)
        try:
            yield unfinished
            if mode is not None:
                os.chmod(unfinished, mode)  # noqa: PTH101 - the same for both platforms
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        unfinished.replace(target)
        _sync(target.parent)
    finally:
        _remove(unfinished)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, its line ends as they are, as :func:`written_whole`."""
    with written_whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="")


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        DataError: If its folder is missing or closed, or it is a folder, or no name of a file.
    """
    try:
        target, mode = _target(path)
        if path.is_dir():
            raise DataError(f"{path}: is a folder; name a file")
        if target is None:
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        if not target.parent.is_dir():
            folder = target.parent if path.is_symlink() else path.parent
            raise DataError(f"{path}: there is no folder {folder}; make it first")
        unfinished = _beside(target)
        try:
            os.close(_create(unfinished, mode))
        finally:
            _remove(unfinished)
    except (OSError, ValueError) as error:  # ValueError: a null character.
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be written ({reason}); name another file") from error


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Have a folder, made if missing, for oneself until the block ends or the process does.

    What a killed owner left unfinished in it is removed.

    Raises:
        DataError: If another process has it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _lock(folder / _LOCK)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror})") from error
    if descriptor is None:
        raise DataError(
            f"{folder}: another process of nmrflow is writing into this folder; wait for its end, "
            "or name another folder"
        )
    try:
        for left in folder.rglob(f".*{_UNFINISHED}"):
            left.unlink(missing_ok=True)
        yield
    finally:
        with suppress(OSError):  # Not of a file that is open, on Windows.
            (folder / _LOCK).unlink()
        os.close(descriptor)


def _target(path: Path) -> tuple[Path | None, int | None]:
    """The file to replace, where links lead, and its mode; no file if it is no ordinary one."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return Path(os.path.realpath(path)), None
    if not stat.S_ISREG(found.st_mode) or _is_open(found):
        return None, None
    return Path(os.path.realpath(path)), stat.S_IMODE(found.st_mode)


def _is_open(found: os.stat_result) -> bool:
    """Whether this is what standard output or error go to: replaced, they would be lost."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if os.path.samestat(found, os.fstat(descriptor)):
                return True
    return False


def _beside(target: Path) -> Path:
    own = f"{os.getpid()}-{secrets.token_hex(8)}"
    return target.with_name(f".{target.name[:40]}.{own}{_UNFINISHED}")


def _create(unfinished: Path, mode: int | None) -> int:
    """Make a file that nobody else has, no more open to others than what it will replace."""
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0)
    return os.open(unfinished, flags, 0o666 if mode is None else mode & 0o777 | 0o600)


def _remove(unfinished: Path) -> None:
    try:
        unfinished.unlink(missing_ok=True)
    except BaseException:  # Of a signal, amid the tidying up; a second one is ignored.
        unfinished.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Put the names in a folder on the disk, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _lock(file: Path) -> int | None:
    """An open descriptor of a file that this process alone has, or None if another has it."""
    while True:
        descriptor = os.open(file, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            if sys.platform == "win32":
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have removed it between the two calls.
            if os.path.samestat(os.fstat(descriptor), file.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return None
            raise
        os.close(descriptor)
