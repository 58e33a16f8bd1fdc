"""Which side a molecule is on: decided by a hash of its connectivity, never by its row."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nmrflow.data.records import Record
from nmrflow.errors import ConfigError
from nmrflow.spectra.axis import ShiftAxis


@dataclass(frozen=True)
class Sides:
    """Records of the two sides, each in source order."""

    train: tuple[Record, ...]
    validation: tuple[Record, ...]


class Split(Protocol):
    """What a split must do; ``seed`` and ``name`` go into every report."""

    name: str
    seed: int

    def divide(self, records: Sequence[Record]) -> Sides:
        """Put every record on one side, or leave it out on purpose (see the subclass)."""
        ...


class StructureSplit:
    """About 80/20 by structure: the paper's split, without its leaks.

    A molecule is on the validation side when the hash of ``seed`` and its connectivity,
    read as a fraction, is below ``validation_fraction``. All rows of a molecule share its
    side, and adding or removing rows moves no molecule.

    Args:
        seed: Another seed is another split.
        validation_fraction: Expected share of molecules on the validation side.

    Raises:
        ConfigError: If the fraction is not between 0 and 1.
    """

    name = "structure"

    def __init__(self, seed: int, validation_fraction: float = 0.2) -> None:
        self.seed = seed
        self.validation_fraction = _checked_fraction("validation_fraction", validation_fraction)

    def is_validation(self, connectivity: str) -> bool:
        """Whether a molecule, given by its connectivity, is on the validation side."""
        return hash_fraction("side", self.seed, connectivity) < self.validation_fraction

    def divide(self, records: Sequence[Record]) -> Sides:
        """All records, each on its side."""
        return _divide(records, [self.is_validation(r.structure.connectivity) for r in records])


class InnerSplit(StructureSplit):
    """The training side of :class:`StructureSplit`, divided once more: for making choices.

    The validation side of the outer split is left out altogether, so whatever is chosen
    here (epochs, weights, a checkpoint) has not seen it. Training is on the rest of the
    outer training side, "validation" on its inner part.

    Args:
        seed: As of the outer split, which it must equal to belong to it.
        validation_fraction: As of the outer split.
        inner_fraction: Expected share of the training side's molecules in the inner part.

    Raises:
        ConfigError: If a fraction is not between 0 and 1.
    """

    name = "inner"

    def __init__(
        self, seed: int, validation_fraction: float = 0.2, inner_fraction: float = 0.125
    ) -> None:
        super().__init__(seed, validation_fraction)
        self.inner_fraction = _checked_fraction("inner_fraction", inner_fraction)

    def is_inner(self, connectivity: str) -> bool:
        """Whether a molecule of the training side is in its inner part."""
        return hash_fraction("inner", self.seed, connectivity) < self.inner_fraction

    def divide(self, records: Sequence[Record]) -> Sides:
        """The training side's records on two sides; the outer validation side is left out."""
        outer = [r for r in records if not self.is_validation(r.structure.connectivity)]
        return _divide(outer, [self.is_inner(r.structure.connectivity) for r in outer])


def hash_fraction(purpose: str, seed: int, connectivity: str) -> float:
    """A number in [0, 1) that follows from the text of its arguments alone (SHA-256)."""
    digest = hashlib.sha256(f"{purpose}:{seed}:{connectivity}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def structure_hash(connectivity: str) -> str:
    """16 hexadecimal digits that name a molecule without telling it (of its SHA-256)."""
    return hashlib.sha256(connectivity.encode()).hexdigest()[:16]


def without(records: Iterable[Record], connectivities: Collection[str]) -> list[Record]:
    """The records whose molecule's connectivity is none of those given.

    Of a validation side nothing measured is left, whatever record or numbering it came from.
    """
    excluded = frozenset(connectivities)
    return [record for record in records if record.structure.connectivity not in excluded]


def draw(records: Iterable[Record], n_most: int, seed: int) -> list[Record]:
    """Up to so many of the records, drawn by a hash of their molecules.

    What stands first in a collection is of its first contributors: larger molecules, mostly.
    """

    def place(record: Record) -> float:
        return hash_fraction("drawn", seed, record.structure.connectivity)

    return sorted(records, key=place)[:n_most]


def records_hash(records: Sequence[Record], axis: ShiftAxis) -> str:
    """Digest of a set of records (structures as stored, and fine bins), whatever their order."""
    lines = sorted(
        f"{r.structure.elements}{r.structure.bonds}{axis.occupied(r.peaks.shifts_ppm)}"
        for r in records
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _divide(records: Sequence[Record], is_validation: Sequence[bool]) -> Sides:
    pairs = list(zip(records, is_validation, strict=True))
    return Sides(tuple(r for r, held in pairs if not held), tuple(r for r, held in pairs if held))


def _checked_fraction(name: str, value: float) -> float:
    if not 0 < value < 1:
        raise ConfigError(f"split.{name}={value}: a number between 0 and 1 is needed")
    return value
