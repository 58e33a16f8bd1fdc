"""Every error that nmrflow raises on purpose, and how it reaches a person.

A message says what was read, where, why it was refused and what to do, in that order.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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


@contextmanager
def errors_for_people() -> Iterator[None]:
    """Print an :class:`NmrflowError` without a traceback and leave with exit code 1.

    ``HYDRA_FULL_ERROR=1``, the switch that Hydra's own messages name, shows the traceback.
    """
    try:
        yield
    except NmrflowError as error:
        if os.environ.get("HYDRA_FULL_ERROR", "0") not in ("", "0"):
            raise
        sys.stderr.write(f"nmrflow: {error}\n")
        raise SystemExit(1) from None
