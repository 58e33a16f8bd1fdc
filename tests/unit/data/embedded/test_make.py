"""The file in the package is what its makers make."""

from pathlib import Path

from embedded.make import generate, write
from nmrflow.data.sources.embedded import FILE, Embedded


def test_the_file_holds_what_is_made(tmp_path: Path) -> None:
    made = generate()
    records = Embedded().read().records
    assert [(r.structure, r.peaks.shifts_ppm) for r in records] == made
    assert len(made) == 1518
    write(tmp_path / "again.csv.gz")
    assert (tmp_path / "again.csv.gz").read_bytes() == FILE.read_bytes()
