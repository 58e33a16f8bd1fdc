"""Attacks: how many, and a child process that dies, or has no space left, at a chosen moment."""

import builtins
import errno
import io
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nmrflow.errors import errors_for_people

N_BY_DEFAULT = 2

# Whatever a child does to a file, by what a full disk refuses and what it does not.
_GROWING = ("open", "fsync", "mkdir", "sendfile", "write")
_OTHERS = ("replace", "rename", "unlink", "remove", "rmdir", "chmod")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@pytest.fixture(scope="session")
def attack_scale() -> int:
    """How many attacks of a kind are tried: ``NMRFLOW_ATTACK``, a few unless it says more."""
    return int(os.environ.get("NMRFLOW_ATTACK", N_BY_DEFAULT))


class Outcome(NamedTuple):
    """What became of a child: exit code, or minus the signal; what it said; file events."""

    code: int
    said: str
    n_events: int


class Moments:
    """Runs a function in a child in which something happens at the k-th file event."""

    def __init__(self, scale: int) -> None:
        self._scale = scale

    @property
    def are_few(self) -> bool:
        """Whether it is not the attack that is asked for, but a look in passing."""
        return self._scale <= N_BY_DEFAULT

    def some(self, n: int, cost: int = 1) -> Iterator[int]:
        """Moments out of n, spread over all; fewer if each costs as much as several others."""
        n_tried = min(n, max(1, self._scale // cost))
        return (n * (2 * k + 1) // (2 * n_tried) for k in range(n_tried))

    def run(self, work: Callable[[], Any], happens: str = "", at: int = -1) -> Outcome:
        """Run work as a command's entry does.

        ``happens`` is ``killed``, ``stopped`` (SIGTERM), ``full`` (that once) or ``full for
        good``; events are counted from 0, and for a full disk those alone that need space.
        """
        return self._in_child(work, _Disk(happens, at))

    def left_behind(self, work: Callable[[], Any], folder: Path, into: Path) -> Outcome:
        """Run work, and copy all that a kill could leave of a folder, each state once.

        States are told apart by the files that have their names: what is unfinished the next run
        removes. So one run gives them all, and only the going on is to be tried.
        """
        return self._in_child(work, _Watched(folder, into))

    def _in_child(self, work: Callable[[], Any], disk: "_Disk") -> Outcome:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            _live(work, disk, writer)
        os.close(writer)
        with os.fdopen(reader) as stream:
            told = stream.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said, n_events = json.loads(told) if told else ("", -1)
        return Outcome(code, said, n_events)


@pytest.fixture(scope="session")
def moments(attack_scale: int) -> Moments:
    return Moments(attack_scale)


def _live(work: Callable[[], Any], disk: "_Disk", writer: int) -> None:
    """All of a child's life."""
    said, code = io.StringIO(), 0
    sys.stderr = said
    write = os.write
    try:
        disk.spy()
        with errors_for_people():
            work()
    except SystemExit as end:
        code = int(str(end.code or 0))
    except BaseException:
        traceback.print_exc(file=said)
        code = 99
    write(writer, json.dumps([said.getvalue(), disk.n_events]).encode())
    os._exit(code)


class _Disk:
    """Counts what happens to files, and lets it go wrong."""

    def __init__(self, happens: str, at: int) -> None:
        self.happens, self.at, self.n_events = happens, at, 0
        self._is_full = False

    def spy(self) -> None:
        for name in (*_GROWING, *_OTHERS):
            setattr(os, name, self._watched(name, getattr(os, name)))
        builtins.open = io.open = self._opener(io.open)  # type: ignore[assignment]

    def event(self, kind: str, before_death: Callable[[], object] = lambda: None) -> None:
        if self.happens.startswith("full") and kind not in _GROWING:
            return
        now, self.n_events = self.n_events, self.n_events + 1
        if self._is_full or (now == self.at and self.happens.startswith("full")):
            self._is_full = self.happens == "full for good"
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if now == self.at and self.happens:
            before_death()
            is_killed = self.happens == "killed"
            os.kill(os.getpid(), signal.SIGKILL if is_killed else signal.SIGTERM)

    def _watched(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            is_looking = name == "open" and not args[1] & _WRITING
            if not is_looking:
                self.event(name)
            return original(*args, **kwargs)

        return watched

    def _opener(self, original: Callable[..., Any]) -> Callable[..., Any]:
        disk = self

        class Raw(io.FileIO):
            def write(self, data: Any) -> int:
                half = memoryview(data).cast("B")[: len(data) // 2]
                disk.event("write", lambda: super(Raw, self).write(half))
                return super().write(data)

        def opened(
            file: Any,
            mode: str = "r",
            buffering: int = -1,
            encoding: str | None = None,
            errors: str | None = None,
            newline: str | None = None,
            closefd: bool = True,
            opener: Any = None,
        ) -> Any:
            if not set(mode) & set("wax+"):
                return original(file, mode, buffering, encoding, errors, newline, closefd, opener)
            disk.event("open")
            raw = Raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
            if buffering == 0:
                return raw
            buffer = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return buffer if "b" in mode else io.TextIOWrapper(buffer, encoding, errors, newline)

        return opened


class _Watched(_Disk):
    """Copies a folder before every event that finds its named files changed."""

    def __init__(self, folder: Path, into: Path) -> None:
        super().__init__("", -1)
        self._folder, self._into, self._seen = folder, into, set[Any]()
        self._is_copying = False

    def event(self, kind: str, before_death: Callable[[], object] = lambda: None) -> None:
        if self._is_copying:
            return
        super().event(kind, before_death)
        self._is_copying = True
        files = [path for path in sorted(self._folder.rglob("*")) if path.is_file()]
        named = [path for path in files if not path.name.startswith(".")]
        state = tuple((str(path), path.read_bytes()) for path in named)
        if hash(state) not in self._seen:
            self._seen.add(hash(state))
            if files:
                shutil.copytree(self._folder, self._into / f"{self.n_events}")
        self._is_copying = False
