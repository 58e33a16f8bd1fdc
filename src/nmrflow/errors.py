"""Every error that nmrflow raises on purpose, and how it reaches a person.

A message says what was read, where, why it was refused and what to do, in that order.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class NmrflowError(Exception):
    """Base of all errors that are the input's fault, not the program's."""


class ShapeError(NmrflowError, ValueError):
    """A tensor does not have the shape that a flow or a codec works on."""


class StructureError(NmrflowError, ValueError):
    """A molecule is not a valid structure, or lies outside a codec's domain."""


class SpectrumError(NmrflowError, ValueError):
    """A peak list or a spectrum code is not one."""


class DataError(NmrflowError, ValueError):
    """A data file cannot be read, or holds rows that cannot be used."""


class ConfigError(NmrflowError, ValueError):
    """A configuration names something that may not be built, or values that do not fit."""


class TrainingError(NmrflowError, ArithmeticError):
    """Training cannot go on: a loss is no longer a finite number."""


class CheckpointError(NmrflowError, ValueError):
    """A checkpoint is damaged, foreign, or does not fit what is asked of it."""


class Stopped(SystemExit):
    """A signal asked the process to end; what it has begun to write is removed on the way out."""


TRACEBACK = "NMRFLOW_TRACEBACK"
"""Environment variable: 1 shows where an error arose."""

_SIGNALS = [one for one in signal.Signals if one.name in ("SIGINT", "SIGTERM", "SIGHUP")]


@contextmanager
def errors_for_people() -> Iterator[None]:
    """The catch-all of every entry point: whatever is raised ends in words, without a traceback.

    Exit codes: 1 for an error; 128 and the number of the signal for SIGINT, SIGTERM and SIGHUP,
    which unwind what is running; 1 without a word where nobody reads the output any more.
    """
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict":  # A terminal that knows no δ.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    with _unwound_by_signals():
        try:
            yield
            sys.stdout.flush()
        except Stopped as stop:
            _say(f"stopped by {signal.Signals(int(str(stop.code)) - 128).name}")
            raise SystemExit(stop.code) from None  # Said once, where one stands in another.
        except BrokenPipeError:
            _drop_output()
            raise SystemExit(1) from None
        except Exception as error:
            if os.environ.get(TRACEBACK, "0") not in ("", "0"):
                raise
            _say(_described(error))
            _drop_output()
            raise SystemExit(1) from None


def run_with_hydra(main: Callable[[], object]) -> None:
    """Run a function that Hydra has wrapped, which would print tracebacks of its own."""
    os.environ["HYDRA_FULL_ERROR"] = "1"
    with errors_for_people():
        main()


def printable(text: str) -> str:
    """A text whose characters do nothing to a terminal; line ends and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def first_line(error: Exception) -> str:
    """What an error says, in a line; its kind where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _described(error: Exception) -> str:
    if isinstance(error, NmrflowError):
        return str(error)
    kind, what = type(error), " ".join(f"{error} {error.__cause__ or ''}".split())
    if kind.__module__.startswith(("hydra.", "omegaconf.")):  # Of what the user configured.
        return f"configuration: {what}"
    return f"{kind.__name__}: {what} (not foreseen; {TRACEBACK}=1 shows where it arose)"


def _say(what: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"nmrflow: {printable(what)}\n")


def _drop_output() -> None:
    """Let Python not stumble once more over output that cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _unwound_by_signals() -> Iterator[None]:
    """Within it signals raise :class:`Stopped`, unless somebody else minds or ignores them."""

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_IGN)  # A second one must not end the tidying up.
        raise Stopped(128 + number)

    own = (signal.SIG_DFL, signal.default_int_handler)
    is_main = threading.current_thread() is threading.main_thread()
    before = {one: signal.getsignal(one) for one in _SIGNALS} if is_main else {}
    before = {one: handler for one, handler in before.items() if handler in own}
    for one in before:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
