"""Molecules with assigned shifts, one JSON object a line."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure
from nmrflow.data.records import Record, SourceData, report_defects
from nmrflow.errors import ConfigError, DataError, SpectrumError, StructureError
from nmrflow.files.reading import contents_digest, open_text
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import Peak, PeakList

EXPECTED = "molecules with assigned shifts, one JSON object a line"

OTHER_ELEMENTS = "other elements"
OTHER_KINDS = "other kinds of their atoms, or larger"

FLAGS = {
    "ambiguous_mapping": "atoms that could not be told apart for certain",
    "shift_on_non_carbon": "a shift on an atom of another element",
}
"""Marks of doubtful records, and what each says."""


class ShiftLines:
    """Reader of ``nmrshiftdb2_13c.jsonl``: each line has ``smiles`` and ``shifts``.

    ``shifts`` are pairs of an atom's number in the SMILES, from 0, and its shift in ppm. A line is
    one record. Marked ones (:data:`FLAGS`), those outside the domain, and those with a shift
    outside the range are left out and counted. Multiplicities follow from the hydrogens.

    Args:
        path: The file, plain or ``.gz``.
        domain: Which molecules are kept.
        low_ppm: Lowest shift that is believed.
        high_ppm: Highest one.
        nucleus: Whose shifts they are.

    Raises:
        ConfigError: If no path or no domain is given, or nothing lies between the shifts.
    """

    name = "nmrshiftdb2_13c"

    def __init__(
        self,
        path: str | None,
        domain: Domain | None,
        low_ppm: float = -10.0,
        high_ppm: float = 235.0,
        nucleus: Nucleus = Carbon13(),
    ) -> None:
        if path is None:
            raise ConfigError(f"data={self.name} reads {EXPECTED}: give data.path=FILE")
        if domain is None:
            raise ConfigError(f"data={self.name} asks which molecules to keep: give data.domain")
        if not low_ppm < high_ppm:
            raise ConfigError(f"data.low_ppm={low_ppm}, data.high_ppm={high_ppm}: nothing between")
        self.path: str | None = path
        self.domain, self.nucleus = domain, nucleus
        self.low_ppm, self.high_ppm = low_ppm, high_ppm

    def read(self) -> SourceData:
        """Every usable record, in file order.

        Raises:
            DataError: If the file cannot be read, holds nothing usable, or a line is none of its
                kind; all of those are named.
        """
        assert self.path is not None
        records: list[Record] = []
        n_excluded: Counter[str] = Counter()
        defects: list[str] = []
        with open_text(self.path, EXPECTED) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    found = self._record(json.loads(line), number)
                except (ValueError, KeyError, TypeError, RecursionError, SpectrumError) as error:
                    defects.append(f"line {number}: {_say(error)}")
                    continue
                if isinstance(found, str):
                    n_excluded[found] += 1
                else:
                    records.append(found)
        if defects:
            advice = f"{EXPECTED}, with smiles and shifts, is needed; correct or remove the lines"
            raise report_defects(self.path, defects, "line", advice)
        if not records:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in n_excluded.items())
            raise DataError(f"{self.path}: no usable record ({reasons or 'no line'})")
        return SourceData(tuple(records), n_excluded)

    def digest(self) -> str:
        """As of :class:`nmrflow.data.records.Source`."""
        return contents_digest([self.path], EXPECTED)

    def _record(self, told: dict[str, Any], number: int) -> Record | str:
        """One line's record, or the reason to leave it out."""
        smiles = told["smiles"]
        if not isinstance(smiles, str):
            raise TypeError(f"smiles {smiles!r} is no text")
        shifts = {int(atom): float(shift) for atom, shift in told["shifts"]}
        for flag, reason in FLAGS.items():
            if told.get(flag):
                return reason
        try:
            structure = Structure.from_smiles(smiles)
        except StructureError:
            return "no molecule in one piece without radicals or isotopes"
        if strange := sorted(set(shifts) - set(range(structure.n_atoms))):
            raise ValueError(f"no atom {strange[0]} in {smiles}")
        if (refusal := self._reason_to_leave_out(structure, shifts)) is not None:
            return refusal
        letters = self.nucleus.multiplicities
        peaks = tuple(
            Peak(
                shift,
                letters[min(structure.n_hydrogens[atom], len(letters) - 1)] if letters else None,
                atoms=(str(atom),),
            )
            for atom, shift in sorted(shifts.items())
        )
        name = str(number)
        return Record(name, name, structure, PeakList(peaks), f"{self.path}:{number}")

    def _reason_to_leave_out(
        self, structure: Structure, shifts: Mapping[int, float]
    ) -> str | None:
        if not set(structure.elements) <= set(self.domain.elements):
            return OTHER_ELEMENTS
        if self.domain.refusal(structure) is not None:
            return OTHER_KINDS
        if not shifts:
            return "no shift"
        if any(structure.elements[atom] != self.nucleus.element for atom in shifts):
            return FLAGS["shift_on_non_carbon"]
        if not all(self.low_ppm <= shift <= self.high_ppm for shift in shifts.values()):
            return f"a shift outside {self.low_ppm:g} to {self.high_ppm:g} ppm"
        return None


def _say(error: Exception) -> str:
    return f"lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())[:200]
