"""Molecules with 13C shifts that come with nmrflow: made by rule, without a measurement.

The shifts are textbook estimates; ``data/README.md`` in the repository says how far off they are,
and how they are made.
"""

import csv
from pathlib import Path

from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.data.records import Record, SourceData
from nmrflow.files.reading import open_text
from nmrflow.spectra.peaks import Peak, PeakList

FILE = Path(__file__).parents[1] / "embedded.csv.gz"
COLUMNS = ("bonds", "shifts_ppm")
"""The 136 digits of the published table, and a shift for each carbon."""

_EXPECTED = "the molecules that come with nmrflow"


class Embedded:
    """Made-up hydrocarbon spectra as a data source: at hand anywhere.

    Always the same molecules in the same order. Synthetic: what a network scores here says
    nothing of measured spectra.
    """

    name = "embedded"
    path: str | None = None

    def read(self) -> SourceData:
        """Read every record."""
        codec = BondTensorCodec()
        with open_text(FILE, _EXPECTED) as stream:
            rows = list(csv.DictReader(stream))
        records = tuple(
            Record(
                molecule_id=f"embedded-{number}",
                spectrum_id=f"embedded-{number}",
                structure=codec.decode_digits(row["bonds"]),
                peaks=PeakList(
                    tuple(
                        Peak(float(shift), atoms=(str(atom),))
                        for atom, shift in enumerate(row["shifts_ppm"].split())
                    )
                ),
                provenance=f"generated, number {number}",
            )
            for number, row in enumerate(rows)
        )
        return SourceData(records)

    def digest(self) -> str:
        """There is no file of the user's."""
        return ""
