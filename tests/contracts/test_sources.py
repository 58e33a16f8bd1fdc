"""What every data source promises, on files made here of invented measurements.

To add a source, add one row to SOURCES, and its own format's defects in a file beside this.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure
from nmrflow.data.records import Source, SourceData
from nmrflow.data.sources.assigned import AssignedShifts
from nmrflow.data.sources.embedded import Embedded
from nmrflow.data.sources.nmrshiftdb2 import Nmrshiftdb2
from nmrflow.data.sources.revmolspec import RevMolSpec
from nmrflow.data.sources.shift_lines import ShiftLines
from nmrflow.spectra.axis import ShiftAxis

AXIS = ShiftAxis()
INVENTED = {"CC": [7.0], "C=CC": [19.1, 115.4, 133.0], "c1ccccc1C": [21.0, 125.2, 128.3, 137.9]}


def make_table(folder: Path) -> Source:
    codec = BondTensorCodec()
    with (folder / "table.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow("ABCD")
        for number, (smiles, shifts) in enumerate(INVENTED.items()):
            bins = set(AXIS.to_fine_bins(shifts).tolist())
            bits = "".join("01"[bin_ in bins] for bin_ in range(AXIS.n_fine_bins))
            digits = codec.encode_digits(Structure.from_smiles(smiles))
            writer.writerow([f"m{number}", f"s{number}", digits, bits])
    return RevMolSpec(str(folder / "table.csv"))


def make_sdf(folder: Path, *, is_assigned: bool = False) -> Source:
    text = ""
    for number, (smiles, shifts) in enumerate(INVENTED.items()):
        structure = Structure.from_smiles(smiles)
        atoms = "".join(f"{0:10.4f}{0:10.4f}{0:10.4f} C   0  0\n" for _ in structure.elements)
        bonds = "".join(f"{b.begin + 1:3}{b.end + 1:3}{b.order:3}  0\n" for b in structure.bonds)
        counts = f"{structure.n_atoms:3}{len(structure.bonds):3}  0  0  0  0  0  0  0  0999 V2000"
        peaks = "|".join(f"{shift};0.0Q;{is_assigned * k}" for k, shift in enumerate(shifts))
        text += f"name\n\n\n{counts}\n{atoms}{bonds}M  END\n> <nmrshiftdb2 ID>\n{number}\n\n"
        text += f"> <Spectrum 13C 0>\n{peaks}|\n\n$$$$\n"
    (folder / "export.sdf").write_text(text)
    return Nmrshiftdb2(str(folder / "export.sdf"))


def make_assigned(folder: Path) -> Source:
    make_sdf(folder, is_assigned=True)
    return AssignedShifts(str(folder / "export.sdf"))


def make_lines(folder: Path) -> Source:
    lines = [
        json.dumps({"smiles": smiles, "shifts": list(enumerate(shifts))})
        for smiles, shifts in INVENTED.items()
    ]
    (folder / "shifts.jsonl").write_text("\n".join(lines) + "\n")
    return ShiftLines(str(folder / "shifts.jsonl"), Domain([["C", 0, 4]], max_atoms=17))


SOURCES: dict[str, Callable[[Path], Source]] = {
    "embedded": lambda _: Embedded(),
    "revmolspec": make_table,
    "nmrshiftdb2": make_sdf,
    "assigned": make_assigned,
    "nmrshiftdb2_13c": make_lines,
}


class Readings(NamedTuple):
    """A source, and what it gave twice; another source made the same way, and what it gave."""

    source: Source
    once: SourceData
    twice: SourceData
    other: SourceData


@pytest.fixture(params=SOURCES, scope="module")
def readings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Readings:
    make = SOURCES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    source = make(folder)
    return Readings(source, source.read(), source.read(), make(folder).read())


def test_every_configured_source_has_a_row() -> None:
    folder = Path(__file__).parents[2] / "conf" / "data"
    assert {file.stem for file in folder.glob("*.yaml")} == set(SOURCES)


def test_name_is_that_of_its_configuration(
    readings: Readings, request: pytest.FixtureRequest
) -> None:
    assert readings.source.name == request.node.callspec.params["readings"]


def test_records_are_the_same_every_time(readings: Readings) -> None:
    assert readings.once == readings.twice
    assert readings.once == readings.other


def test_there_are_records_and_all_are_accounted_for(readings: Readings) -> None:
    assert len(readings.once.records) >= len(INVENTED)
    assert readings.once.n_excluded_total == 0
    assert readings.once.defects == ()
    assert readings.once.describe()[0] == f"{len(readings.once.records):,} spectra"


def test_ids_are_unique_and_places_are_named(readings: Readings) -> None:
    records = readings.once.records
    assert len({record.spectrum_id for record in records}) == len(records)
    assert len({record.provenance for record in records}) == len(records)
    assert all(record.molecule_id and record.provenance for record in records)


def test_peaks_fill_sorted_bins_of_the_axis(readings: Readings) -> None:
    for record in readings.once.records:
        bins = AXIS.occupied(record.peaks.shifts_ppm)
        assert bins
        assert list(bins) == sorted(set(bins))
        assert 0 <= bins[0] <= bins[-1] < AXIS.n_fine_bins
        assert {type(bin_) for bin_ in bins} == {int}


def test_assigned_atoms_are_carbons_of_the_structure(readings: Readings) -> None:
    for record in readings.once.records:
        for atom in (int(atom) for peak in record.peaks.peaks for atom in peak.atoms):
            assert record.structure.elements[atom] == "C"


def test_digests_are_of_the_contents_alone(
    readings: Readings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    make = SOURCES[request.node.callspec.params["readings"]]
    elsewhere = make(tmp_path)
    digest = readings.source.digest()
    assert digest == elsewhere.digest()
    if elsewhere.path is None:
        return
    with Path(elsewhere.path).open("a") as stream:
        stream.write("\n")
    assert elsewhere.digest() != digest


def test_structures_fit_the_bond_tensor(readings: Readings) -> None:
    codec = BondTensorCodec()
    for record in readings.once.records:
        assert codec.decode(codec.encode(record.structure)) == record.structure


@pytest.mark.parametrize("make", [make_table, make_sdf, make_assigned])
def test_files_hold_what_was_written(make: Callable[[Path], Source], tmp_path: Path) -> None:
    for record, (smiles, shifts) in zip(
        make(tmp_path).read().records, INVENTED.items(), strict=True
    ):
        assert record.structure.connectivity == Structure.from_smiles(smiles).connectivity
        bins = AXIS.occupied(record.peaks.shifts_ppm)
        assert bins == tuple(sorted(set(AXIS.to_fine_bins(shifts).tolist())))
        assert str(tmp_path) in record.provenance
